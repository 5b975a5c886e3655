// @ts-check
// The probe with its units, true to scale.

import { axes, FONT } from "./canvas.js";
import { mark } from "./marks.js";

/**
 * @typedef {import("./canvas.js").Pen} Pen
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Range} Range
 * @typedef {import("./canvas.js").Colours} Colours
 * @typedef {{x_um: number[], y_um: number[], shank: number[], channel: number[]}} Probe
 * @typedef {{unit: number, label: string, x_um: number, y_um: number, size: number, colour: string, ring: string | null, isFaint: boolean}} Mark `size` from 0 to 1.
 * @typedef {{x: number, y: number, perUm: number}} View What is in the middle, in µm, and pixels per µm.
 */

const CONTACT_UM = 12, SLENDER_PX = 70, SLENDER_SHARE = 0.45, LEAST_UM = 60, STRIP = 26;

/** @param {number[]} values @returns {Range} */
function around(values) {
  const low = Math.min(...values), high = Math.max(...values), pad = Math.max(0.05 * (high - low), LEAST_UM / 2);
  return [low - pad, high + pad];
}

/** Where the probe is drawn. @param {{width: number, height: number}} size @returns {Box} */
export function probeBox({ width, height }) {
  return { left: 50 + STRIP, top: 6, right: width - 8, bottom: height - 32 };
}

/** Width of the widest shank, in µm. @param {Probe} probe */
function widest({ x_um: um, shank }) {
  return Math.max(...[...new Set(shank)].map((name) => {
    const [low, high] = around(um.filter((_, i) => shank[i] === name));
    return high - low;
  }));
}

/**
 * The whole probe or, where its shanks would be threads then, a part in which they are wide enough.
 * @param {Probe} probe @param {Box} box @param {{x: number, y: number}} wanted What should be in the middle, in µm @param {boolean} whole @returns {View}
 */
export function fitted(probe, box, wanted, whole) {
  const ranges = { x: around(probe.x_um), y: around(probe.y_um) }, width = box.right - box.left, height = box.bottom - box.top;
  const all = Math.min(width / (ranges.x[1] - ranges.x[0]), height / (ranges.y[1] - ranges.y[0])), shank = widest(probe);
  const perUm = whole || shank * all >= Math.min(SLENDER_PX, SLENDER_SHARE * width) ? all : (SLENDER_SHARE * width) / shank;
  // No more beside the probe than there has to be.
  const middle = (/** @type {"x" | "y"} */ axis, /** @type {number} */ room) => {
    const [low, high] = ranges[axis], half = room / perUm / 2;
    return 2 * half >= high - low ? (low + high) / 2 : Math.min(Math.max(wanted[axis], low + half), high - half);
  };
  return { x: middle("x", width), y: middle("y", height), perUm };
}

/** What a view shows, in µm. @param {View} view @param {Box} box @returns {{x: Range, y: Range}} */
export function shownUm({ x, y, perUm }, box) {
  const [half, high] = [(box.right - box.left) / perUm / 2, (box.bottom - box.top) / perUm / 2];
  return { x: [x - half, x + half], y: [y - high, y + high] };
}

/**
 * @param {Pen} pen @param {Probe} probe @param {Mark[]} marks The last one on top @param {View} view @param {Colours} colours
 * @returns {{unit: number, x: number, y: number, r: number}[]} Where the units are.
 */
export function drawProbe(pen, probe, marks, view, colours) {
  const { ctx } = pen, box = probeBox(pen), frame = shownUm(view, box);
  const at = axes(pen, box, { ...frame, xLabel: "x (µm)", yLabel: "depth (µm)" }, colours);
  const size = Math.max(2, CONTACT_UM * view.perUm), few = probe.x_um.length <= 64 || size > 14;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.font = "9px system-ui, 'Liberation Sans', sans-serif";
  probe.x_um.forEach((um, i) => {
    ctx.fillStyle = colours.shade;
    ctx.fillRect(at.x(um) - size / 2, at.y(probe.y_um[i]) - size / 2, size, size);
    ctx.fillStyle = colours.soft;
    if (few && size > 12) ctx.fillText(String(probe.channel[i]), at.x(um), at.y(probe.y_um[i]));
  });
  ctx.font = FONT;
  nameShanks(ctx, at, probe, box, colours);
  const places = marks.map((one) => ({ unit: one.unit, x: at.x(one.x_um), y: at.y(one.y_um), r: 2.5 + 7 * one.size }));
  marks.forEach((one, i) => drawMark(ctx, one, places[i], colours));
  ctx.restore();
  drawStrip(ctx, { left: box.left - 46 - STRIP, right: box.left - 52, top: box.top, bottom: box.bottom }, probe, marks, frame.y, colours);
  return places.filter(({ x, y }) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom);
}

/** @param {CanvasRenderingContext2D} ctx @param {Mark} one @param {{x: number, y: number, r: number}} place @param {Colours} colours */
function drawMark(ctx, { unit, label, colour, ring, isFaint }, { x, y, r }, colours) {
  ctx.globalAlpha = ring ? 1 : isFaint ? 0.15 : 0.75;
  ctx.fillStyle = ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  mark(ctx, label, x, y, r);
  if (ring) {
    ctx.strokeStyle = ring;
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    ctx.arc(x, y, r + 4, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.fillStyle = colours.ink;
    ctx.textAlign = "left";
    ctx.fillText(String(unit), x + r + 7, y);
  }
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {{x: (v: number) => number, y: (v: number) => number}} at @param {Probe} probe @param {Box} box @param {Colours} colours */
function nameShanks(ctx, at, probe, box, colours) {
  const names = [...new Set(probe.shank)];
  if (names.length < 2) return;
  ctx.fillStyle = colours.soft;
  for (const name of names) {
    const own = probe.x_um.filter((_, i) => probe.shank[i] === name);
    ctx.fillText(`shank ${name}`, at.x((Math.min(...own) + Math.max(...own)) / 2), box.bottom - 8);
  }
}

/** All of the probe in a narrow strip, and which part of it is shown. @param {CanvasRenderingContext2D} ctx @param {Box} box @param {Probe} probe @param {Mark[]} marks @param {Range} shown @param {Colours} colours */
function drawStrip(ctx, box, probe, marks, shown, colours) {
  const [low, high] = around(probe.y_um);
  if (shown[0] <= low && shown[1] >= high) return;
  const at = stripAt(box, probe), middle = (box.left + box.right) / 2;
  ctx.fillStyle = colours.shade;
  ctx.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  for (const { colour, ring, y_um: y } of marks) {
    ctx.fillStyle = ring ?? colour;
    const half = ring ? (box.right - box.left) / 2 : 3;
    ctx.fillRect(middle - half, at(y) - (ring ? 1 : 0.5), 2 * half, ring ? 2 : 1);
  }
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = 1;
  const [top, bottom] = [Math.max(box.top, at(shown[1])), Math.min(box.bottom, at(shown[0]))];
  ctx.strokeRect(box.left + 0.5, top + 0.5, box.right - box.left - 1, Math.max(2, bottom - top - 1));
}

/** Depth to its place in the strip. @param {Box} box @param {Probe} probe */
function stripAt(box, probe) {
  const [low, high] = around(probe.y_um);
  return (/** @type {number} */ um) => box.bottom - ((um - low) / (high - low)) * (box.bottom - box.top);
}

/** The depth at a place in the strip; null beside it. @param {{width: number, height: number}} size @param {Probe} probe @param {number} x @param {number} y */
export function depthInStrip(size, probe, x, y) {
  const box = probeBox(size), [low, high] = around(probe.y_um);
  return x < box.left - 50 ? high - ((y - box.top) / (box.bottom - box.top)) * (high - low) : null;
}
