// @ts-check
// Density of spikes as pixels: arrays in, an image out. The same pixels on every machine.

/** @typedef {{counts: Uint16Array | Uint32Array, colour: [number, number, number]}} Layer */

/** "#rrggbb" as three numbers. @param {string} hex @returns {[number, number, number]} */
export function rgb(hex) {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) || 0);
  return [red, green, blue];
}

/**
 * Count points in pixels, each as a square, so that a single one can be seen.
 * @param {ArrayLike<number>} points x of all, then y of all @param {{x: [number, number], y: [number, number]}} range
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

/** Strength of the colour for 0, 1, 2 ... most spikes. @param {number} most */
function strengths(most) {
  const weight = new Float32Array(most + 1), least = most > 20 ? 0.3 : 0.6;
  for (let count = 1; count <= most; count++) weight[count] = most === 1 ? 0.75 : least + (0.95 - least) * (Math.log(count) / Math.log(most));
  return weight;
}
