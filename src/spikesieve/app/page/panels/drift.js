// @ts-check
// Drift: all spikes by depth and time, the displacement of the tissue, and where the selected units were.

import { getArrays } from "../api.js";
import { axes, linear, pen, say } from "../draw/canvas.js";
import { bitmap, heat, rgb } from "../draw/density.js";
import { drawDisplacement, drawTrack } from "../draw/drift.js";
import { changed, span, state } from "../store.js";
import { colours, isDark, unitColour } from "../theme.js";
import { chart } from "./panel.js";

/**
 * @typedef {import("../wire.js").Message} Message
 * @typedef {import("../draw/canvas.js").Range} Range
 * @typedef {{spikes: Message, units: Message[], x: Range, y: Range}} Found
 */

const NEAR_UM = 100, MARGIN_UM = 20, LEFT = 52, FEW_SPIKES = 1_000_000;
const look = { where: "probe", near: false, shank: 0 };

/** @type {import("../layout/layout.js").Panel} */
export const drift = { name: "drift", title: "Drift", mount };

/** @param {Element} tools @param {string} title @param {[string, string][]} options @param {string} value @param {(value: string) => void} choose */
function addChoice(tools, title, options, value, choose) {
  const choice = tools.appendChild(document.createElement("select"));
  choice.setAttribute("aria-label", title);
  choice.append(...options.map(([name, text]) => new Option(text, name, false, name === value)));
  choice.addEventListener("change", () => {
    choose(choice.value);
    changed("look");
  });
}

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  const shanks = [...new Set(/** @type {number[]} */ (state.start.probe.shank))].sort((a, b) => a - b);
  look.shank = shanks[0];
  addChoice(place.tools, "Which depth", [["probe", "on the probe"], ["tissue", "in the tissue"]], look.where, (value) => (look.where = value));
  addChoice(place.tools, "Which depths", [["all", "all depths"], ["near", "near the unit"]], "all", (value) => (look.near = value === "near"));
  if (shanks.length > 1) addChoice(place.tools, "Which shank", shanks.map((shank) => [String(shank), `shank ${shank}`]), String(look.shank), (value) => (look.shank = Number(value)));
  chart(place, ["look"], get, draw);
}

/** The depths that are shown. @returns {Range} */
function depths() {
  const { y_um: um, shank } = state.start.probe, own = um.filter((/** @type {number} */ _, /** @type {number} */ i) => shank[i] === look.shank);
  const best = state.rows.get(state.best[0]);
  if (look.near && best && best.shank === look.shank) return [best.y_um - NEAR_UM, best.y_um + NEAR_UM];
  return [Math.min(...own) - MARGIN_UM, Math.max(...own) + MARGIN_UM];
}

/** @param {HTMLCanvasElement} canvas */
function boxOf(canvas) {
  return { left: LEFT, top: 6, right: canvas.clientWidth - 16, bottom: canvas.clientHeight - 32 };
}

/** @param {number[]} units @param {HTMLCanvasElement} canvas @returns {Promise<Found | null>} */
async function get(units, canvas) {
  if (!state.start.has.position) return null;
  const box = boxOf(canvas), x = span(), y = depths(), own = units.filter((unit) => state.rows.get(unit)?.shank === look.shank);
  // Few spikes are drawn larger, so that each can be seen.
  const pixel = state.start.n_spikes < FEW_SPIKES ? 2 : 1, [w, h] = [box.right - box.left, box.bottom - box.top].map((px) => Math.max(1, Math.round(px / pixel)));
  const size = `w=${w}&h=${h}`;
  const asked = `drift?shank=${look.shank}&where=${look.where}&x0=${x[0]}&x1=${x[1]}&y0=${y[0]}&y1=${y[1]}&${size}`;
  const [spikes, ...tracks] = await Promise.all([getArrays(asked), ...units.map((unit) => (own.includes(unit) ? getArrays(`depths/${unit}`) : null))]);
  return { spikes: /** @type {Message} */ (spikes), units: /** @type {Message[]} */ (tracks), x, y };
}

/** @param {HTMLCanvasElement} canvas @param {number[]} units @param {Found | null} found */
function draw(canvas, units, found) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (!found) return say(drawing, "This result does not say where its spikes are.", colours()), "";
  const box = boxOf(canvas), { spikes, x, y } = found, [h, w] = spikes.arrays.density.shape;
  const image = heat(spikes.arrays.density.data, w, h, rgb(colours().paper), isDark());
  drawing.ctx.imageSmoothingEnabled = false;
  drawing.ctx.drawImage(bitmap(image), box.left, box.top, box.right - box.left, box.bottom - box.top);
  const at = axes(drawing, box, { x, y, xLabel: "time (s)", yLabel: look.where === "probe" ? "depth on the probe (µm)" : "depth in the tissue (µm)" }, colours());
  drawing.ctx.save();
  drawing.ctx.beginPath();
  drawing.ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  drawing.ctx.clip();
  const { um, time_s: time, depth_um: rest } = spikes.arrays;
  if (um) drawDisplacement(drawing.ctx, { time_s: time.data, depth_um: rest.data, um: um.data }, at, { isMoving: look.where === "probe", isUsed: spikes.facts.is_used }, colours());
  const [first, last] = state.start.span_s;
  found.units.forEach((track, i) => {
    if (!track) return;
    const values = Array.from(track.arrays[look.where].data), place = linear([0, values.length], first, last);
    drawTrack(drawing.ctx, values.map((depth, k) => [place(k + 0.5), depth]), at, unitColour(i), colours());
  });
  drawing.ctx.restore();
  canvas.setAttribute("aria-label", `All spikes of shank ${look.shank} by time and depth, and units ${units.join(", ")}. ${spikes.facts.said ?? ""}`);
  return um ? `${spikes.facts.is_used ? "lines: the displacement that the sort used" : "dashed: the estimate, which the sort did not use"}. ${spikes.facts.said}` : "all spikes; no displacement was measured";
}
