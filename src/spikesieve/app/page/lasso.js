// @ts-check
// The lasso: drawn in a plot, kept in the coordinates of its axes. The server decides which spikes it holds.

import { post } from "./api.js";
import { line, linear, pen } from "./draw/canvas.js";
import { counted, tell, tellError } from "./says.js";
import { changed, on, selected, state } from "./store.js";
import { colours } from "./theme.js";

/**
 * @typedef {import("./draw/canvas.js").Box} Box
 * @typedef {import("./store.js").Where} Where
 * @typedef {{x: [number, number], y: [number, number]}} Frame
 * @typedef {{box: Box, frame: Frame, where: Where, trace?: [number, number][]}} Plot A plot on a canvas, what its axes are, and the curve that it is known by.
 */

const FREE_HAND_PX = 5, NEAR_PX = 40;

/** Whether two plots have the same axes. @param {Where} a @param {Where} b */
function isSame(a, b) {
  return a.kind === b.kind && String(a.axes) === String(b.axes) && a.contact === b.contact;
}

/** @param {Plot} plot @param {number} x @param {number} y @returns {[number, number]} */
function valueAt({ box, frame }, x, y) {
  return [linear([box.left, box.right], ...frame.x)(x), linear([box.bottom, box.top], ...frame.y)(y)];
}

/** How far a plot is from the mouse: its curve, where it has one, or else its box. @param {Plot} plot @param {MouseEvent} event */
function gap({ box, trace }, { offsetX: x, offsetY: y }) {
  if (trace) return Math.min(...trace.map(([left, top]) => Math.hypot(left - x, top - y))) - NEAR_PX;
  return Math.max(box.left - x, x - box.right, box.top - y, y - box.bottom);
}

/** The plot at the mouse. @param {Plot[]} plots @param {MouseEvent} event @returns {Plot | undefined} */
function plotAt(plots, event) {
  const gaps = plots.map((plot) => ({ plot, far: gap(plot, event) })).filter(({ far }) => far <= FREE_HAND_PX);
  return gaps.sort((one, other) => one.far - other.far)[0]?.plot;
}

/** What a request says of the lasso. */
export function askedLasso() {
  return state.lasso && { ...state.lasso.where, corners: state.lasso.corners };
}

/** Count what is in the lasso, on all spikes, before anything is done with it. */
async function count() {
  const lasso = state.lasso, units = selected();
  if (!lasso) return;
  try {
    const { counts } = await post("lasso", { units, lasso: askedLasso() });
    if (state.lasso !== lasso) return;
    lasso.counts = counts;
    tell(`In the lasso: ${units.map((unit) => `${counts[unit][0].toLocaleString("en")} of ${counted(counts[unit][0] + counts[unit][1], "spike")} of unit ${unit}`).join(", ")}. K splits them off, J moves them, X discards them.`);
  } catch (error) {
    tellError(error);
  }
}

/**
 * Let a lasso be drawn over a canvas.
 * @param {HTMLElement} content Where the canvas is. @param {() => Plot[]} plots What it shows now.
 * @param {{isLine?: boolean, canDraw?: boolean, pick?: (plot: Plot, isSecond: boolean) => void}} how An open line chooses what crosses it; Ctrl+click picks a plot.
 * @returns {() => void} Draws the lasso again.
 */
export function startLasso(content, plots, { isLine = false, canDraw = true, pick } = {}) {
  const canvas = content.appendChild(document.createElement("canvas")), fewest = isLine ? 2 : 3;
  canvas.className = "lasso";
  /** @type {{plot: Plot, last: [number, number]} | null} The plot in which it is being drawn. */
  let drawing = null;
  let isEmpty = true;
  const redraw = () => {
    const lasso = state.lasso, plot = lasso && plots().find(({ where }) => isSame(where, lasso.where));
    if (!plot && isEmpty) return;
    const drawn = pen(canvas);
    isEmpty = !plot;
    if (drawn && plot && lasso) drawLasso(drawn.ctx, plot, lasso.corners, lasso.closed && !isLine);
  };
  canvas.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    const plot = plotAt(plots(), event);
    if (pick && event.ctrlKey) return void (plot && pick(plot, true));
    state.lasso = null;
    changed("lasso");
  });
  canvas.addEventListener("pointerdown", (event) => {
    const plot = plotAt(plots(), event);
    const isCtrl = event.ctrlKey || event.metaKey;
    if (event.button !== 0 || !plot || (!isCtrl && !canDraw)) return;
    if (isCtrl && pick) return pick(plot, event.shiftKey);
    const corner = valueAt(plot, event.offsetX, event.offsetY);
    if (isCtrl) {
      const before = state.lasso && isSame(state.lasso.where, plot.where) ? state.lasso.corners : [];
      state.lasso = { where: plot.where, corners: [...before, corner], closed: true, counts: null };
      changed("lasso");
      return void (state.lasso.corners.length >= fewest && count());
    }
    drawing = { plot, last: [event.offsetX, event.offsetY] };
    canvas.setPointerCapture(event.pointerId);
    state.lasso = { where: plot.where, corners: [corner], closed: false, counts: null };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing || !state.lasso) return;
    const { left, top } = canvas.getBoundingClientRect(), all = event.getCoalescedEvents?.() ?? [];
    // A busy browser tells several movements at once: the corners between count as well.
    for (const { clientX, clientY } of all.length ? all : [event]) {
      const [x, y] = [clientX - left, clientY - top];
      if (Math.hypot(x - drawing.last[0], y - drawing.last[1]) < FREE_HAND_PX) continue;
      drawing.last = [x, y];
      state.lasso.corners.push(valueAt(drawing.plot, x, y));
    }
    redraw();
  });
  canvas.addEventListener("pointerup", () => {
    if (!drawing || !state.lasso) return;
    drawing = null;
    state.lasso = state.lasso.corners.length < fewest ? null : { ...state.lasso, closed: true };
    changed("lasso");
    void count();
  });
  on(["lasso"], redraw);
  return redraw;
}

/** @param {CanvasRenderingContext2D} ctx @param {Plot} plot @param {[number, number][]} corners @param {boolean} closed */
function drawLasso(ctx, { box, frame }, corners, closed) {
  const x = linear(frame.x, box.left, box.right), y = linear(frame.y, box.bottom, box.top);
  const points = corners.map((corner) => /** @type {[number, number]} */ ([x(corner[0]), y(corner[1])]));
  ctx.strokeStyle = ctx.fillStyle = colours().ink;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([5, 3]);
  line(ctx, closed ? [...points, points[0]] : points);
  ctx.setLineDash([]);
  for (const [left, top] of points.length < 40 ? points : []) ctx.fillRect(left - 2, top - 2, 4, 4);
}
