// @ts-check
// A panel: gets what it shows of the selected units, and draws it again when that, its size or the theme changes.

import { tellError } from "../says.js";
import { on, selected, state } from "../store.js";

const MOST_UNITS = 8;

/** @typedef {import("../store.js").Part} Part */

/**
 * @template T
 * @param {string} id @param {Part[]} parts What else makes it get and draw anew.
 * @param {(units: number[], canvas: HTMLCanvasElement) => Promise<T>} get
 * @param {(canvas: HTMLCanvasElement, units: number[], found: T) => string} draw Returns what the head of the panel says.
 */
export function panel(id, parts, get, draw) {
  const section = /** @type {HTMLElement} */ (document.getElementById(id));
  const canvas = /** @type {HTMLCanvasElement} */ (section.querySelector("canvas"));
  const says = /** @type {HTMLElement} */ (section.querySelector(".says"));
  canvas.setAttribute("role", "img");
  /** @type {{units: number[], found: T} | null} */
  let shown = null;
  let asked = 0;
  const redraw = () => {
    if (!shown) return;
    says.textContent = draw(canvas, shown.units, shown.found);
    section.dataset.shown = shown.units.join(",");
  };
  const refresh = async () => {
    const mine = ++asked, all = selected().filter((unit) => state.rows.has(unit)), units = all.slice(0, MOST_UNITS);
    try {
      const found = await get(units, canvas);
      if (mine !== asked) return; // another selection since
      shown = { units, found };
      redraw();
    } catch (error) {
      if (mine === asked) tellError(error);
    }
  };
  on(["selection", ...parts], refresh);
  on(["theme"], redraw);
  new ResizeObserver(() => void refresh()).observe(canvas);
  return { refresh, redraw };
}
