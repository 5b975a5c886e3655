// @ts-check
// The panel of waveforms.

import { getArrays } from "../api.js";
import { unitArrays } from "./unit_arrays.js";
import { pen, say } from "../draw/canvas.js";
import { drawWaveforms } from "../draw/waveforms.js";
import { ofRange, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { panel } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

export function startWaveforms() {
  panel("waveforms", ["look"], get, draw);
}

/** Means, and single spikes if they are asked for. @param {number[]} units @returns {Promise<{means: Message[], single: Message[]}>} */
async function get(units) {
  const single = state.raw ? units.map((unit) => getArrays(`snippets/${unit}${ofRange("?")}`)) : [];
  return { means: await unitArrays(units), single: await Promise.all(single) };
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {{means: Message[], single: Message[]}} found */
function draw(canvas, units, { means, single }) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!units.length) return say(drawing, "No unit is selected.", colours()), "";
  const traces = means.map(({ arrays }, i) => ({
    uv: /** @type {Float32Array} */ (arrays.waveform_uv.data),
    contacts: /** @type {Int32Array} */ (arrays.contacts.data),
    nSamples: arrays.waveform_uv.shape[1],
    colour: unitColour(i),
    single: single[i] ? /** @type {Float32Array} */ (single[i].arrays.uv.data) : null,
  }));
  const how = { overlap: state.overlap, scale: state.waveformScale, sampleMs: 1000 / state.start.sampling_hz, unit: state.start.waveform_unit };
  drawWaveforms(drawing, traces, state.start.probe, how, colours());
  canvas.setAttribute("aria-label", `Mean waveforms of units ${units.join(", ")} at the places of their contacts.`);
  return `${single.length ? `${single[0].arrays.uv.shape[0]} single spikes, ` : ""}mean of ${means.map(({ facts }) => facts.n_spikes.toLocaleString("en")).join(" and ")} spikes`;
}
