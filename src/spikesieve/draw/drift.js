// @ts-check
// Displacement of the tissue, and tracks of units, over spikes by time and depth.

import { line } from "./canvas.js";

/**
 * @typedef {import("./canvas.js").Colours} Colours
 * @typedef {{x: (v: number) => number, y: (v: number) => number}} At
 */

/**
 * A line for each depth: where tissue that rests there was.
 * @param {CanvasRenderingContext2D} ctx @param {{time_s: ArrayLike<number>, depth_um: ArrayLike<number>, um: ArrayLike<number>}} moved `um`: all depths at the first time, then at the next
 * @param {At} at @param {{isMoving: boolean, isUsed: boolean}} how In the tissue the lines do not move. @param {Colours} colours
 */
export function drawDisplacement(ctx, { time_s: time, depth_um: rest, um }, at, { isMoving, isUsed }, colours) {
  ctx.setLineDash(isUsed ? [] : [5, 4]);
  for (const [width, colour] of /** @type {[number, string][]} */ ([[3, colours.paper], [1.2, colours.ink]])) {
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    for (let d = 0; d < rest.length; d++)
      line(ctx, Array.from(time, (second, k) => [at.x(second), at.y(rest[d] + (isMoving ? um[k * rest.length + d] : 0))]));
  }
  ctx.setLineDash([]);
}

/** Where a unit was; gaps where it was silent. @param {CanvasRenderingContext2D} ctx @param {[number, number][]} points s and µm @param {At} at @param {string} colour @param {Colours} colours */
export function drawTrack(ctx, points, at, colour, colours) {
  for (const [width, own] of /** @type {[number, string][]} */ ([[5, colours.paper], [2.5, colour]])) {
    ctx.strokeStyle = own;
    ctx.lineWidth = width;
    ctx.beginPath();
    let isOpen = false;
    for (const [second, um] of points) {
      if (!Number.isFinite(um)) isOpen = false;
      else {
        if (isOpen) ctx.lineTo(at.x(second), at.y(um));
        else ctx.moveTo(at.x(second), at.y(um));
        isOpen = true;
      }
    }
    ctx.stroke();
  }
}
