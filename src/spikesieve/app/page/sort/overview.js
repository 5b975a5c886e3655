// @ts-check
// The whole recording before it is sorted, from short pieces of it. A click looks there; a drag chooses a stretch to sort
// alone, or to leave out.

import { pen, plain, ticks } from "../draw/canvas.js";
import { overviewBitmap } from "../draw/overview.js";
import { on } from "../store.js";
import { tellError } from "../says.js";
import { colours, isDark } from "../theme.js";
import { askArrays, draft, hear, read, recordingAsked } from "./draft.js";
import { byId, make } from "./dom.js";
import { lookAt, window_ } from "./preview.js";

/** @typedef {import("../wire.js").Message} Message */
/** @typedef {[number, number]} Stretch In s. */

const LEFT = 34, BELOW = 13, CLICK_PX = 4;
/** @type {{message: Message | null, what: "rms" | "spikes", paths: string, dragged: Stretch | null, held: number | null}} */
const its = { message: null, what: "rms", paths: "", dragged: null, held: null };

/** @returns {HTMLCanvasElement} */
function canvas() {
  return byId("overview");
}

function length() {
  return draft.facts?.duration_s ?? 0;
}

/** @param {number} x In pixels of the canvas. */
function secondAt(x) {
  return Math.min(1, Math.max(0, (x - LEFT) / (canvas().clientWidth - LEFT))) * length();
}

export function drawOverview() {
  const drawing = pen(canvas()), colour = colours();
  if (!drawing || !length()) return;
  const { ctx, width } = drawing, height = drawing.height - BELOW, at = (/** @type {number} */ s) => LEFT + (s / length()) * (width - LEFT);
  ctx.imageSmoothingEnabled = false;
  if (its.message) ctx.drawImage(overviewBitmap(its.message, its.what, colour, isDark()), LEFT, 0, at(its.message.facts.span_s[1]) - LEFT, height);
  canvas().dataset.shown = its.message ? its.what : "";
  const { time_range_s: only, exclude_s: out } = draft.reading, gone = /** @type {Stretch[]} */ ([...(out ?? []), ...(only ? [[0, only[0]], [only[1], length()]] : [])]);
  ctx.fillStyle = colour.paper;
  ctx.globalAlpha = 0.75;
  for (const [from, to] of gone) ctx.fillRect(at(from), 0, at(Math.min(to, length())) - at(from), height);
  ctx.globalAlpha = 1;
  ctx.fillStyle = ctx.strokeStyle = colour.units[1];
  if (its.dragged) {
    ctx.globalAlpha = 0.3;
    ctx.fillRect(at(its.dragged[0]), 0, at(its.dragged[1]) - at(its.dragged[0]), height);
    ctx.globalAlpha = 1;
  }
  const { start, seconds } = window_();
  ctx.lineWidth = 2;
  ctx.strokeRect(at(start), 1, Math.max(3, at(start + seconds) - at(start)), height - 2);
  ctx.fillStyle = colour.soft;
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const tick of ticks([0, length()], width / 90)) ctx.fillText(`${plain(tick)} s`, Math.min(width - 14, at(tick)), height + 1);
}

function showChoices() {
  const bar = byId("overview-bar"), stretch = its.dragged;
  bar.hidden = !its.message;
  const what = make("select", { "aria-label": "What the overview shows", onchange: (/** @type {any} */ event) => { its.what = event.target.value; drawOverview(); } }, make("option", { value: "rms", selected: its.what === "rms" }, "size (RMS)"), make("option", { value: "spikes", selected: its.what === "spikes" }, "spikes"));
  if (!stretch) return bar.replaceChildren(what, make("small", {}, "click to look there, drag to choose a stretch"), ...(draft.reading.time_range_s || draft.reading.exclude_s ? [button("Sort all of it", () => choose({ time_range_s: undefined, exclude_s: undefined }))] : []));
  const text = `${plain(stretch[0])} to ${plain(stretch[1])} s:`, out = draft.reading.exclude_s ?? [];
  bar.replaceChildren(what, make("span", {}, text), button("Sort only this", () => choose({ time_range_s: stretch })), button("Leave this out", () => choose({ exclude_s: [...out, stretch].sort((a, b) => a[0] - b[0]) })), button("Neither", () => choose({})));
}

/** @param {string} text @param {() => void} does */
function button(text, does) {
  return make("button", { type: "button", onclick: does }, text);
}

/** @param {Record<string, any>} changes */
function choose(changes) {
  its.dragged = null;
  if (Object.keys(changes).length) read(changes);
  showChoices();
  drawOverview();
}

/** Ask for it, unless it is here. */
export async function lookOver() {
  const { time_range_s: _, exclude_s: __, ...reading } = draft.reading, wanted = JSON.stringify([draft.paths, reading]);
  if (its.paths === wanted || !draft.facts || !length()) return drawOverview();
  Object.assign(its, { paths: wanted, message: null, dragged: null });
  showChoices();
  try {
    const message = await askArrays("overview", { recording: recordingAsked(), settings: draft.values });
    if (its.paths === wanted) its.message = message;
  } catch (error) {
    its.paths = "";
    tellError(error);
  }
  showChoices();
  drawOverview();
}

function startDragging() {
  canvas().addEventListener("pointerdown", (event) => {
    if (!its.message) return;
    its.held = event.offsetX;
    canvas().setPointerCapture(event.pointerId);
  });
  canvas().addEventListener("pointermove", (event) => {
    if (its.held === null || Math.abs(event.offsetX - its.held) < CLICK_PX) return;
    const both = [its.held, event.offsetX].map(secondAt).sort((a, b) => a - b), digits = length() > 1000 ? 0 : length() > 60 ? 1 : 2;
    its.dragged = /** @type {Stretch} */ (both.map((s) => Number(s.toFixed(digits))));
    drawOverview();
  });
  canvas().addEventListener("pointerup", (event) => {
    if (its.held !== null && Math.abs(event.offsetX - its.held) < CLICK_PX) {
      its.dragged = null;
      lookAt(secondAt(event.offsetX));
    }
    its.held = null;
    showChoices();
  });
}

export function startOverview() {
  startDragging();
  showChoices();
  hear(["recording", "window"], () => {
    showChoices();
    drawOverview();
  });
  on(["theme"], drawOverview);
  new ResizeObserver(drawOverview).observe(canvas());
}
