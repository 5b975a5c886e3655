// @ts-check
// Traces as pixels: arrays in, an image out, the same on every machine.

import { rgb } from "./density.js";

/** @typedef {import("../traces/window.js").Gathered} Gathered */
/** @typedef {{pixels: Uint32Array, width: number, height: number}} Picture */

export const HEAT_STEPS = 255;

/** "#rrggbb" as one pixel. @param {string} hex */
export function pixel(hex) {
  const [red, green, blue] = rgb(hex);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * Colours from -1 to 1: the paper in the middle, so that noise is quiet in both themes.
 * @param {string} low @param {string} paper @param {string} high @returns {Uint32Array}
 */
export function heatColours(low, paper, high) {
  const [a, b, c] = [low, paper, high].map(rgb), table = new Uint32Array(2 * HEAT_STEPS + 1);
  for (let i = 0; i < table.length; i++) {
    const share = i / HEAT_STEPS - 1, end = share < 0 ? a : c, weight = Math.abs(share) ** 1.2;
    const [red, green, blue] = [0, 1, 2].map((k) => Math.round(b[k] + weight * (end[k] - b[k])));
    table[i] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return table;
}

/** The place of a row on the screen. @param {number} row @param {number} nRows @param {number} height */
export function middleOf(row, nRows, height) {
  return ((row + 0.5) * height) / nRows;
}

/**
 * Draw the trace of one row from one pixel to another.
 * @param {Picture} picture @param {Gathered} gathered @param {number} row @param {number} perUnit Pixels of one unit. @param {number} colour @param {number} [from] @param {number} [to]
 */
export function drawLine({ pixels, width, height }, { low, high, nRows }, row, perUnit, colour, from = 0, to = width) {
  const y = middleOf(row, nRows, height), begin = Math.max(0, from), end = Math.min(width, to);
  let above = NaN, below = NaN;
  for (let x = begin, i = row * width + begin; x < end; x++, i++) {
    if (low[i] !== low[i]) {
      above = below = NaN;
      continue;
    }
    let top = Math.round(y - high[i] * perUnit), bottom = Math.round(y - low[i] * perUnit);
    const ownTop = top, ownBottom = bottom;
    // Reach the pixel before, so that a steep line is whole.
    if (top > below + 1) top = below + 1;
    if (bottom < above - 1) bottom = above - 1;
    above = ownTop;
    below = ownBottom;
    if (top < 0) top = 0;
    if (bottom >= height) bottom = height - 1;
    for (let p = top * width + x; p <= bottom * width + x; p += width) pixels[p] = colour;
  }
}

/** @param {Picture} picture @param {Gathered} gathered @param {number} perUnit Share of the full colour of one unit. @param {Uint32Array} table @param {number} nothing */
export function drawHeat({ pixels, width, height }, { low, nRows }, perUnit, table, nothing) {
  const scale = perUnit * HEAT_STEPS, middle = HEAT_STEPS + 0.5, last = 2 * HEAT_STEPS;
  let before = -1;
  for (let y = 0; y < height; y++) {
    const row = Math.min(nRows - 1, Math.floor((y * nRows) / height)), at = y * width;
    if (row === before) {
      pixels.copyWithin(at, at - width, at);
      continue;
    }
    before = row;
    for (let x = 0, i = row * width; x < width; x++, i++) {
      const place = low[i] * scale + middle;
      pixels[at + x] = place !== place ? nothing : table[place < 0 ? 0 : place > last ? last : place | 0];
    }
  }
}

/** Darken or lighten columns, such as those that were blanked. @param {Picture} picture @param {number} from @param {number} to @param {number} colour */
export function shade({ pixels, width, height }, from, to, colour) {
  const begin = Math.max(0, Math.floor(from)), end = Math.min(width, Math.max(Math.ceil(to), Math.floor(from) + 1));
  for (let y = 0; y < height; y++) for (let x = begin; x < end; x++) pixels[y * width + x] = colour;
}

/** A frame around a spike on a heatmap. @param {Picture} picture @param {number} x @param {number} y @param {number} half @param {number} colour */
export function drawFrame({ pixels, width, height }, x, y, half, colour) {
  const put = (/** @type {number} */ column, /** @type {number} */ line) => {
    if (column >= 0 && column < width && line >= 0 && line < height) pixels[line * width + column] = colour;
  };
  const [cx, cy] = [Math.round(x), Math.round(y)];
  for (let d = -half; d <= half; d++) {
    put(cx + d, cy - half);
    put(cx + d, cy + half);
    put(cx - half, cy + d);
    put(cx + half, cy + d);
  }
}

/** @type {HTMLCanvasElement | null} */
let sheet = null;

/** Put an image on a canvas that may have more pixels. @param {CanvasRenderingContext2D} ctx @param {ImageData} image @param {number} left */
export function paint(ctx, image, left) {
  sheet ??= document.createElement("canvas");
  [sheet.width, sheet.height] = [image.width, image.height];
  sheet.getContext("2d")?.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(sheet, left, 0, image.width, image.height);
}
