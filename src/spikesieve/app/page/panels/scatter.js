// @ts-check
// The scatter of all spikes.

import { getArrays, getJson } from "../api.js";
import { axes, pen, say } from "../draw/canvas.js";
import { bitmap, colourise, rgb, spread, stamp } from "../draw/density.js";
import { reveal } from "../layout/layout.js";
import { startLasso } from "../lasso.js";
import { changed, ofRange, span, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";
import { unitArrays } from "./unit_arrays.js";

/**
 * @typedef {import("../draw/canvas.js").Box} Box
 * @typedef {import("../wire.js").Message} Message
 * @typedef {{x: [number, number], y: [number, number]}} Frame
 * @typedef {{frame: Frame, messages: Message[]} | null} Found
 */

export const SCATTERS = [
  { kind: "amplitude", title: "Amplitude over time", needs: "amplitude" },
  { kind: "depth", title: "Depth over time", needs: "position" },
  { kind: "position", title: "Place on the probe", needs: "position" },
  { kind: "clusters", title: "Two clouds over time", needs: "clusters" },
];
const POINT = 3;
/** @type {import("../lasso.js").Plot | null} What the canvas shows. */
let view = null;
let drawLasso = () => {};

/** @param {HTMLCanvasElement} canvas @returns {Box} */
function boxOf(canvas) {
  return { left: 56, top: 4, right: canvas.clientWidth - 16, bottom: canvas.clientHeight - 30 };
}

/** @param {any} facts Of a unit. @returns {Promise<[[number, number], [number, number]] | null>} */
async function rangesOf({ unit, ranges }) {
  return state.scatter in ranges ? ranges[state.scatter] : (await getJson(`ranges/${unit}${ofRange("?")}`)).ranges;
}

/** The frame that holds all spikes of all units. @param {Message[]} units @returns {Promise<Frame | null>} */
async function frameOf(units) {
  const ranges = (await Promise.all(units.map(({ facts }) => rangesOf(facts)))).filter((range) => range !== null);
  if (!ranges.length) return null;
  const [x, y] = [0, 1].map((axis) => /** @type {[number, number]} */ ([Math.min(...ranges.map((r) => r[axis][0])), Math.max(...ranges.map((r) => r[axis][1]))]));
  const padded = (/** @type {[number, number]} */ [low, high]) => /** @type {[number, number]} */ ([low - 0.03 * (high - low || 1), high + 0.03 * (high - low || 1)]);
  if (state.scatter === "position") return { x: padded(x), y: padded(y) };
  return { x: span(), y: state.scatter === "amplitude" ? [Math.min(0, y[0]), padded(y)[1]] : padded(y) };
}

/** @param {number[]} units @param {HTMLCanvasElement} canvas @returns {Promise<Found>} */
async function get(units, canvas) {
  const frame = await frameOf(await unitArrays(units));
  if (!frame) return null;
  const box = boxOf(canvas), [w, h] = [Math.max(1, Math.round(box.right - box.left)), Math.max(1, Math.round(box.bottom - box.top))];
  const part = `kind=${state.scatter}&x0=${frame.x[0]}&x1=${frame.x[1]}&y0=${frame.y[0]}&y1=${frame.y[1]}&w=${w}&h=${h}`;
  return { frame, messages: await Promise.all(units.map((unit) => getArrays(`scatter/${unit}?${part}${ofRange("&")}`))) };
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Found} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  view = null;
  if (!drawing) return "";
  if (!found) return say(drawing, units.length ? "The result does not say this of its spikes." : "No unit is selected.", colours()), "";
  const box = boxOf(canvas), { frame, messages } = found;
  const [w, h] = [Math.max(1, Math.round(box.right - box.left)), Math.max(1, Math.round(box.bottom - box.top))];
  // The best unit is drawn last, on top.
  const layers = messages.map(({ arrays }, i) => {
    if (!arrays.density) return { counts: stamp(arrays.points.data, frame, w, h, POINT), colour: rgb(unitColour(i)) };
    const { data, shape } = arrays.density; // of another size while the panel is resized
    return { counts: spread(data, shape[1], frame, frame, w, h), colour: rgb(unitColour(i)) };
  });
  const image = colourise(layers.reverse(), w, h, rgb(colours().paper));
  drawing.ctx.drawImage(bitmap(image), box.left, box.top, w, h);
  const names = { amplitude: ["time (s)", `amplitude (${state.start.amplitude_unit})`], depth: ["time (s)", "depth (µm)"], position: ["x (µm)", "depth (µm)"], clusters: ["time (s)", "from cloud to cloud (SD)"] };
  const [xLabel, yLabel] = names[/** @type {keyof names} */ (state.scatter)];
  axes(drawing, box, { ...frame, xLabel, yLabel }, colours());
  view = { box, frame, where: { kind: state.scatter } };
  drawLasso();
  canvas.setAttribute("aria-label", `${yLabel} over ${xLabel} of all spikes of units ${units.join(", ")}.`);
  return "all spikes; drag a lasso, or Ctrl+click its corners";
}

/** @type {import("../layout/layout.js").Panel} */
export const scatter = { name: "scatter", title: "Scatter", mount };

const choice = document.createElement("select");

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  choice.setAttribute("aria-label", "What the scatter shows");
  for (const { kind, title, needs } of SCATTERS) {
    const option = choice.appendChild(new Option(title, kind));
    option.disabled = !state.start.has[needs];
  }
  choice.value = state.scatter;
  place.tools.append(choice);
  choice.addEventListener("change", () => showScatter(choice.value));
  chart(place, ["look"], get, draw);
  drawLasso = startLasso(place.content, () => (view ? [view] : []));
}

/** @param {string} kind */
export function showScatter(kind) {
  state.scatter = kind;
  state.lasso = null;
  choice.value = kind;
  reveal("scatter");
  changed("look", "lasso");
}
