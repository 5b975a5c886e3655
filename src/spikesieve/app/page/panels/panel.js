// @ts-check
// A panel with a canvas: gets what it shows of the selected units, and draws it again when that, its size or the theme changes.

import { getsAhead } from "../ahead.js";
import { tellError } from "../says.js";
import { on, selected, state } from "../store.js";

const MOST_UNITS = 8, STILL_MS = 60;

/** @typedef {import("../store.js").Part} Part */
/** @typedef {import("../layout/layout.js").Place} Place */

/**
 * @template T
 * @param {Place} place @param {Part[]} parts What else makes it get and draw anew.
 * @param {(units: number[], canvas: HTMLCanvasElement) => Promise<T>} get
 * @param {(canvas: HTMLCanvasElement, units: number[], found: T) => string} draw Returns what the head of the panel says.
 */
export function chart({ section, content, say }, parts, get, draw) {
  const canvas = content.appendChild(document.createElement("canvas"));
  canvas.setAttribute("role", "img");
  /** @type {{units: number[], found: T} | null} */
  let shown = null;
  let asked = 0;
  const redraw = () => {
    if (!shown || !canvas.clientWidth) return;
    say(draw(canvas, shown.units, shown.found));
    section.dataset.shown = shown.units.join(",");
  };
  const show = async () => {
    const mine = ++asked, all = selected().filter((unit) => state.rows.has(unit)), units = all.slice(0, MOST_UNITS);
    if (!canvas.clientWidth) return; // behind another panel, or closed: its size changes when it is shown
    try {
      const found = await get(units, canvas);
      if (mine !== asked) return; // another selection since
      shown = { units, found };
      redraw();
    } catch (error) {
      if (mine === asked) tellError(error);
    }
  };
  let isPlanned = false;
  /** Once, whatever else changes before the code that runs now has ended. */
  const refresh = () => {
    if (!isPlanned) queueMicrotask(() => ((isPlanned = false), void show()));
    isPlanned = true;
  };
  getsAhead((units) => (canvas.clientWidth ? get(units, canvas) : null));
  on(["selection", ...parts], refresh);
  on(["theme"], redraw);
  /** @type {number | undefined} */
  let resizing;
  new ResizeObserver(() => {
    redraw(); // what is known, in the new size
    clearTimeout(resizing);
    resizing = setTimeout(refresh, shown ? STILL_MS : 0);
  }).observe(canvas);
  return { canvas, refresh, redraw };
}
