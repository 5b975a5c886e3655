// @ts-check
// The arrangement of panels as a tree: groups of panels behind tabs, in rows and columns. No function changes its arguments.

/**
 * @typedef {{tabs: string[], shown: string}} Group Panels in one place, of which one is shown.
 * @typedef {{split: "row" | "column", sizes: number[], parts: Tree[]}} Split Parts beside (row) or below (column) each other, with their shares.
 * @typedef {Group | Split} Tree
 * @typedef {"left" | "right" | "top" | "bottom" | "centre"} Side
 */

const MOST_DEEP = 12;
export const LEAST_SHARE = 0.04;

/** @param {string} shown @param {...string} others @returns {Group} */
export function group(shown, ...others) {
  return { tabs: [shown, ...others], shown };
}

/** Parts beside each other, each with its share. @param {...[number, Tree]} parts @returns {Split} */
export function row(...parts) {
  return { split: "row", sizes: parts.map(([size]) => size), parts: parts.map(([, part]) => part) };
}

/** Parts below each other. @param {...[number, Tree]} parts @returns {Split} */
export function column(...parts) {
  return { ...row(...parts), split: "column" };
}

/** All panels of a tree. @param {Tree | null} tree @returns {string[]} */
export function panelsOf(tree) {
  if (!tree) return [];
  return "tabs" in tree ? tree.tabs : tree.parts.flatMap(panelsOf);
}

/** The group that holds a panel. @param {Tree | null} tree @param {string} name @returns {Group | null} */
export function groupOf(tree, name) {
  if (!tree) return null;
  if ("tabs" in tree) return tree.tabs.includes(name) ? tree : null;
  return tree.parts.map((part) => groupOf(part, name)).find(Boolean) ?? null;
}

/** Each group replaced by what a function makes of it; null takes it out. @param {Tree} tree @param {(one: Group) => Tree | null} change @returns {Tree | null} */
function changed(tree, change) {
  if ("tabs" in tree) return change(tree);
  const parts = tree.parts.map((part, i) => ({ part: changed(part, change), size: tree.sizes[i] }));
  return joined(tree.split, parts.filter((one) => one.part !== null).map((one) => ({ part: /** @type {Tree} */ (one.part), size: one.size })));
}

/** A split whose parts of the same direction are its own; one part is no split. @param {"row" | "column"} split @param {{part: Tree, size: number}[]} given @returns {Tree | null} */
function joined(split, given) {
  const flat = given.flatMap(({ part, size }) => {
    if ("tabs" in part || part.split !== split) return [{ part, size }];
    return part.parts.map((own, i) => ({ part: own, size: size * part.sizes[i] }));
  });
  if (flat.length < 2) return flat[0]?.part ?? null;
  const sum = flat.reduce((total, { size }) => total + size, 0);
  return { split, sizes: flat.map(({ size }) => size / sum), parts: flat.map(({ part }) => part) };
}

/** The tree without a panel; null if it was the last one. @param {Tree | null} tree @param {string} name @returns {Tree | null} */
export function without(tree, name) {
  return tree && changed(tree, ({ tabs, shown }) => {
    const left = tabs.filter((one) => one !== name);
    if (!left.length) return null;
    return { tabs: left, shown: shown === name ? left[Math.max(0, tabs.indexOf(name) - 1)] : shown };
  });
}

/** The tree with a panel of a group brought to the front. @param {Tree} tree @param {string} name @returns {Tree} */
export function shownIn(tree, name) {
  return /** @type {Tree} */ (changed(tree, (one) => (one.tabs.includes(name) ? { ...one, shown: name } : one)));
}

/**
 * The tree with a panel beside another one, or behind its tab. It is taken from where it was.
 * @param {Tree | null} tree @param {string} name @param {string} target @param {Side} side @returns {Tree}
 */
export function placed(tree, name, target, side) {
  if (name === target) return /** @type {Tree} */ (tree);
  const rest = without(tree, name);
  if (!rest || !groupOf(rest, target)) return rest ? row([0.7, rest], [0.3, group(name)]) : group(name);
  return /** @type {Tree} */ (changed(rest, (one) => {
    if (!one.tabs.includes(target)) return one;
    if (side === "centre") return { tabs: [...one.tabs, name], shown: name };
    const parts = side === "left" || side === "top" ? [group(name), one] : [one, group(name)];
    return { split: side === "left" || side === "right" ? "row" : "column", sizes: [0.5, 0.5], parts };
  }));
}

/**
 * The tree with the border after a part moved. @param {Tree} tree @param {number[]} path Places of the split, from the root.
 * @param {number} place Of the part before the border. @param {number} by Share of the split. @returns {Tree}
 */
export function resized(tree, path, place, by) {
  if ("tabs" in tree) return tree;
  const [next, ...rest] = path;
  if (next !== undefined) return { ...tree, parts: tree.parts.map((part, i) => (i === next ? resized(part, rest, place, by) : part)) };
  const sizes = [...tree.sizes], both = sizes[place] + sizes[place + 1], least = Math.min(LEAST_SHARE, both / 2);
  sizes[place] = Math.min(both - least, Math.max(least, sizes[place] + by));
  sizes[place + 1] = both - sizes[place];
  return { ...tree, sizes };
}

/**
 * A tree from anywhere, with panels that are known, each once; null if it is none.
 * @param {unknown} given @param {string[]} known @returns {Tree | null}
 */
export function parsed(given, known) {
  const left = new Set(known);
  return one(given, 0);

  /** @param {any} part @param {number} deep @returns {Tree | null} */
  function one(part, deep) {
    if (typeof part !== "object" || part === null || deep > MOST_DEEP) return null;
    if (Array.isArray(part.tabs)) {
      const tabs = part.tabs.filter((/** @type {unknown} */ name) => typeof name === "string" && left.delete(name));
      return tabs.length ? { tabs, shown: tabs.includes(part.shown) ? part.shown : tabs[0] } : null;
    }
    if (!["row", "column"].includes(part.split) || !Array.isArray(part.parts)) return null;
    const parts = part.parts.slice(0, known.length).map((/** @type {unknown} */ own, /** @type {number} */ i) => {
      const size = Number(part.sizes?.[i]);
      return { part: one(own, deep + 1), size: size > 0 && Number.isFinite(size) ? size : 1 / part.parts.length };
    });
    return joined(part.split, parts.filter((/** @type {any} */ own) => own.part !== null));
  }
}
