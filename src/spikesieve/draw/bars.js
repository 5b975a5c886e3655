// @ts-check
// Correlograms: a matrix of bars, autocorrelograms on its diagonal.

import { linear, line, plain } from "./canvas.js";

/**
 * @typedef {import("./canvas.js").Pen} Pen
 * @typedef {import("./canvas.js").Colours} Colours
 */

/**
 * @param {Pen} pen @param {ArrayLike<number>} counts (n, n, n lags) one after the other @param {number} n @param {number} binMs
 * @param {string[]} unitColours @param {number[]} units @param {Colours} colours @param {number} refractoryMs Up to there it is shaded.
 */
export function drawCorrelograms({ ctx, width, height }, counts, n, binMs, unitColours, units, colours, refractoryMs) {
  const nLags = counts.length / (n * n), half = (nLags - 1) / 2, grid = cells(width, height, n);
  forEachCell(grid, n, (box, i, j) => {
    const own = Array.prototype.slice.call(counts, (i * n + j) * nLags, (i * n + j + 1) * nLags);
    if (i === j) own[half] = 0;
    shade(ctx, box, refractoryMs / ((half + 0.5) * binMs), colours);
    drawOne(ctx, box, own, i === j ? unitColours[i] : colours.soft);
    frameCell(ctx, box, nameOf(units, i, j), plain(Math.max(...own)), colours);
  });
  ctx.fillStyle = colours.soft;
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  ctx.fillText(`−${plain(half * binMs)}`, 6, height - 2);
  ctx.textAlign = "right";
  ctx.fillText(`${plain(half * binMs)} ms`, 6 + grid.wide, height - 2);
}

/** The middle of a box, as a share of its half. @param {CanvasRenderingContext2D} ctx @param {import("./canvas.js").Box} box @param {number} share @param {Colours} colours */
function shade(ctx, box, share, colours) {
  const half = (box.right - box.left) / 2, wide = half * Math.min(1, Math.max(0, share));
  ctx.fillStyle = colours.shade;
  ctx.fillRect(box.left + half - wide, box.top, 2 * wide, box.bottom - box.top);
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./canvas.js").Box} box @param {number[]} counts @param {string} fill */
function drawOne(ctx, box, counts, fill) {
  const py = linear([0, Math.max(...counts, 1) * 1.05], box.bottom, box.top);
  ctx.fillStyle = fill;
  const wide = (box.right - box.left) / counts.length;
  counts.forEach((count, i) => count && ctx.fillRect(box.left + i * wide, py(count), Math.max(wide, 0.7), box.bottom - py(count)));
}

/**
 * Values in bins as steps.
 * @param {CanvasRenderingContext2D} ctx @param {ArrayLike<number>} values @param {{x: (v: number) => number, y: (v: number) => number}} at
 * @param {ArrayLike<number>} edges Of the bins @param {string} colour
 */
export function drawSteps(ctx, values, at, edges, colour) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.3;
  ctx.beginPath();
  let isOpen = false;
  Array.from(values).forEach((value, i) => {
    if (!Number.isFinite(value)) return void (isOpen = false);
    const [from, to, y] = [at.x(edges[i]), at.x(edges[i + 1]), at.y(value)];
    if (isOpen) ctx.lineTo(from, y);
    else ctx.moveTo(from, y);
    ctx.lineTo(to, y);
    isOpen = true;
  });
  ctx.stroke();
}

/**
 * Correlograms over logarithmic time, as rates of pairs: the time before to the left, the time after to the right.
 * @param {Pen} pen @param {ArrayLike<number>} counts (n, n, 2, n bins), before and after @param {number} n @param {number[]} edges Of the bins in ms
 * @param {string[]} unitColours @param {number[]} units @param {Colours} colours @param {number} refractoryMs Up to there it is shaded.
 */
export function drawLogCorrelograms({ ctx, width, height }, counts, n, edges, unitColours, units, colours, refractoryMs) {
  const nBins = edges.length - 1, grid = cells(width, height, n), last = edges[nBins];
  forEachCell(grid, n, (box, i, j) => {
    const half = (box.right - box.left) / 2, middle = box.left + half;
    const px = (/** @type {number} */ ms) => (Math.log(ms / edges[0]) / Math.log(last / edges[0])) * half;
    const rates = Array.from({ length: 2 * nBins }, (_, k) => counts[(i * n + j) * 2 * nBins + k] / (edges[(k % nBins) + 1] - edges[k % nBins]));
    const top = Math.max(...rates, 1e-12) * 1.05;
    shade(ctx, box, px(refractoryMs) / half, colours);
    ctx.fillStyle = i === j ? unitColours[i] : colours.soft;
    rates.forEach((rate, k) => {
      const [from, to] = [px(edges[k % nBins]), px(edges[(k % nBins) + 1])], high = (rate / top) * (box.bottom - box.top);
      ctx.fillRect(k < nBins ? middle - to : middle + from, box.bottom - high, Math.max(to - from, 0.7), high);
    });
    frameCell(ctx, box, nameOf(units, i, j), "", colours);
    if (i === n - 1 && j === 0) {
      ctx.textAlign = "center";
      ctx.textBaseline = "bottom";
      for (const ms of [1, 10, 100].filter((tick) => tick > edges[0] && tick < last)) for (const side of [-1, 1]) ctx.fillText(`${side < 0 ? "−" : ""}${ms}`, middle + side * px(ms), height - 2);
    }
  });
}

/** @typedef {{wide: number, high: number, gap: number}} Grid */

/** The size of each of n times n cells. @param {number} width @param {number} height @param {number} n @returns {Grid} */
function cells(width, height, n) {
  const gap = n > 1 ? 6 : 0;
  return { wide: (width - 12 - gap * (n - 1)) / n, high: (height - 22 - gap * (n - 1)) / n, gap };
}

/** @param {Grid} grid @param {number} n @param {(box: import("./canvas.js").Box, i: number, j: number) => void} draw */
function forEachCell({ wide, high, gap }, n, draw) {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const left = 6 + j * (wide + gap), top = 2 + i * (high + gap);
      draw({ left, top, right: left + wide, bottom: top + high }, i, j);
    }
}

/** @param {number[]} units @param {number} i @param {number} j */
function nameOf(units, i, j) {
  return i === j ? String(units[i]) : `${units[i]} → ${units[j]}`;
}

/** The line under a cell, its name and what stands to the right. @param {CanvasRenderingContext2D} ctx @param {import("./canvas.js").Box} box @param {string} name @param {string} right @param {Colours} colours */
function frameCell(ctx, box, name, right, colours) {
  ctx.strokeStyle = colours.line;
  ctx.lineWidth = 1;
  line(ctx, [[box.left, box.bottom + 0.5], [box.right, box.bottom + 0.5]]);
  ctx.fillStyle = colours.soft;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(name, box.left + 3, box.top + 2);
  ctx.textAlign = "right";
  ctx.fillText(right, box.right - 3, box.top + 2);
}
