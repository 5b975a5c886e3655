// @ts-check
// Making elements. Text goes in as text, never as HTML.

/**
 * @param {string} name
 * @param {Record<string, any>} [properties] Properties of the element; "class" is its class.
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") element.className = value;
    else if (key.includes("-")) element.setAttribute(key, value);
    else /** @type {any} */ (element)[key] = value;
  }
  element.append(...children);
  return element;
}

/** @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * A function that waits until it was not called for a while.
 * @param {() => void} work
 * @param {number} ms
 */
export function settled(work, ms) {
  /** @type {number | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

/** The last part of a path. @param {string} path */
export function last(path) {
  return path.split(/[\\/]/).filter(Boolean).pop() ?? path;
}

/** @param {string} text */
export async function copy(text) {
  await navigator.clipboard.writeText(text);
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${seconds < 10 ? Math.max(0, seconds).toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e3) return `${bytes} bytes`;
  const [divisor, unit] = bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  return `${(bytes / divisor).toPrecision(3)} ${unit}`;
}
