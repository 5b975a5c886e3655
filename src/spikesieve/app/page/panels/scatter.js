// @ts-check
// The scatter of all spikes, and the lasso on it.

import { getArrays, post } from "../api.js";
import { axes, line, pen, say } from "../draw/canvas.js";
import { colourise, rgb, stamp } from "../draw/density.js";
import { counted, tell, tellError } from "../says.js";
import { changed, ofRange, on, selected, span, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { panel } from "./panel.js";
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
];
const POINT = 3, FREE_HAND_PX = 5;
/** @type {{box: Box, frame: Frame} | null} What the canvas shows. */
let view = null;

/** @param {HTMLCanvasElement} canvas @returns {Box} */
function boxOf(canvas) {
  return { left: 56, top: 4, right: canvas.clientWidth - 10, bottom: canvas.clientHeight - 30 };
}

/** The frame that holds all spikes of all units. @param {Message[]} units @returns {Frame | null} */
function frameOf(units) {
  const ranges = units.map(({ facts }) => facts.ranges[state.scatter]).filter(Boolean);
  if (!ranges.length) return null;
  const [x, y] = [0, 1].map((axis) => /** @type {[number, number]} */ ([Math.min(...ranges.map((r) => r[axis][0])), Math.max(...ranges.map((r) => r[axis][1]))]));
  const padded = (/** @type {[number, number]} */ [low, high]) => /** @type {[number, number]} */ ([low - 0.03 * (high - low || 1), high + 0.03 * (high - low || 1)]);
  if (state.scatter === "position") return { x: padded(x), y: padded(y) };
  return { x: span(), y: state.scatter === "amplitude" ? [Math.min(0, y[0]), padded(y)[1]] : padded(y) };
}

/** @param {number[]} units @param {HTMLCanvasElement} canvas @returns {Promise<Found>} */
async function get(units, canvas) {
  const frame = frameOf(await unitArrays(units));
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
    const counts = arrays.density ? arrays.density.data : stamp(arrays.points.data, frame, w, h, POINT);
    return { counts: resized(counts, w * h), colour: rgb(unitColour(i)) };
  });
  const image = colourise(layers.reverse(), w, h, rgb(colours().paper));
  drawing.ctx.drawImage(bitmap(image), box.left, box.top, w, h);
  const names = { amplitude: ["time (s)", `amplitude (${state.start.amplitude_unit})`], depth: ["time (s)", "depth (µm)"], position: ["x (µm)", "depth (µm)"] };
  const [xLabel, yLabel] = names[/** @type {keyof names} */ (state.scatter)];
  axes(drawing, box, { ...frame, xLabel, yLabel }, colours());
  view = { box, frame };
  drawLasso();
  canvas.setAttribute("aria-label", `${yLabel} over ${xLabel} of all spikes of units ${units.join(", ")}.`);
  return "all spikes; drag a lasso, or Ctrl+click its corners";
}

/** Density that was made for another size is not shown. @param {Uint16Array} counts @param {number} n */
function resized(counts, n) {
  return counts.length === n ? counts : new Uint16Array(n);
}

/** @param {ImageData} image */
function bitmap(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

function lassoCanvas() {
  return /** @type {HTMLCanvasElement} */ (document.querySelector("#scatter .lasso"));
}

function drawLasso() {
  const drawing = pen(lassoCanvas());
  if (!drawing || !view || !state.lasso) return;
  const { box, frame } = view, { ctx } = drawing;
  const points = state.lasso.corners.map(([x, y]) => /** @type {[number, number]} */ ([
    box.left + ((x - frame.x[0]) / (frame.x[1] - frame.x[0])) * (box.right - box.left),
    box.bottom - ((y - frame.y[0]) / (frame.y[1] - frame.y[0])) * (box.bottom - box.top),
  ]));
  ctx.strokeStyle = colours().ink;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([5, 3]);
  line(ctx, state.lasso.closed ? [...points, points[0]] : points);
  ctx.setLineDash([]);
  ctx.fillStyle = colours().ink;
  for (const [x, y] of points.length < 40 ? points : []) ctx.fillRect(x - 2, y - 2, 4, 4);
}

/** @param {MouseEvent} event @returns {[number, number] | null} */
function place(event) {
  if (!view) return null;
  const { box, frame } = view, across = (event.offsetX - box.left) / (box.right - box.left), up = (box.bottom - event.offsetY) / (box.bottom - box.top);
  return [frame.x[0] + across * (frame.x[1] - frame.x[0]), frame.y[0] + up * (frame.y[1] - frame.y[0])];
}

/** Count what is in the lasso, on all spikes, before anything is done with it. */
async function count() {
  const lasso = state.lasso, units = selected();
  if (!lasso || lasso.corners.length < 3) return;
  try {
    const { counts } = await post("lasso", { units, lasso: { kind: state.scatter, corners: lasso.corners } });
    if (state.lasso !== lasso) return;
    lasso.counts = counts;
    tell(`In the lasso: ${units.map((unit) => `${counts[unit][0].toLocaleString("en")} of ${counted(counts[unit][0] + counts[unit][1], "spike")} of unit ${unit}`).join(", ")}. K splits them off, X discards them.`);
  } catch (error) {
    tellError(error);
  }
}

function startLasso() {
  const canvas = lassoCanvas();
  let drawing = false, last = [0, 0];
  canvas.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    state.lasso = null;
    changed("lasso");
  });
  canvas.addEventListener("pointerdown", (event) => {
    const corner = place(event);
    if (event.button !== 0 || !corner) return;
    if (event.ctrlKey || event.metaKey) {
      state.lasso = { corners: [...(state.lasso?.corners ?? []), corner], closed: true, counts: null };
      changed("lasso");
      return void count();
    }
    drawing = true;
    last = [event.offsetX, event.offsetY];
    canvas.setPointerCapture(event.pointerId);
    state.lasso = { corners: [corner], closed: false, counts: null };
  });
  canvas.addEventListener("pointermove", (event) => {
    const corner = place(event);
    if (!drawing || !corner || !state.lasso || Math.hypot(event.offsetX - last[0], event.offsetY - last[1]) < FREE_HAND_PX) return;
    last = [event.offsetX, event.offsetY];
    state.lasso.corners.push(corner);
    drawLasso();
  });
  canvas.addEventListener("pointerup", () => {
    if (!drawing || !state.lasso) return;
    drawing = false;
    state.lasso = state.lasso.corners.length < 3 ? null : { ...state.lasso, closed: true };
    changed("lasso");
    void count();
  });
}

export function startScatter() {
  const choice = /** @type {HTMLSelectElement} */ (document.querySelector("#scatter select"));
  for (const { kind, title, needs } of SCATTERS) {
    const option = choice.appendChild(new Option(title, kind));
    option.disabled = !state.start.has[needs];
  }
  choice.addEventListener("change", () => showScatter(choice.value));
  const shown = panel("scatter", ["look", "units"], get, draw);
  on(["lasso"], () => view && drawLasso());
  startLasso();
  return shown;
}

/** @param {string} kind */
export function showScatter(kind) {
  state.scatter = kind;
  state.lasso = null;
  /** @type {HTMLSelectElement} */ (document.querySelector("#scatter select")).value = kind;
  changed("look", "lasso");
}
