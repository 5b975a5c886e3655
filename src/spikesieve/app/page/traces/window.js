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
 * Write the columns of one row of a tile.
 * @param {Tile} tile @param {number} row Of the recording. @param {number} from First column. @param {Float32Array} low @param {Float32Array} high
 */
function columnsOf({ index, first, values, nColumns, pairs, scale }, row, from, low, high) {
  const begin = Math.max(from, index * nColumns), end = Math.min(from + low.length, (index + 1) * nColumns), width = pairs ? 2 : 1;
  let at = ((row - first) * nColumns + begin - index * nColumns) * width;
  for (let to = begin - from; to < end - from; to++, at += width) {
    if (values[at] === NOTHING) continue;
    low[to] = values[at] * scale;
    if (high !== low) high[to] = values[at + width - 1] * scale;
  }
}

/**
 * Smallest and largest value of every pixel; of a heatmap (tiles without pairs of many samples a pixel) the value farthest from 0.
 * @param {Tile[]} tiles @param {Window} window @param {{first: number, n: number}} rows @param {number} width In pixels. @param {number} step @param {boolean} heat
 * @returns {Gathered}
 */
export function gather(tiles, { start, samples }, rows, width, step, heat) {
  const perPixel = samples / width / step, from = Math.floor(start / step) - 1, n = Math.ceil(samples / step) + 4;
  const size = rows.n * width, low = new Float32Array(size), high = heat ? low : new Float32Array(size);
  // The columns of a row, one row after the other: they stay in the processor's cache.
  const least = new Float32Array(n), most = tiles.some(({ pairs }) => pairs) ? new Float32Array(n) : least;
  const places = new Float64Array(width).map((_, x) => start / step - from + x * perPixel), begins = new Int32Array(width).map((_, x) => Math.floor(places[x]));
  const ends = begins.map((a, x) => Math.max(a + 1, Math.ceil(places[x] + perPixel)));
  for (let row = 0; row < rows.n; row++) {
    const to = row * width;
    least.fill(NaN);
    if (most !== least) most.fill(NaN);
    for (const tile of tiles) if (rows.first + row >= tile.first && rows.first + row < tile.first + tile.nRows) columnsOf(tile, rows.first + row, from, least, most);
    if (heat) farthest(least, begins, ends, low, to);
    else if (perPixel < 1) between(least, most, places, low, high, to);
    else extremes(least, most, begins, ends, low, high, to);
  }
  return { low, high, nRows: rows.n, width };
}

/** The value farthest from 0 of each pixel. @param {Float32Array} values @param {Int32Array} begins @param {Int32Array} ends @param {Float32Array} low @param {number} to */
function farthest(values, begins, ends, low, to) {
  for (let x = 0; x < begins.length; x++) {
    let found = values[begins[x]];
    for (let k = begins[x] + 1; k < ends[x]; k++) if (Math.abs(values[k]) > Math.abs(found)) found = values[k];
    low[to + x] = found;
  }
}

/** Where a pixel lies between two samples: on the line that joins them. @param {Float32Array} least @param {Float32Array} most @param {Float64Array} places @param {Float32Array} low @param {Float32Array} high @param {number} to */
function between(least, most, places, low, high, to) {
  for (let x = 0; x < places.length; x++) {
    const a = Math.floor(places[x]), share = places[x] - a;
    low[to + x] = least[a] * (1 - share) + least[a + 1] * share;
    high[to + x] = most[a] * (1 - share) + most[a + 1] * share;
  }
}

/** @param {Float32Array} least @param {Float32Array} most @param {Int32Array} begins @param {Int32Array} ends @param {Float32Array} low @param {Float32Array} high @param {number} to */
function extremes(least, most, begins, ends, low, high, to) {
  for (let x = 0; x < begins.length; x++) {
    let l = least[begins[x]], h = most[begins[x]];
    for (let k = begins[x] + 1; k < ends[x]; k++) {
      if (least[k] < l) l = least[k];
      if (most[k] > h) h = most[k];
    }
    low[to + x] = l;
    high[to + x] = h;
  }
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
