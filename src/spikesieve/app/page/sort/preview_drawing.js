// @ts-check
// Draws the traces of the preview: lines, or a heatmap where there are many contacts, with the detected spikes.

import { pen } from "../draw/canvas.js";
import { drawHeat, drawLine, heatColours, middleOf, paint, pixel } from "../draw/traces.js";
import { gather } from "../traces/window.js";
import { colours } from "../theme.js";

/**
 * @typedef {{values: Int16Array, nColumns: number, pairs: boolean, shape: string, scale: number, channels: number[], unit: string, start: number, n_samples: number, sampling_hz: number}} Shown
 * @typedef {{sample: number[], channel: number[], trough_sd: number, trough_uv: Record<string, number>}} Detected With the trough of the usual spike that is just detected.
 * @typedef {Shown & {name: string, centre: boolean}} Part `centre`: without the mean of each row.
 */

const LEFT = 34;
/** Rows that are lower than this have no line of the threshold. */
const LEAST_ROW_PX = 8;

/** The part as numbers by row and pixel. @param {Part} part @param {number} width */
function numbers(part, width) {
  const nRows = part.channels.length, heat = part.shape === "heat", step = part.n_samples / part.nColumns;
  const tile = { index: 0, first: 0, values: part.values, nRows, nColumns: part.nColumns, pairs: part.pairs, scale: part.scale };
  const found = gather([tile], { start: 0, samples: part.n_samples }, { first: 0, n: nRows }, width, step, heat);
  if (part.centre) for (let row = 0; row < nRows; row++) subtractMean(found, row, width);
  return found;
}

/** @param {import("../traces/window.js").Gathered} gathered @param {number} row @param {number} width */
function subtractMean({ low, high }, row, width) {
  let sum = 0, n = 0;
  for (let i = row * width; i < (row + 1) * width; i++) if (low[i] === low[i]) [sum, n] = [sum + low[i] + high[i], n + 2];
  for (let i = row * width; n && i < (row + 1) * width; i++) {
    low[i] -= sum / n;
    if (high !== low) high[i] -= sum / n;
  }
}

/** The usual size of what a pixel shows. @param {import("../traces/window.js").Gathered} gathered */
function usual({ low, high }) {
  const some = [];
  for (let i = 0; i < low.length; i += Math.max(1, Math.floor(low.length / 5000))) if (low[i] === low[i]) some.push(Math.max(Math.abs(low[i]), Math.abs(high[i])));
  some.sort((a, b) => a - b);
  return some[Math.floor(some.length / 2)] || 1;
}

/** @param {HTMLCanvasElement} canvas @param {Part[]} parts @param {Detected | null} spikes @param {number} scale */
export function drawPreview(canvas, parts, spikes, scale) {
  const paper = pen(canvas), its = colours();
  if (!paper) return;
  const width = Math.max(1, Math.floor(paper.width - LEFT)), height = Math.floor(paper.height);
  if (!parts.length) return;
  const image = new ImageData(width, height), picture = { pixels: new Uint32Array(image.data.buffer), width, height };
  picture.pixels.fill(pixel(its.paper));
  parts.forEach((part, place) => {
    const found = numbers(part, width), size = usual(found), nRows = part.channels.length;
    if (part.shape === "heat") drawHeat(picture, found, scale / (5 * size), heatColours(its.units[0], its.paper, its.units[1]), pixel(its.shade));
    else {
      const perUnit = (0.14 * height * scale) / nRows / size;
      for (let row = 0; row < nRows; row++) drawLine(picture, found, row, perUnit, pixel(parts.length > 1 ? its.units[place % its.units.length] : its.ink));
      if (spikes?.trough_sd && !place && height / nRows >= LEAST_ROW_PX) part.channels.forEach((channel, row) => dashed(picture, middleOf(row, nRows, height) + perUnit * (part.unit === "SD" ? spikes.trough_sd : spikes.trough_uv[channel] ?? NaN), pixel(its.units[1])));
    }
  });
  paint(paper.ctx, image, LEFT);
  labels(paper, parts, its);
  if (spikes) mark(paper.ctx, parts[0], spikes, { width, height }, its.units[1]);
}

/** A line across the picture. @param {import("../draw/traces.js").Picture} picture @param {number} y @param {number} colour */
function dashed({ pixels, width, height }, y, colour) {
  const row = Math.round(y);
  if (!(row >= 0 && row < height)) return;
  for (let x = 0; x < width; x++) if (x % 8 < 3) pixels[row * width + x] = colour;
}

/** @param {import("../draw/canvas.js").Pen} pen @param {Part[]} parts @param {import("../draw/canvas.js").Colours} its */
function labels({ ctx, height }, parts, its) {
  const { channels, unit } = parts[0], every = Math.max(1, Math.ceil((channels.length * 12) / height));
  ctx.fillStyle = its.soft;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (let row = 0; row < channels.length; row += every) ctx.fillText(String(channels[row]), LEFT - 4, middleOf(row, channels.length, height));
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  let at = LEFT + 4;
  parts.forEach((part, place) => {
    const text = `${part.name} (${unit})`;
    ctx.fillStyle = its.paper;
    ctx.fillRect(at - 3, 1, ctx.measureText(text).width + 6, 15);
    ctx.fillStyle = parts.length > 1 ? its.units[place % its.units.length] : its.ink;
    ctx.fillText(text, at, 3);
    at += ctx.measureText(text).width + 12;
  });
}

/** @param {CanvasRenderingContext2D} ctx @param {Part} part @param {{sample: number[], channel: number[]}} spikes @param {{width: number, height: number}} size @param {string} colour */
function mark(ctx, part, spikes, { width, height }, colour) {
  const rowOf = new Map(part.channels.map((channel, row) => [channel, row])), nRows = part.channels.length, half = Math.max(3, Math.min(7, height / nRows / 2));
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  spikes.sample.forEach((sample, i) => {
    const row = rowOf.get(spikes.channel[i]);
    if (row === undefined) return;
    const x = LEFT + ((sample - part.start) / part.n_samples) * width, y = middleOf(row, nRows, height);
    ctx.beginPath();
    ctx.arc(x, y, half, 0, 2 * Math.PI);
    ctx.stroke();
  });
}
