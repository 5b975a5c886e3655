// @ts-check
// What a sort has found so far: the size of the traces, the spikes with the drift, and the units by depth and size.

import { axes, pen, say } from "../draw/canvas.js";
import { drawDrift, overviewBitmap } from "../draw/overview.js";
import { colours, isDark } from "../theme.js";
import { askArrays } from "./draft.js";

/** @typedef {import("../wire.js").Message} Message */

const LEFT = 46, TOP = 16, BELOW = 20, GAP = 14, LEAST_PX = 170;

/** @param {string} key Of a sort. @returns {Promise<Message>} */
export function picturesOf(key) {
  return askArrays("pictures", { key });
}

/** @param {HTMLCanvasElement} canvas @param {Message} message */
export function drawPictures(canvas, message) {
  const drawing = pen(canvas), its = colours();
  if (!drawing) return;
  if (!message.arrays.rms) return say(drawing, "There is no overview of it.", its);
  /** @type {["rms" | "spikes" | "units", string][]} */
  const all = [["rms", "size of traces (RMS)"], ["spikes", "spikes and drift"], ["units", "units, size in noise SD"]];
  const known = all.filter(([what]) => what !== "units" || message.arrays.unit_size), wanted = known.slice(drawing.width < LEAST_PX * known.length ? 1 : 0);
  const wide = drawing.width / wanted.length;
  wanted.forEach(([what, title], i) => {
    const box = { left: i * wide + LEFT, right: (i + 1) * wide - GAP, top: TOP, bottom: drawing.height - BELOW };
    if (what === "units") drawUnits(drawing, message, box, its);
    else drawByTime(drawing, message, what, box, its);
    drawing.ctx.fillStyle = its.ink;
    drawing.ctx.textAlign = "left";
    drawing.ctx.textBaseline = "top";
    drawing.ctx.fillText(title, box.left, 1);
  });
  canvas.dataset.shown = wanted.map(([what]) => what).join(",") + (message.arrays.um ? ",drift" : "");
}

/** The depths that are shown: those of the only shank; several are below each other. @param {Message} message @returns {[number, number]} */
function depths({ facts }) {
  const [, low, high] = facts.bands[0];
  return [low, high];
}

/** @param {import("../draw/canvas.js").Pen} drawing @param {Message} message @param {"rms" | "spikes"} what @param {import("../draw/canvas.js").Box} box @param {import("../draw/canvas.js").Colours} its */
function drawByTime(drawing, message, what, box, its) {
  const { ctx } = drawing, { facts } = message, shanks = facts.bands.length, tall = (box.bottom - box.top) / shanks;
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(overviewBitmap(message, what, its, isDark()), box.left, box.top, box.right - box.left, box.bottom - box.top);
  if (what === "spikes") drawDrift(ctx, message, box, its);
  for (let shank = 0; shank < shanks; shank++) {
    const own = { ...box, top: box.top + shank * tall, bottom: box.top + (shank + 1) * tall };
    axes(drawing, own, { x: facts.span_s, y: depths(message), xTicks: shank < shanks - 1 ? [] : undefined, yLabel: shank ? "" : "µm" }, its);
  }
}

/** @param {import("../draw/canvas.js").Pen} drawing @param {Message} message @param {import("../draw/canvas.js").Box} box @param {import("../draw/canvas.js").Colours} its */
function drawUnits(drawing, message, box, its) {
  const { unit_size: sizes, unit_depth_um: depth, unit_shank: shank } = message.arrays, most = Math.max(1, ...sizes.data);
  const at = axes(drawing, box, { x: [0, most * 1.05], y: depths(message), yLabel: "µm" }, its);
  sizes.data.forEach((/** @type {number} */ size, /** @type {number} */ i) => {
    drawing.ctx.fillStyle = its.units[shank.data[i] % its.units.length];
    drawing.ctx.beginPath();
    drawing.ctx.arc(at.x(size), at.y(depth.data[i]), 3, 0, 2 * Math.PI);
    drawing.ctx.fill();
  });
}
