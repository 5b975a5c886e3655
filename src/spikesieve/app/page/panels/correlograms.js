// @ts-check
// The panel of correlograms.

import { drawCorrelograms, drawLogCorrelograms } from "../draw/bars.js";
import { pen, say } from "../draw/canvas.js";
import { changed, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { timeChoice } from "./time_choice.js";
import { chart } from "./panel.js";
import { correlogramsOf } from "./unit_arrays.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const correlograms = { name: "correlograms", title: "Correlograms", mount };

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  place.tools.append(timeChoice("Time of the correlograms", () => state.logLags, (isLog) => {
    state.logLags = isLog;
    changed("look");
  }));
  chart(place, ["look"], async (units) => (units.length ? correlogramsOf(units) : null), draw);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message | null} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!found) return say(drawing, "No unit is selected.", colours()), "";
  const { data, shape } = found.arrays.counts;
  const unitColours = units.map((_, i) => unitColour(i)), edges = found.arrays.edges_ms;
  if (edges) drawLogCorrelograms(drawing, data, shape[0], Array.from(edges.data), unitColours, units, colours(), state.refractoryMs);
  else drawCorrelograms(drawing, data, shape[0], state.binMs, unitColours, units, colours(), state.refractoryMs);
  canvas.setAttribute("aria-label", `Auto- and cross-correlograms of units ${units.join(", ")}.`);
  return `${edges ? "pairs per ms, by ms of lag" : `bins of ${state.binMs} ms`}${units.length > shape[0] ? `, first ${shape[0]} units` : ""}`;
}
