// @ts-check
// The whole recording as a thin line: where one is, marks, borders, and what was left out. A click goes there.

import { pen } from "../draw/canvas.js";
import { goToShare, view } from "./view.js";

/** @param {HTMLCanvasElement} canvas @param {import("../draw/canvas.js").Colours} colours */
export function drawTimeline(canvas, { shade, soft, ink, units }) {
  const drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, all = view.about.n_samples, at = (/** @type {number} */ sample) => (sample / all) * width;
  ctx.fillStyle = shade;
  ctx.fillRect(0, 2, width, height - 4);
  ctx.fillStyle = soft;
  for (const border of view.about.borders) ctx.fillRect(Math.min(width - 1, at(border)), 0, 1, height);
  ctx.globalAlpha = 0.6;
  for (const [from, to] of view.about.blanked) ctx.fillRect(at(from), 4, Math.max(1, at(to) - at(from)), height - 8);
  ctx.globalAlpha = 1;
  ctx.fillStyle = units[3];
  for (const { sample } of view.marks) ctx.fillRect(at(sample) - 1, 0, 3, height);
  ctx.fillStyle = ink;
  ctx.fillRect(at(view.start), 0, Math.max(3, at(view.samples)), height);
}

/** @param {HTMLCanvasElement} canvas */
export function startTimeline(canvas) {
  canvas.title = "The whole recording: click to go there";
  const go = (/** @type {PointerEvent} */ event) => goToShare(event.offsetX / canvas.clientWidth);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && go(event));
}
