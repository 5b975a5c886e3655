// @ts-check
// The panel of correlograms.

import { drawCorrelograms } from "../draw/bars.js";
import { pen, say } from "../draw/canvas.js";
import { state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";
import { correlogramsOf } from "./unit_arrays.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const correlograms = {
  name: "correlograms",
  title: "Correlograms",
  mount: (place) => void chart(place, ["look"], async (units) => (units.length ? correlogramsOf(units) : null), draw),
};

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message | null} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!found) return say(drawing, "No unit is selected.", colours()), "";
  const { data, shape } = found.arrays.counts;
  drawCorrelograms(drawing, data, shape[0], state.binMs, units.map((_, i) => unitColour(i)), units, colours());
  canvas.setAttribute("aria-label", `Auto- and cross-correlograms of units ${units.join(", ")}.`);
  return `bins of ${state.binMs} ms${units.length > shape[0] ? `, first ${shape[0]} units` : ""}`;
}
