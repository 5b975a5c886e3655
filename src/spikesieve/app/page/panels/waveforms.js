// @ts-check
// The panel of waveforms.

import { getArrays } from "../api.js";
import { unitArrays } from "./unit_arrays.js";
import { pen, say } from "../draw/canvas.js";
import { drawWaveforms } from "../draw/waveforms.js";
import { chooseChannel, channels } from "../feature_axes.js";
import { startLasso } from "../lasso.js";
import { changed, ofRange, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {import("../layout/layout.js").Panel} */
export const waveforms = { name: "waveforms", title: "Waveforms", mount };

/** @type {import("../lasso.js").Plot[]} What the canvas shows. */
export let plots = [];
/** @type {Message[]} */
let shown = [];
let drawLasso = () => {};

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  chart(place, ["look"], get, draw);
  drawLasso = startLasso(place.content, () => plots, {
    isLine: true,
    canDraw: state.start.has.waveforms,
    pick: ({ where }, isSecond) => {
      chooseChannel(where.contact ?? 0, isSecond ? 1 : 0, channels(shown));
      changed("look");
    },
  });
}

/** Mean over the first axis. @param {import("../wire.js").Block} block @returns {Float32Array} */
function meanOf({ data, shape }) {
  const n = shape[0], size = shape[1] * shape[2], mean = new Float32Array(size);
  for (let i = 0; i < data.length; i++) mean[i % size] += data[i] / n;
  return mean;
}

/** Means, and single spikes if they are asked for. @param {number[]} units @returns {Promise<{means: Message[], single: Message[]}>} */
async function get(units) {
  const single = state.raw ? units.map((unit) => getArrays(`snippets/${unit}?n=${state.nWaveforms}${ofRange("&")}`)) : [];
  return { means: await unitArrays(units), single: await Promise.all(single) };
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {{means: Message[], single: Message[]}} found */
function draw(canvas, units, { means, single }) {
  const drawing = pen(canvas);
  plots = [];
  if (!drawing) return "";
  if (!units.length) return say(drawing, "No unit is selected.", colours()), "";
  const traces = means.map(({ arrays }, i) => ({
    // Single spikes have their own mean: templates of other sorters have a scale of their own.
    uv: single[i]?.arrays.uv.shape[0] ? meanOf(single[i].arrays.uv) : /** @type {Float32Array} */ (arrays.waveform_uv.data),
    contacts: /** @type {Int32Array} */ (arrays.contacts.data),
    nSamples: arrays.waveform_uv.shape[1],
    colour: unitColour(i),
    single: single[i] ? /** @type {Float32Array} */ (single[i].arrays.uv.data) : null,
  }));
  const how = { overlap: state.overlap, scale: state.waveformScale, sampleMs: 1000 / state.start.sampling_hz, peak: means[0].facts.peak, unit: single.length ? state.start.raw_unit : state.start.waveform_unit };
  plots = drawWaveforms(drawing, traces, state.start.probe, how, colours()).map(({ contact, ...plot }) => ({ ...plot, where: { kind: "waveform", contact } }));
  shown = means;
  drawLasso();
  canvas.setAttribute("aria-label", `Mean waveforms of units ${units.join(", ")} at the places of their contacts.`);
  if (single.length) return `${single.map(({ arrays }) => arrays.uv.shape[0]).join(" and ")} single spikes above 300 Hz, and their mean`;
  const line = state.start.has.waveforms ? "; drag a line across those to split off" : "";
  return `mean of ${means.map(({ facts }) => facts.n_spikes.toLocaleString("en")).join(" and ")} spikes${line}`;
}
