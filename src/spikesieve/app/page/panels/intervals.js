// @ts-check
// The panel of intervals between spikes, in linear or logarithmic time.

import { getArrays } from "../api.js";
import { drawSteps } from "../draw/bars.js";
import { axes, pen, say } from "../draw/canvas.js";
import { changed, ofRange, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { timeChoice } from "./time_choice.js";
import { chart } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const intervals = { name: "intervals", title: "Intervals", mount };

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  place.tools.append(timeChoice("Time of the intervals", () => state.logIntervals, (isLog) => {
    state.logIntervals = isLog;
    changed("look");
  }));
  const bins = () => `from=${state.intervalsMs.from}&to=${state.intervalsMs.to}&bin=${state.intervalsMs.bin}`;
  chart(place, ["look"], (units) => Promise.all(units.map((unit) => getArrays(`intervals/${unit}?${bins()}${ofRange("&")}`))), draw);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message[]} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!units.length) return say(drawing, "No unit is selected.", colours()), "";
  const kind = state.logIntervals ? "log" : "linear", all = found.flatMap(({ arrays }) => Array.from(arrays[kind].data)), top = Math.max(...all, 1);
  const edges = Array.from(found[0].arrays[`${kind}_ms`].data), box = { left: 50, top: 6, right: drawing.width - 16, bottom: drawing.height - 30 };
  const at = axes(drawing, box, { x: [edges[0], edges[edges.length - 1]], y: [0, top * 1.06], xLog: state.logIntervals, xLabel: "interval (ms)", yLabel: "number" }, colours());
  found.forEach(({ arrays }, i) => drawSteps(drawing.ctx, arrays[kind].data, at, edges, unitColour(i)));
  canvas.setAttribute("aria-label", `Intervals between spikes of units ${units.join(", ")}.`);
  return `intervals of ${state.logIntervals ? "0.3 ms to 100 s" : `${edges[0]} to ${edges[edges.length - 1]} ms`}`;
}
