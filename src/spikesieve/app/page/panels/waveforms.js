// @ts-check
// The panel of waveforms.

import { getArrays } from "../api.js";
import { pen, say } from "../draw/canvas.js";
import { drawWaveforms } from "../draw/waveforms.js";
import { state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { panel } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

export function startWaveforms() {
  panel("waveforms", ["look"], (units) => Promise.all(units.map((unit) => getArrays(`unit/${unit}`))), draw);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message[]} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!units.length) return say(drawing, "No unit is selected.", colours()), "";
  const traces = found.map(({ arrays }, i) => ({
    uv: /** @type {Float32Array} */ (arrays.waveform_uv.data),
    contacts: /** @type {Int32Array} */ (arrays.contacts.data),
    nSamples: arrays.waveform_uv.shape[1],
    colour: unitColour(i),
  }));
  const how = { overlap: state.overlap, scale: state.waveformScale, sampleMs: 1000 / state.start.sampling_hz, unit: state.start.waveform_unit };
  drawWaveforms(drawing, traces, state.start.probe, how, colours());
  canvas.setAttribute("aria-label", `Mean waveforms of units ${units.join(", ")} at the places of their contacts.`);
  return `mean of ${found.map(({ facts }) => facts.n_spikes.toLocaleString("en")).join(" and ")} spikes`;
}
