// @ts-check
// The panel of intervals between spikes.

import { drawSteps } from "../draw/bars.js";
import { axes, pen } from "../draw/canvas.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";
import { unitArrays } from "./unit_arrays.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const intervals = { name: "intervals", title: "Intervals", mount: (place) => void chart(place, ["look"], unitArrays, draw) };

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message[]} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing || !units.length) return "";
  const top = Math.max(...found.flatMap(({ arrays }) => Array.from(arrays.intervals.data)), 1), reach = found[0].facts.interval_ms;
  const box = { left: 44, top: 4, right: drawing.width - 14, bottom: drawing.height - 20 };
  const at = axes(drawing, box, { x: [0, reach], y: [0, top * 1.06], yTicks: [0, top] }, colours());
  found.forEach(({ arrays }, i) => drawSteps(drawing.ctx, arrays.intervals.data, at, [0, reach], unitColour(i)));
  canvas.setAttribute("aria-label", `Intervals between spikes of units ${units.join(", ")}.`);
  return "number of intervals of 0 to 100 ms";
}
