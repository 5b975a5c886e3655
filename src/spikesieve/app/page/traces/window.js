// @ts-check
// Which tiles a part of the recording needs, and their numbers by row and pixel. Arrays in, arrays out.

/**
 * @typedef {{start: number, samples: number}} Window A part of the recording, in samples.
 * @typedef {{index: number, first: number, values: Int16Array, nRows: number, nColumns: number, pairs: boolean, scale: number}} Tile `first` is its first row.
 * @typedef {{low: Float32Array, high: Float32Array, nRows: number, width: number}} Gathered Smallest and largest value by row and pixel; NaN where there is none.
 */

const NOTHING = -32768;

/** Samples that become one column: the most that still fill every pixel. @param {number} samples @param {number} pixels @param {number[]} steps */
export function stepFor(samples, pixels, steps) {
  return steps.filter((step) => step <= Math.max(1, samples / pixels)).pop() ?? 1;
}

/** @param {Window} window @param {number} tileSamples @param {number} nSamples Of the recording. @returns {number[]} */
export function tilesOf({ start, samples }, tileSamples, nSamples) {
  const first = Math.max(0, Math.floor(start / tileSamples)), last = Math.min(Math.floor((nSamples - 1) / tileSamples), Math.floor((start + samples) / tileSamples));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** Blocks of rows that hold the visible ones. @param {number} first @param {number} n @param {number} block @param {number} nAll */
export function blocksOf(first, n, block, nAll) {
  const found = [];
  for (let at = Math.floor(first / block) * block; at < Math.min(first + n, nAll); at += block) found.push(at);
  return found;
}

/**
 * Numbers of the visible rows, column by column.
 * @param {Tile[]} tiles @param {{first: number, n: number}} rows @param {number} from First column. @param {number} n Number of columns.
 * @returns {{low: Float32Array, high: Float32Array}}
 */
function columnsOf(tiles, rows, from, n) {
  const low = new Float32Array(rows.n * n).fill(NaN), high = tiles.some(({ pairs }) => pairs) ? new Float32Array(rows.n * n).fill(NaN) : low;
  for (const { index, first, values, nRows, nColumns, pairs, scale } of tiles) {
    const begin = Math.max(from, index * nColumns), end = Math.min(from + n, (index + 1) * nColumns);
    for (let row = Math.max(rows.first, first); row < Math.min(rows.first + rows.n, first + nRows); row++) {
      let to = (row - rows.first) * n + begin - from, at = (row - first) * nColumns + begin - index * nColumns;
      if (pairs) {
        at *= 2;
        for (let column = begin; column < end; column++, to++, at += 2) {
          if (values[at] === NOTHING) continue;
          low[to] = values[at] * scale;
          high[to] = values[at + 1] * scale;
        }
      } else for (let column = begin; column < end; column++, to++, at++) if (values[at] !== NOTHING) low[to] = high[to] = values[at] * scale;
    }
  }
  return { low, high };
}

/**
 * Smallest and largest value of every pixel; of a heatmap (tiles without pairs of many samples a pixel) the value farthest from 0.
 * @param {Tile[]} tiles @param {Window} window @param {{first: number, n: number}} rows @param {number} width In pixels. @param {number} step @param {boolean} heat
 * @returns {Gathered}
 */
export function gather(tiles, { start, samples }, rows, width, step, heat) {
  const perPixel = samples / width / step, from = Math.floor(start / step) - 1, n = Math.ceil(samples / step) + 4;
  const columns = columnsOf(tiles, rows, from, n), size = rows.n * width, low = new Float32Array(size), high = heat ? low : new Float32Array(size);
  const offset = start / step - from;
  for (let row = 0; row < rows.n; row++) {
    const base = row * n;
    for (let x = 0, to = row * width; x < width; x++, to++) {
      const at = offset + x * perPixel, a = Math.floor(at);
      if (perPixel < 1 && !heat) {
        // Between two samples: on the line that joins them.
        const share = at - a;
        low[to] = columns.low[base + a] * (1 - share) + columns.low[base + a + 1] * share;
        high[to] = columns.high[base + a] * (1 - share) + columns.high[base + a + 1] * share;
        continue;
      }
      const b = Math.max(a + 1, Math.ceil(at + perPixel));
      let least = columns.low[base + a], most = columns.high[base + a];
      for (let k = a + 1; k < b; k++) {
        const l = columns.low[base + k], h = columns.high[base + k];
        if (heat) {
          if (Math.abs(l) > Math.abs(least)) least = l;
        } else {
          if (l < least) least = l;
          if (h > most) most = h;
        }
      }
      low[to] = least;
      if (!heat) high[to] = most;
    }
  }
  return { low, high, nRows: rows.n, width };
}

/** Take the mean of each row away, so that slow waves and offsets do not hide the rest. @param {Gathered} gathered */
export function centre({ low, high, nRows, width }) {
  for (let row = 0; row < nRows; row++) {
    let sum = 0, n = 0;
    for (let i = row * width; i < (row + 1) * width; i++)
      if (low[i] === low[i]) {
        sum += low[i] + high[i];
        n += 2;
      }
    const mean = n ? sum / n : 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      low[i] -= mean;
      if (high !== low) high[i] -= mean;
    }
  }
}

/** Leave out what is nearly 0. @param {Gathered} gathered @param {number} least @returns {Gathered} */
export function onlyLarge(gathered, least) {
  const { low, high } = gathered;
  for (let i = 0; i < low.length; i++) if (high[i] < least && low[i] > -least) low[i] = high[i] = NaN;
  return gathered;
}

/** How far values usually are from 0: the median of a few thousand of them; 0 if there are none. @param {Gathered} gathered */
export function usualSize({ low, high }) {
  const every = Math.max(1, Math.floor(low.length / 4000)), sizes = [];
  for (let i = 0; i < low.length; i += every) if (low[i] === low[i]) sizes.push(high === low ? Math.abs(low[i]) : (high[i] - low[i]) / 2);
  sizes.sort((a, b) => a - b);
  return sizes.length ? sizes[sizes.length >> 1] || sizes[Math.floor(sizes.length * 0.98)] / 4 : 0;
}
