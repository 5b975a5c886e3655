// @ts-check
// Density of spikes as pixels: arrays in, an image out. The same pixels on every machine.

import { ramp } from "./ramp.js";

/** @typedef {{x: [number, number], y: [number, number]}} Frame */
/** @typedef {{counts: Uint16Array | Uint32Array, colour: [number, number, number]}} Layer */

/** "#rrggbb" as three numbers. @param {string} hex @returns {[number, number, number]} */
export function rgb(hex) {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) || 0);
  return [red, green, blue];
}

/**
 * Count points in pixels, each as a square, so that a single one can be seen.
 * @param {ArrayLike<number>} points x of all, then y of all @param {Frame} frame
 * @param {number} width @param {number} height @param {number} size
 * @returns {Uint16Array}
 */
export function stamp(points, { x, y }, width, height, size) {
  const counts = new Uint16Array(width * height), n = points.length / 2;
  const perX = width / (x[1] - x[0] || 1), perY = height / (y[1] - y[0] || 1);
  for (let i = 0; i < n; i++) {
    const left = Math.floor((points[i] - x[0]) * perX - size / 2 + 0.5), top = Math.floor((y[1] - points[n + i]) * perY - size / 2 + 0.5);
    for (let row = Math.max(0, top); row < Math.min(height, top + size); row++)
      for (let column = Math.max(0, left); column < Math.min(width, left + size); column++) counts[row * width + column]++;
  }
  return counts;
}

/**
 * Counts of cells of one frame in the pixels of another. A cell that is larger than a pixel fills all pixels that it covers.
 * @param {ArrayLike<number>} cells Row 0 at the top @param {number} across Number of cells in a row @param {Frame} from @param {Frame} to
 * @param {number} width @param {number} height @returns {Uint32Array}
 */
export function spread(cells, across, from, to, width, height) {
  const counts = new Uint32Array(width * height), down = cells.length / across;
  const left = (/** @type {number} */ i) => ((from.x[0] + (i / across) * (from.x[1] - from.x[0]) - to.x[0]) / (to.x[1] - to.x[0] || 1)) * width;
  const top = (/** @type {number} */ j) => ((to.y[1] - from.y[1] + (j / down) * (from.y[1] - from.y[0])) / (to.y[1] - to.y[0] || 1)) * height;
  for (let j = 0; j < down; j++) {
    const first = Math.max(0, Math.floor(top(j))), last = Math.min(height - 1, Math.max(first, Math.ceil(top(j + 1)) - 1));
    for (let i = 0; i < across; i++) {
      const count = cells[j * across + i];
      if (!count) continue;
      const begin = Math.max(0, Math.floor(left(i))), end = Math.min(width - 1, Math.max(begin, Math.ceil(left(i + 1)) - 1));
      for (let y = first; y <= last; y++) for (let x = begin; x <= end; x++) counts[y * width + x] += count;
    }
  }
  return counts;
}

/** An image that can be drawn at any size. @param {ImageData} image */
export function bitmap(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Lay units over each other. Where a unit has more spikes its colour is stronger, on a logarithmic scale.
 * @param {Layer[]} layers @param {number} width @param {number} height @param {[number, number, number]} paper
 * @returns {ImageData}
 */
export function colourise(layers, width, height, paper) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer), n = width * height;
  const red = new Float32Array(n).fill(paper[0]), green = new Float32Array(n).fill(paper[1]), blue = new Float32Array(n).fill(paper[2]);
  for (const { counts, colour } of layers) {
    let most = 1;
    for (let i = 0; i < n; i++) if (counts[i] > most) most = counts[i];
    const weight = strengths(most);
    for (let i = 0; i < n; i++) {
      if (!counts[i]) continue;
      const w = weight[counts[i]];
      red[i] += w * (colour[0] - red[i]);
      green[i] += w * (colour[1] - green[i]);
      blue[i] += w * (colour[2] - blue[i]);
    }
  }
  for (let i = 0; i < n; i++) pixels[i] = 0xff000000 | (blue[i] << 16) | (green[i] << 8) | red[i];
  return image;
}

/**
 * Counts as colours for values, on a logarithmic scale; the paper where there is nothing.
 * @param {ArrayLike<number>} counts @param {number} width @param {number} height @param {[number, number, number]} paper @param {boolean} dark
 * @returns {ImageData}
 */
export function heat(counts, width, height, paper, dark) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  let most = 1;
  for (let i = 0; i < counts.length; i++) if (counts[i] > most) most = counts[i];
  const colourOf = Array.from({ length: 256 }, (_, i) => ramp(0.15 + (0.85 * i) / 255, dark)).map(([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0);
  const empty = (0xff000000 | (paper[2] << 16) | (paper[1] << 8) | paper[0]) >>> 0, per = 255 / Math.log1p(most);
  for (let i = 0; i < counts.length; i++) pixels[i] = counts[i] ? colourOf[Math.round(Math.log1p(counts[i]) * per)] : empty;
  return image;
}

/** Strength of the colour for 0, 1, 2 ... most spikes. @param {number} most */
function strengths(most) {
  const weight = new Float32Array(most + 1), least = most > 20 ? 0.3 : 0.6;
  for (let count = 1; count <= most; count++) weight[count] = most === 1 ? 0.75 : least + (0.95 - least) * (Math.log(count) / Math.log(most));
  return weight;
}
