// @ts-check
// Mean waveforms at the places of their contacts.

import { FONT, line, plain, roundBelow } from "./canvas.js";
import { spots } from "./places.js";

/**
 * @typedef {import("./canvas.js").Pen} Pen
 * @typedef {import("./canvas.js").Colours} Colours
 * @typedef {{uv: Float32Array, contacts: ArrayLike<number>, nSamples: number, colour: string, single: Float32Array | null}} Trace
 * @typedef {{contact: number, trace: [number, number][], box: import("./canvas.js").Box, frame: {x: [number, number], y: [number, number]}}} WaveformPlot
 * @typedef {{x_um: number[], y_um: number[], channel: number[]}} Probe
 */

const MOST_CONTACTS = 24, FEWEST_CONTACTS = 6, SMALL = 0.06, MOST_MOVED = 0.4;

/** Contacts to show: where a unit is not small, and the nearest ones in any case; those of the first unit come first. @param {Trace[]} traces */
function contactsOf(traces) {
  const sizes = traces.map(({ uv, contacts, nSamples }) => Array.from(contacts, (_, row) => largest(uv.subarray(row * nSamples, (row + 1) * nSamples))));
  const most = Math.max(...sizes.flat());
  /** @type {Set<number>} */
  const found = new Set();
  traces.forEach(({ contacts }, k) => Array.from(contacts).forEach((contact, row) => {
    if (found.size < MOST_CONTACTS && (row < FEWEST_CONTACTS || sizes[k][row] > SMALL * most)) found.add(contact);
  }));
  return [...found];
}

/** @param {Float32Array} uv */
function largest(uv) {
  return uv.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}

/**
 * @param {Pen} pen @param {Trace[]} traces @param {Probe} probe
 * @param {{overlap: boolean, scale: number, sampleMs: number, peak: number, unit: string}} how `peak`: sample of the spike @param {Colours} colours
 * @returns {WaveformPlot[]} Where the waveforms of each contact are, and the ranges of their boxes in ms and in the unit of the waveforms.
 */
export function drawWaveforms({ ctx, width, height }, traces, probe, how, colours) {
  const shown = contactsOf(traces), room = height - 18;
  const x = spots(shown.map((c) => probe.x_um[c])), y = spots(shown.map((c) => probe.y_um[c]));
  const nSamples = traces[0].nSamples, n = how.overlap ? 1 : traces.length;
  const perUv = (how.scale * Math.min(0.5, 1.7 * y.pitch) * room) / Math.max(...traces.map(({ uv }) => largest(uv)), 1e-9) / 1.5;
  const column = (0.92 * x.pitch * width) / n, perSample = (0.94 * column) / (nSamples - 1);
  const places = within(shown.map((contact) => ({ contact, x: x.at(probe.x_um[contact]) * width, y: room - y.at(probe.y_um[contact]) * room })), traces, perUv, room);
  ctx.fillStyle = colours.soft;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.font = "10px system-ui, 'Liberation Sans', sans-serif";
  for (const place of places) ctx.fillText(String(probe.channel[place.contact]), place.x - (column * n) / 2, place.y - 1);
  ctx.font = FONT;
  const columnOf = (/** @type {number} */ middle, /** @type {number} */ k) => middle - (column * n) / 2 + (how.overlap ? 0 : k * column);
  const curve = (/** @type {typeof places[0]} */ place, /** @type {number} */ k, /** @type {Float32Array} */ uv) => Array.from(uv, (v, t) => /** @type {[number, number]} */ ([columnOf(place.x, k) + t * perSample, place.y - v * perUv]));
  /** @type {{contact: number, k: number, points: [number, number][]}[]} */
  const means = [];
  traces.forEach(({ uv, contacts, colour, single }, k) => {
    ctx.strokeStyle = colour;
    const draw = (/** @type {Float32Array} */ values) => Array.from(contacts).flatMap((contact, row) => {
      const place = places.find((one) => one.contact === contact);
      if (!place) return [];
      const points = curve(place, k, values.subarray(row * nSamples, (row + 1) * nSamples));
      line(ctx, points);
      return [{ contact, k: how.overlap ? 0 : k, points }];
    });
    if (single) {
      ctx.lineWidth = 0.7;
      ctx.globalAlpha = 0.25;
      for (let at = 0; at < single.length; at += uv.length) draw(single.subarray(at, at + uv.length));
      ctx.globalAlpha = 1;
    }
    ctx.lineWidth = single ? 2 : 1.4;
    means.push(...draw(uv));
  });
  drawScale(ctx, width, height, { perUv, perMs: perSample / how.sampleMs, unit: how.unit }, colours);
  const half = Math.max(0.5 * y.pitch * room, 14), ms = /** @type {[number, number]} */ ([-how.peak * how.sampleMs, (nSamples - 1 - how.peak) * how.sampleMs]);
  return places.flatMap((place) => traces.slice(0, n).map((_, k) => {
    const left = columnOf(place.x, k), trace = means.filter((one) => one.contact === place.contact && one.k === k).flatMap(({ points }) => points);
    return { contact: place.contact, trace, box: { left, right: left + perSample * (nSamples - 1), top: place.y - half, bottom: place.y + half }, frame: { x: ms, y: [-half / perUv, half / perUv] } };
  }));
}

/**
 * Places moved together until no mean waveform leaves the canvas above or below.
 * @param {{contact: number, x: number, y: number}[]} places @param {Trace[]} traces @param {number} perUv @param {number} room
 */
function within(places, traces, perUv, room) {
  let [above, below] = [0, 0];
  for (const { uv, contacts, nSamples } of traces)
    Array.from(contacts).forEach((contact, row) => {
      const place = places.find((one) => one.contact === contact), own = uv.subarray(row * nSamples, (row + 1) * nSamples);
      if (!place) return;
      above = Math.max(above, Math.max(...own) * perUv - place.y + 2);
      below = Math.max(below, place.y - Math.min(...own) * perUv - room + 2);
    });
  const [top, bottom] = [above, below].map((over) => Math.min(over, MOST_MOVED * room));
  return places.map((place) => ({ ...place, y: top + (place.y * (room - top - bottom)) / room }));
}

/** @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height @param {{perUv: number, perMs: number, unit: string}} scale @param {Colours} colours */
function drawScale(ctx, width, height, { perUv, perMs, unit }, colours) {
  const uv = roundBelow(40 / perUv), ms = roundBelow(50 / perMs), left = width - 60, bottom = height - 5;
  ctx.strokeStyle = ctx.fillStyle = colours.ink;
  ctx.lineWidth = 1.5;
  line(ctx, [[left, bottom - uv * perUv], [left, bottom], [left + ms * perMs, bottom]]);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText(`${plain(uv)} ${unit}`, left - 4, bottom - (uv * perUv) / 2);
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.fillText(`${plain(ms)} ms`, left + 4, bottom - 1);
}
