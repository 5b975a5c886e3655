// @ts-check
// The panel of rates over time, where a range of time is chosen.

import { getArrays } from "../api.js";
import { drawSteps } from "../draw/bars.js";
import { axes, pen } from "../draw/canvas.js";
import { changed, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const rate = { name: "rate", title: "Rate", mount };

/** @type {{left: number, right: number} | null} Where time begins and ends on the canvas. */
let atTime = null;

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  // The rate is that of all time: it is where a range is chosen.
  const { canvas } = chart(place, ["look"], (units) => Promise.all(units.map((unit) => getArrays(state.nRates === 100 ? `unit/${unit}` : `unit/${unit}?rates=${state.nRates}`))), draw);
  startRange(canvas);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message[]} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing || !units.length) return "";
  const top = Math.max(...found.flatMap(({ arrays }) => Array.from(arrays.rate_hz.data).filter(Number.isFinite)), 1e-3);
  const box = { left: 44, top: 4, right: drawing.width - 14, bottom: drawing.height - 20 };
  const at = axes(drawing, box, { x: state.start.span_s, y: [0, top * 1.06], yTicks: [0, Number(top.toPrecision(2))] }, colours());
  const [first, last] = state.start.span_s, n = found[0].arrays.rate_hz.data.length;
  const edges = Array.from({ length: n + 1 }, (_, i) => first + (i / n) * (last - first));
  found.forEach(({ arrays }, i) => drawSteps(drawing.ctx, arrays.rate_hz.data, at, edges, unitColour(i)));
  atTime = { left: box.left, right: box.right };
  if (state.range) {
    drawing.ctx.fillStyle = colours().ink;
    drawing.ctx.globalAlpha = 0.12;
    drawing.ctx.fillRect(at.x(state.range[0]), box.top, at.x(state.range[1]) - at.x(state.range[0]), box.bottom - box.top);
    drawing.ctx.globalAlpha = 1;
  }
  canvas.setAttribute("aria-label", `Rates of units ${units.join(", ")}, ${top.toPrecision(3)} Hz at most.`);
  return state.range ? `only ${state.range.map((s) => s.toFixed(1)).join(" to ")} s are shown; click for all` : "Hz over time (s); drag to show only a part";
}

/** @param {[number, number] | null} range */
export function showRange(range) {
  state.range = range;
  changed("look");
}

/** A range of time is dragged on the rate; a click shows all again. @param {HTMLCanvasElement} canvas */
function startRange(canvas) {
  /** @type {number | null} */
  let from = null;
  /** @param {number} x */
  const time = (x) => {
    const [low, high] = state.start.span_s, { left, right } = atTime ?? { left: 0, right: 1 };
    return low + Math.min(1, Math.max(0, (x - left) / (right - left))) * (high - low);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!atTime) return;
    from = event.offsetX;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [a, b] = [Math.min(from, event.offsetX), Math.max(from, event.offsetX)];
    from = null;
    if (b - a > 3) showRange([time(a), time(b)]);
    else if (state.range) showRange(null);
  });
}
