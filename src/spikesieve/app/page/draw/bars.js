// @ts-check
// Correlograms: a matrix of bars, autocorrelograms on its diagonal.

import { linear, line, plain } from "./canvas.js";

/**
 * @typedef {import("./canvas.js").Pen} Pen
 * @typedef {import("./canvas.js").Colours} Colours
 */

const REFRACTORY_MS = 1.5;

/**
 * @param {Pen} pen @param {ArrayLike<number>} counts (n, n, n lags) one after the other @param {number} n @param {number} binMs
 * @param {string[]} unitColours @param {number[]} units @param {Colours} colours
 */
export function drawCorrelograms({ ctx, width, height }, counts, n, binMs, unitColours, units, colours) {
  const nLags = counts.length / (n * n), half = (nLags - 1) / 2, bottom = 18, gap = n > 1 ? 6 : 0;
  const wide = (width - 12 - gap * (n - 1)) / n, high = (height - bottom - 4 - gap * (n - 1)) / n;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const box = { left: 6 + j * (wide + gap), top: 2 + i * (high + gap), right: 6 + j * (wide + gap) + wide, bottom: 2 + i * (high + gap) + high };
      const own = Array.prototype.slice.call(counts, (i * n + j) * nLags, (i * n + j + 1) * nLags);
      if (i === j) own[half] = 0;
      drawOne(ctx, box, own, half, binMs, i === j ? unitColours[i] : colours.soft, colours);
      ctx.fillStyle = colours.soft;
      ctx.textAlign = "left";
      ctx.textBaseline = "top";
      ctx.fillText(i === j ? String(units[i]) : `${units[i]} → ${units[j]}`, box.left + 3, box.top + 2);
      ctx.textAlign = "right";
      ctx.fillText(plain(Math.max(...own)), box.right - 3, box.top + 2);
    }
  ctx.fillStyle = colours.soft;
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  ctx.fillText(`−${plain(half * binMs)}`, 6, height - 2);
  ctx.textAlign = "right";
  ctx.fillText(`${plain(half * binMs)} ms`, 6 + wide, height - 2);
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./canvas.js").Box} box @param {number[]} counts @param {number} half @param {number} binMs @param {string} fill @param {Colours} colours */
function drawOne(ctx, box, counts, half, binMs, fill, colours) {
  const reach = (half + 0.5) * binMs, px = linear([-reach, reach], box.left, box.right), top = Math.max(...counts, 1) * 1.05;
  const py = linear([0, top], box.bottom, box.top);
  ctx.fillStyle = colours.shade;
  ctx.fillRect(px(-REFRACTORY_MS), box.top, px(REFRACTORY_MS) - px(-REFRACTORY_MS), box.bottom - box.top);
  ctx.fillStyle = fill;
  const wide = (box.right - box.left) / counts.length;
  counts.forEach((count, i) => count && ctx.fillRect(box.left + i * wide, py(count), Math.max(wide, 0.7), box.bottom - py(count)));
  ctx.strokeStyle = colours.line;
  ctx.lineWidth = 1;
  line(ctx, [[box.left, box.bottom + 0.5], [box.right, box.bottom + 0.5]]);
}

/**
 * Rates over time as steps.
 * @param {CanvasRenderingContext2D} ctx @param {ArrayLike<number>} rates @param {{x: (v: number) => number, y: (v: number) => number}} at
 * @param {[number, number]} span @param {string} colour
 */
export function drawSteps(ctx, rates, at, span, colour) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.3;
  const step = (span[1] - span[0]) / rates.length;
  ctx.beginPath();
  Array.from(rates).forEach((rate, i) => {
    if (!Number.isFinite(rate)) return;
    const [from, to, y] = [at.x(span[0] + i * step), at.x(span[0] + (i + 1) * step), at.y(rate)];
    if (i) ctx.lineTo(from, y);
    else ctx.moveTo(from, y);
    ctx.lineTo(to, y);
  });
  ctx.stroke();
}
