// @ts-check
// The whole recording as a strip: how large its traces are, its spikes and drift, where one is, marks, borders, and what
// was left out. A click or a drag goes there.

import { getArrays } from "../api.js";
import { pen } from "../draw/canvas.js";
import { drawDrift, overviewBitmap } from "../draw/overview.js";
import { tellError } from "../says.js";
import { state } from "../store.js";
import { colours as themeColours, isDark } from "../theme.js";
import { changedView, goToShare, scrub, view } from "./view.js";

/** @typedef {import("../wire.js").Message} Message */

/** @type {{key: string, message: Message | null, picture: HTMLCanvasElement | null, drawn: string}} What is shown, and of what. */
const known = { key: "", message: null, picture: null, drawn: "" };

/** The overview for the present order of the contacts; null while it is asked for. */
function overview() {
  const key = `overview?order=${view.order}&reverse=${Number(view.upsideDown)}&of=${view.about.name}`;
  if (known.key !== key) {
    known.key = key;
    getArrays(key)
      .then((message) => {
        if (known.key !== key) return;
        Object.assign(known, { message, drawn: "" });
        changedView();
      })
      .catch(tellError);
  }
  return known.message;
}

/** @param {Message} message @param {"rms" | "spikes"} what */
function picture(message, what) {
  const drawn = `${what} ${isDark()} ${known.key} ${state.start.id}`;
  if (known.drawn !== drawn) Object.assign(known, { drawn, picture: overviewBitmap(message, what, themeColours(), isDark()) });
  return /** @type {HTMLCanvasElement} */ (known.picture);
}

/** @param {HTMLCanvasElement} canvas @param {import("../draw/canvas.js").Colours} colours */
export function drawTimeline(canvas, colours) {
  const { shade, soft, ink, units } = colours;
  canvas.classList.toggle("tall", view.strip !== "none");
  const drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, all = view.about.n_samples, at = (/** @type {number} */ sample) => (sample / all) * width;
  ctx.fillStyle = shade;
  ctx.fillRect(0, 2, width, height - 4);
  const found = view.strip === "none" ? null : overview();
  if (found) drawOverview(ctx, found, width, height, colours);
  canvas.dataset.shown = found ? view.strip : "none";
  ctx.fillStyle = soft;
  for (const border of view.about.borders) ctx.fillRect(Math.min(width - 1, at(border)), 0, 1, height);
  ctx.globalAlpha = 0.6;
  for (const [from, to] of view.about.blanked) ctx.fillRect(at(from), 4, Math.max(1, at(to) - at(from)), height - 8);
  ctx.globalAlpha = 1;
  ctx.fillStyle = units[3];
  for (const { sample } of view.marks) ctx.fillRect(at(sample) - 1, 0, 3, height);
  if (!found) {
    ctx.fillStyle = ink;
    return ctx.fillRect(at(view.start), 0, Math.max(3, at(view.samples)), height);
  }
  ctx.strokeStyle = units[1];
  ctx.lineWidth = 2;
  ctx.strokeRect(Math.max(1, at(view.start) - 1), 1, Math.max(3, at(view.samples)), height - 2);
}

/** @param {CanvasRenderingContext2D} ctx @param {Message} found @param {number} width @param {number} height @param {import("../draw/canvas.js").Colours} colours */
function drawOverview(ctx, found, width, height, colours) {
  // Columns join bins: the last one may reach beyond the end of the recording.
  const right = (width * found.facts.span_s[1] * state.start.sampling_hz) / view.about.n_samples;
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(picture(found, view.strip === "rms" ? "rms" : "spikes"), 0, 0, right, height);
  if (view.strip === "drift") drawDrift(ctx, found, { left: 0, right, top: 0, bottom: height }, colours);
}

/** @param {HTMLCanvasElement} canvas */
export function startTimeline(canvas) {
  canvas.title = "The whole recording: click to go there";
  const go = (/** @type {PointerEvent} */ event) => goToShare(event.offsetX / canvas.clientWidth);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && scrub(event.offsetX / canvas.clientWidth));
}
