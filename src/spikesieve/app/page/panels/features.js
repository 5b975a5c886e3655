// @ts-check
// Features of all spikes on two contacts: components against each other and over time.

import { getArrays } from "../api.js";
import { axes, pen, say } from "../draw/canvas.js";
import { bitmap, colourise, rgb, spread, stamp } from "../draw/density.js";
import { channels, pairsFor } from "../feature_axes.js";
import { startLasso } from "../lasso.js";
import { changed, ofRange, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";
import { unitArrays } from "./unit_arrays.js";

/**
 * @typedef {import("../draw/canvas.js").Pen} Pen
 * @typedef {import("../wire.js").Message} Message
 * @typedef {import("../lasso.js").Plot} Plot
 * @typedef {import("../lasso.js").Frame} Frame
 * @typedef {{pairs: [string, string][], columns: number, messages: Message[]}} Found
 */

const LEAST_WIDE = 190, LEAST_HIGH = 150, POINT = 3;

/** @type {import("../layout/layout.js").Panel} */
export const features = { name: "features", title: "Features", mount };

/** @type {Plot[]} What the canvas shows. */
let plots = [];
let drawLasso = () => {};

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  const automatic = document.createElement("button");
  automatic.type = "button";
  automatic.textContent = "Best channels";
  automatic.title = "The channels on which the units are largest (C)";
  automatic.addEventListener("click", () => {
    state.featureContacts = null;
    changed("look");
  });
  if (state.start.has.features) place.tools.append(automatic);
  chart(place, ["look"], get, draw);
  drawLasso = startLasso(place.content, () => plots);
}

/** How many plots fit: columns and rows. @param {HTMLCanvasElement} canvas */
function room({ clientWidth: width, clientHeight: height }) {
  return { columns: Math.min(4, Math.max(2, Math.floor(width / LEAST_WIDE))), rows: Math.min(4, Math.max(2, Math.floor(height / LEAST_HIGH))) };
}

/** @param {number[]} units @param {HTMLCanvasElement} canvas @returns {Promise<Found | null>} */
async function get(units, canvas) {
  if (!state.start.has.features || !units.length) return null;
  const { columns, rows } = room(canvas), pairs = pairsFor(channels(await unitArrays(units)), columns * rows);
  const asked = pairs.map((pair) => pair.join("~")).join(",");
  return { pairs, columns: Math.min(columns, pairs.length), messages: await Promise.all(units.map((unit) => getArrays(`features/${unit}?plots=${asked}${ofRange("&")}`))) };
}

/** The frame that holds all spikes of all units in a plot; null if there are none. @param {Message[]} messages @param {number} i @returns {Frame | null} */
function frameOf(messages, i) {
  const frames = messages.map(({ facts }) => facts.frames[i]).filter(([x, y]) => x[0] !== null && y[0] !== null);
  if (!frames.length) return null;
  const [x, y] = [0, 1].map((axis) => {
    const low = Math.min(...frames.map((frame) => frame[axis][0])), high = Math.max(...frames.map((frame) => frame[axis][1])), pad = 0.04 * (high - low || 1);
    return /** @type {[number, number]} */ ([low - pad, high + pad]);
  });
  return { x, y };
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Found | null} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  plots = [];
  if (!drawing) return "";
  if (!state.start.has.features) return say(drawing, "This result does not hold the features of its spikes.", colours()), "";
  if (!found) return say(drawing, "No unit is selected.", colours()), "";
  const { pairs, columns, messages } = found, rows = Math.ceil(pairs.length / columns);
  const wide = drawing.width / columns, high = drawing.height / rows;
  pairs.forEach((pair, i) => drawPlot(drawing, { left: (i % columns) * wide, top: Math.floor(i / columns) * high, wide, high }, pair, i, messages));
  drawLasso();
  canvas.setAttribute("aria-label", `Features of all spikes of units ${units.join(", ")}: ${pairs.map((pair) => pair.map(nameOf).join(" against ")).join("; ")}.`);
  return plots.length ? "all spikes; Ctrl+click in the waveforms chooses a channel" : "no spike of these units has features on these channels";
}

/** @param {Pen} drawing @param {{left: number, top: number, wide: number, high: number}} cell @param {[string, string]} pair @param {number} i @param {Message[]} messages */
function drawPlot(drawing, cell, pair, i, messages) {
  const frame = frameOf(messages, i);
  const box = { left: cell.left + 46, top: cell.top + 5, right: cell.left + cell.wide - 14, bottom: cell.top + cell.high - 31 };
  const w = Math.max(1, Math.round(box.right - box.left)), h = Math.max(1, Math.round(box.bottom - box.top));
  if (!frame) return say({ ...drawing, width: 2 * (cell.left + cell.wide / 2), height: 2 * (cell.top + cell.high / 2) }, "no features here", colours());
  const layers = messages.map(({ arrays, facts }, k) => {
    const [x, y] = facts.frames[i], cells = arrays[`density_${i}`];
    const counts = cells ? spread(cells.data, cells.shape[1], { x, y }, frame, w, h) : stamp(arrays[`points_${i}`].data, frame, w, h, POINT);
    return { counts, colour: rgb(unitColour(k)) };
  });
  drawing.ctx.drawImage(bitmap(colourise(layers.reverse(), w, h, rgb(colours().paper))), box.left, box.top, w, h);
  axes(drawing, box, { ...frame, xLabel: nameOf(pair[0]), yLabel: nameOf(pair[1]) }, colours());
  plots.push({ box, frame, where: { kind: "feature", axes: pair } });
}

/** "12.0" as "ch 5 PC1", "t" as "time (s)". @param {string} axis */
function nameOf(axis) {
  if (axis === "t") return "time (s)";
  const [contact, component] = axis.split(".").map(Number);
  return `ch ${state.start.probe.channel[contact]} PC${component + 1}`;
}
