// @ts-check
// The panels of correlograms and of rates.

import { getArrays } from "../api.js";
import { drawCorrelograms, drawSteps } from "../draw/bars.js";
import { axes, pen, say } from "../draw/canvas.js";
import { state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { panel } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

const MOST = 6;

/** @param {number[]} units */
export function correlogramAddress(units) {
  return `correlograms?units=${units.slice(0, MOST).join(",")}&bin_ms=${state.binMs}&n=${state.nBins}`;
}

export function startCorrelograms() {
  panel("correlograms", ["look"], async (units) => (units.length ? getArrays(correlogramAddress(units)) : null), draw);
  panel("rate", [], (units) => Promise.all(units.map((unit) => getArrays(`unit/${unit}`))), drawRates);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message | null} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!found) return say(drawing, "No unit is selected.", colours()), "";
  const { data, shape } = found.arrays.counts;
  drawCorrelograms(drawing, data, shape[0], state.binMs, units.map((_, i) => unitColour(i)), units, colours());
  canvas.setAttribute("aria-label", `Auto- and cross-correlograms of units ${units.join(", ")}.`);
  return `bins of ${state.binMs} ms${units.length > MOST ? `, first ${MOST} units` : ""}`;
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message[]} found */
function drawRates(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing || !units.length) return "";
  const top = Math.max(...found.flatMap(({ arrays }) => Array.from(arrays.rate_hz.data).filter(Number.isFinite)), 1e-3);
  const box = { left: 44, top: 4, right: drawing.width - 8, bottom: drawing.height - 20 };
  const at = axes(drawing, box, { x: state.start.span_s, y: [0, top * 1.06], yTicks: [0, Number(top.toPrecision(2))] }, colours());
  found.forEach(({ arrays }, i) => drawSteps(drawing.ctx, arrays.rate_hz.data, at, state.start.span_s, unitColour(i)));
  canvas.setAttribute("aria-label", `Rates of units ${units.join(", ")}, ${top.toPrecision(3)} Hz at most.`);
  return "Hz over time (s)";
}
