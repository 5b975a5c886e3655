// @ts-check
// Borders between panels: dragged, or moved with the arrow keys.

import { panelsOf, resized } from "./tree.js";

/** @typedef {import("./tree.js").Tree} Tree */

const STEP = 0.02;

/** The split at a path. @param {Tree} tree @param {number[]} path @returns {import("./tree.js").Split} */
function splitAt(tree, path) {
  let found = tree;
  for (const place of path) found = /** @type {import("./tree.js").Split} */ (found).parts[place];
  return /** @type {import("./tree.js").Split} */ (found);
}

/**
 * @param {Tree} tree @param {number[]} path Of the split. @param {number} place Of the part before the border.
 * @param {(tree: Tree) => void} arrange
 */
export function borderAfter(tree, path, place, arrange) {
  const border = document.createElement("div"), { split, sizes, parts } = splitAt(tree, path), across = split === "row";
  border.className = "border";
  border.tabIndex = 0;
  border.dataset.border = [...path, place].join(".");
  const names = [parts[place], parts[place + 1]].map((part) => panelsOf(part)[0]);
  for (const [name, value] of Object.entries({ role: "separator", "aria-orientation": across ? "vertical" : "horizontal", "aria-label": `Border between ${names.join(" and ")}`, "aria-valuenow": Math.round((100 * sizes[place]) / (sizes[place] + sizes[place + 1])) }))
    border.setAttribute(name, String(value));
  const moved = (/** @type {number} */ by) => {
    arrange(resized(tree, path, place, by));
    // The borders are new ones.
    /** @type {HTMLElement | null} */ (document.querySelector(`[data-border="${border.dataset.border}"]`))?.focus();
  };
  border.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (by === undefined || event.ctrlKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    moved(by);
  });
  border.addEventListener("pointerdown", (event) => {
    border.setPointerCapture(event.pointerId);
    const from = across ? event.clientX : event.clientY, box = /** @type {HTMLElement} */ (border.parentElement).getBoundingClientRect();
    const share = (/** @type {PointerEvent} */ one) => ((across ? one.clientX : one.clientY) - from) / (across ? box.width : box.height);
    const [before, after] = [border.previousElementSibling, border.nextElementSibling];
    const drag = (/** @type {PointerEvent} */ one) => {
      const now = splitAt(resized(tree, path, place, share(one)), path).sizes;
      if (before instanceof HTMLElement) before.style.flexGrow = String(now[place]);
      if (after instanceof HTMLElement) after.style.flexGrow = String(now[place + 1]);
    };
    border.addEventListener("pointermove", drag);
    border.addEventListener("pointerup", (one) => {
      border.removeEventListener("pointermove", drag);
      moved(share(one));
    }, { once: true });
  });
  return border;
}
