// @ts-check
// The whole recording at a glance: the size of the traces, or the spikes with the displacement of the tissue.

import { line, linear } from "./canvas.js";
import { bitmap, heat, rgb } from "./density.js";
import { ramp } from "./ramp.js";

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Colours} Colours
 * @typedef {import("../wire.js").Message} Message
 */

/** Share of values below which everything has the first colour, and above which the last. */
const LOWEST = 0.02, HIGHEST = 0.98, MOST_LOOKED_AT = 20_000;

/** @param {ArrayLike<number>} values @returns {[number, number]} */
function range(values) {
  /** @type {number[]} */
  const some = [];
  for (let i = 0, every = Math.max(1, Math.floor(values.length / MOST_LOOKED_AT)); i < values.length; i += every) if (values[i]) some.push(values[i]);
  some.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => some[Math.floor(share * (some.length - 1))] ?? 0;
  return [at(LOWEST), Math.max(at(HIGHEST), at(LOWEST) + 1)];
}

/** Sizes as colours; the paper where nothing is known. @param {ArrayLike<number>} values @param {number} width @param {number} height @param {Colours} colours @param {boolean} dark */
function sizes(values, width, height, colours, dark) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer), [low, high] = range(values), paper = rgb(colours.paper);
  const opaque = (/** @type {number[]} */ [red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  const table = Array.from({ length: 256 }, (_, i) => opaque(ramp(i / 255, dark)));
  for (let i = 0; i < values.length; i++) pixels[i] = values[i] ? table[Math.max(0, Math.min(255, Math.round(((values[i] - low) / (high - low)) * 255)))] : opaque(paper);
  return image;
}

/** A picture of it, to be drawn at any size. @param {Message} overview @param {"rms" | "spikes"} what @param {Colours} colours @param {boolean} dark */
export function overviewBitmap({ arrays }, what, colours, dark) {
  const { data, shape: [height, width] } = arrays[what];
  return bitmap(what === "rms" ? sizes(data, width, height, colours, dark) : heat(data, width, height, rgb(colours.paper), dark));
}

/**
 * The displacement of the tissue over the spikes, a line for some depths of each shank.
 * @param {CanvasRenderingContext2D} ctx @param {Message} overview @param {Box} box @param {Colours} colours
 */
export function drawDrift(ctx, { arrays, facts }, box, colours) {
  if (!arrays.um) return;
  const [nShanks, nTimes, nLines] = arrays.um.shape, tall = (box.bottom - box.top) / nShanks, x = linear(facts.span_s, box.left, box.right);
  facts.bands.forEach((/** @type {number[]} */ [, low, high], /** @type {number} */ shank) => {
    const y = linear([high, low], box.top + shank * tall, box.top + (shank + 1) * tall);
    for (let k = 0; k < nLines; k++) {
      const points = Array.from({ length: nTimes }, (_, t) => /** @type {[number, number]} */ ([x(arrays.time_s.data[t]), y(arrays.rest_um.data[k] + arrays.um.data[(shank * nTimes + t) * nLines + k])]));
      for (const [width, colour] of /** @type {[number, string][]} */ ([[3, colours.paper], [1.2, colours.ink]])) {
        ctx.lineWidth = width;
        ctx.strokeStyle = colour;
        line(ctx, points);
      }
    }
  });
  ctx.lineWidth = 1;
}
