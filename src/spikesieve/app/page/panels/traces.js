// @ts-check
// The panel of traces: raw, preprocessed, what the units explain, and the rest; with the spikes in their places.

import { getJson } from "../api.js";
import { pen, plain, roundBelow, say } from "../draw/canvas.js";
import { drawFrame, drawHeat, drawLine, heatColours, middleOf, paint, pixel, shade } from "../draw/traces.js";
import { tellError } from "../says.js";
import { on, selected, state } from "../store.js";
import { colours, isDark, unitColour } from "../theme.js";
import { controls } from "../traces/controls.js";
import { startFocusKeys } from "../traces/focus_keys.js";
import { startMouse } from "../traces/mouse.js";
import { drawTimeline, startTimeline } from "../traces/timeline.js";
import { spikesIn } from "../traces/spikes.js";
import { isWaiting, tile, want } from "../traces/tiles.js";
import { begin, changedView, MOST_LINES, onChange, ordered, view } from "../traces/view.js";
import { blocksOf, centre, gather, onlyLarge, stepFor, tilesOf, usualSize } from "../traces/window.js";

/** @typedef {import("../traces/window.js").Gathered} Gathered */
/** @typedef {import("../traces/tiles.js").Wanted} Wanted */

const ROWS = 32, AHEAD = 2, LEFT = 46, BELOW = 16, SLOW_MS = 700;
/** The usual noise takes a sixth of a row, but no less than some pixels, unless that is more than a quarter; a heatmap has its full colour at six times the noise. */
const ROW_OF_NOISE = 6, LEAST_NOISE_PX = 4, MOST_OF_ROW = 4, HEAT_OF_NOISE = 6;
/** A prediction below this share of the noise is not drawn over the traces. */
const SEEN_OF_NOISE = 0.5;

/** @type {import("../layout/layout.js").Panel} */
export const traces = { name: "traces", title: "Traces", mount };

/** @type {Map<string, number>} Usual size of values by unit: it is measured once, so that the scale stands still. */
const usual = new Map();
/** @type {{gathered: Gathered, width: number, height: number} | null} What is on the screen, for the cursor. */
export let shown = null;

/** @param {import("../layout/layout.js").Place} place */
function mount(place) {
  const canvas = place.content.appendChild(document.createElement("canvas")), timeline = place.content.appendChild(document.createElement("canvas"));
  canvas.className = "traces";
  timeline.className = "timeline";
  canvas.setAttribute("role", "img");
  canvas.tabIndex = 0;
  let waits = false;
  /** @type {() => void} */
  let sync = () => undefined;
  const redraw = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      if (!canvas.clientWidth || view.about === null) return;
      sync();
      place.say(drawAll(canvas, timeline));
      place.section.dataset.shown = `${view.kind} ${Math.round(view.start)} ${isWaiting() ? "waits" : "whole"}`;
    });
  };
  onChange(redraw);
  on(["selection", "units", "theme"], redraw);
  new ResizeObserver(redraw).observe(canvas);
  getJson("traces")
    .then(async (about) => {
      begin(about);
      if (!about.missing) {
        view.marks = (await getJson("marks")).marks;
        sync = controls(place.tools, canvas, address);
        startMouse(canvas, place.say);
        startFocusKeys(canvas);
        startTimeline(timeline);
      }
      redraw();
    })
    .catch(tellError);
}

/** @param {string} kind @param {number} index @param {number} step @param {boolean} heat @param {number} first @param {number} n */
function keyOf(kind, index, step, heat, first, n) {
  return `traces/${kind}/${index}?step=${step}&shape=${heat ? "heat" : "lines"}&order=${view.order}&reverse=${Number(view.upsideDown)}&first=${first}&n=${n}&r=${state.start.id}`;
}

/** A tile of the visible rows, sample by sample. @param {number} index */
function address(index) {
  return keyOf(view.kind, index, 1, false, view.first, view.n);
}

/** @param {string} kind @param {number[]} indices @param {number} step @param {boolean} heat @returns {Wanted[]} */
function wantedOf(kind, indices, step, heat) {
  const all = ordered().length, blocks = heat ? [0] : blocksOf(view.first, view.n, ROWS, all), n = heat ? all : ROWS;
  return indices.flatMap((index) => blocks.map((first) => ({ key: keyOf(kind, index, step, heat, first, n), index, first })));
}

/** The traces over which a prediction is drawn, and its kind; null without. */
function overlayKind() {
  const known = view.about.kinds.map((/** @type {any} */ one) => one.kind);
  if (!view.overlay || !known.includes("predicted") || /raw|predicted|residual/.test(view.kind)) return null;
  return view.kind === "whitened" ? "white_predicted" : "predicted";
}

/** @param {string} kind */
export function unitOf(kind) {
  return view.about.kinds.find((/** @type {any} */ one) => one.kind === kind)?.unit || state.start.raw_unit;
}

/** @param {Gathered} gathered The size of usual values, once for all kinds with one unit. */
function noiseOf(gathered) {
  const name = view.kind === "raw" ? "raw" : unitOf(view.kind);
  if (!usual.has(name)) {
    const size = usualSize(gathered);
    if (!(size > 0)) return 1;
    if (!/predicted/.test(view.kind)) usual.set(name, size);
    return size;
  }
  return usual.get(name) ?? 1;
}

/** @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} timeline */
function drawAll(canvas, timeline) {
  const drawing = pen(canvas);
  if (!drawing) return "";
  if (view.about.missing) return say(drawing, view.about.missing, colours()), "";
  const width = drawing.width - LEFT, height = drawing.height - BELOW;
  if (width < 20 || height < 20) return "";
  const heat = view.n > MOST_LINES, step = stepFor(view.samples, width, view.about.steps), indices = tilesOf(view, view.about.tile_samples, view.about.n_samples);
  const own = wantedOf(view.kind, indices, step, heat), over = heat ? null : overlayKind(), second = over ? wantedOf(over, indices, step, heat) : [];
  want([...own, ...second, ...ahead(indices, step, heat)], changedView, tellError);
  const rows = { first: view.first, n: view.n }, gathered = gather(here(own), view, rows, width, step, heat);
  if (view.kind === "raw") centre(gathered);
  const image = new ImageData(width, height), picture = { pixels: new Uint32Array(image.data.buffer), width, height }, noise = noiseOf(gathered);
  const rowPx = height / view.n, noisePx = Math.max(rowPx / ROW_OF_NOISE, Math.min(LEAST_NOISE_PX, rowPx / MOST_OF_ROW));
  const perUnit = (heat ? 1 / HEAT_OF_NOISE : noisePx) * (view.scale / noise);
  picture.pixels.fill(pixel(colours().paper));
  shadeBlanked(picture);
  if (heat) drawHeat(picture, gathered, perUnit, table(), pixel(colours().shade));
  else for (let row = 0; row < view.n; row++) drawLine(picture, gathered, row, perUnit, pixel(over ? colours().soft : colours().ink));
  const nSpikes = markSpikes(picture, gathered, perUnit, heat);
  if (over) {
    const predicted = onlyLarge(gather(here(second), view, rows, width, step, false), SEEN_OF_NOISE * noise);
    for (let row = 0; row < view.n; row++) drawLine(picture, predicted, row, perUnit, pixel(colours().units[1]));
  }
  paint(drawing.ctx, image, LEFT);
  drawFrameOf(drawing, width, height);
  drawScale(drawing.ctx, perUnit, heat, width, height);
  drawTimeline(timeline, colours());
  shown = { gathered, width, height };
  const missing = own.some(({ key }) => !tile(key));
  canvas.setAttribute("aria-label", `${view.kind} traces of ${view.n} contacts from ${seconds(view.start)} s on.`);
  return missing ? waitingText() : `${seconds(view.start)} s, ${plain(Number(((view.samples / state.start.sampling_hz) * 1000).toPrecision(3)))} ms; ${nSpikes} spikes${view.about.note ? `; ${view.about.note}` : ""}`;
}

let since = 0;

/** What the head says while tiles are computed. */
function waitingText() {
  if (!since || performance.now() - since > 60_000) since = performance.now();
  setTimeout(() => (isWaiting() ? changedView() : (since = 0)), SLOW_MS);
  return performance.now() - since > SLOW_MS && !usual.size && view.kind !== "raw" ? "learning noise and whitening of the recording, once ..." : "computing ...";
}

/** @param {number} sample */
function seconds(sample) {
  return (sample / state.start.sampling_hz).toFixed(3);
}

function table() {
  const { paper, ink, units } = colours();
  return view.colours === "grey" ? heatColours(isDark() ? "#ffffff" : ink, paper, paper) : heatColours(units[0], paper, units[1]);
}

/** @param {Wanted[]} list */
function here(list) {
  return list.flatMap(({ key }) => tile(key) ?? []);
}

/** Tiles that the next keys lead to. @param {number[]} indices @param {number} step @param {boolean} heat */
function ahead(indices, step, heat) {
  const last = Math.ceil(view.about.n_samples / view.about.tile_samples) - 1, edge = view.towards > 0 ? indices[indices.length - 1] : indices[0];
  const next = Array.from({ length: AHEAD }, (_, i) => edge + view.towards * (i + 1)).filter((index) => index >= 0 && index <= last);
  return wantedOf(view.kind, next, step, heat);
}

/** @param {number} sample @param {number} width */
export function pixelOf(sample, width) {
  return ((sample - view.start) * width) / view.samples;
}

/** @param {import("../draw/traces.js").Picture} picture */
function shadeBlanked(picture) {
  for (const [from, to] of view.about.blanked) {
    if (to < view.start || from > view.start + view.samples) continue;
    shade(picture, pixelOf(from, picture.width), pixelOf(to, picture.width), pixel(colours().shade));
  }
}

/**
 * Colour the spikes of the chosen units, or of all, on the contacts that see them.
 * @param {import("../draw/traces.js").Picture} picture @param {Gathered} gathered @param {number} perUnit @param {boolean} heat
 */
function markSpikes(picture, gathered, perUnit, heat) {
  const chosen = selected(), rowOf = new Map(ordered().map((contact, row) => [contact, row - view.first])), found = spikesIn(view, view.allSpikes ? null : chosen, changedView);
  const { peak, n_waveform: nWaveform } = view.about;
  for (const { sample, unit, contacts } of found) {
    const place = chosen.indexOf(unit), colour = pixel(unitColour(place >= 0 ? place : unit)), x = pixelOf(sample, picture.width);
    const from = Math.floor(pixelOf(sample - peak / 2, picture.width)), to = Math.ceil(pixelOf(sample + (nWaveform - peak) / 2, picture.width)) + 1;
    for (const contact of heat ? contacts.slice(0, 1) : contacts) {
      const row = rowOf.get(contact) ?? -1;
      if (row < 0 || row >= view.n) continue;
      if (heat) drawFrame(picture, x, middleOf(row, view.n, picture.height), 4, colour);
      else drawLine(picture, gathered, row, perUnit, colour, from, to);
    }
  }
  return found.length;
}

/** @param {import("../draw/canvas.js").Pen} drawing @param {number} width @param {number} height */
function drawFrameOf({ ctx }, width, height) {
  const { soft, line: edge, ink } = colours(), order = ordered();
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillStyle = soft;
  ctx.strokeStyle = edge;
  const every = Math.ceil((14 * view.n) / height);
  for (let row = 0; row < view.n; row++) {
    const contact = order[view.first + row], y = middleOf(row, view.n, height);
    if (view.labels && row % every === 0 && y > 7) ctx.fillText(String(state.start.probe.channel[contact]), LEFT - 6, y);
    const before = order[view.first + row - 1];
    if (row && state.start.probe.shank[before] !== state.start.probe.shank[contact]) {
      ctx.fillStyle = ink;
      ctx.fillRect(LEFT, Math.round((row * height) / view.n), width, 1);
      ctx.fillStyle = soft;
    }
  }
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  const hz = state.start.sampling_hz, first = view.start / hz, last = (view.start + view.samples) / hz, gap = roundBelow((last - first) / Math.max(2, width / 110)) * 2;
  for (let k = Math.ceil(first / gap); k * gap <= last; k++) {
    const x = LEFT + pixelOf(k * gap * hz, width);
    ctx.fillRect(x, height, 1, 3);
    if (x > LEFT + 20 && x < LEFT + width - 20) ctx.fillText(`${Number((k * gap).toFixed(6))} s`, x, height + 4);
  }
  drawMarks(ctx, width, height);
}

/** Borders, marks, and the place that was jumped to. @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height */
function drawMarks(ctx, width, height) {
  const { ink, units, soft } = colours(), inside = (/** @type {number} */ sample) => sample >= view.start && sample <= view.start + view.samples;
  const upright = (/** @type {number} */ sample, /** @type {string} */ colour, /** @type {number[]} */ dash) => {
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(LEFT + Math.round(pixelOf(sample, width)) + 0.5, 0);
    ctx.lineTo(LEFT + Math.round(pixelOf(sample, width)) + 0.5, height);
    ctx.stroke();
    ctx.setLineDash([]);
  };
  for (const border of view.about.borders) if (inside(border)) upright(border, soft, []);
  if (view.target !== null && inside(view.target)) upright(view.target, ink, [2, 4]);
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  for (const { sample, text } of view.marks.filter((mark) => inside(mark.sample))) {
    upright(sample, units[3], []);
    const x = LEFT + pixelOf(sample, width) + 4;
    ctx.fillStyle = colours().paper;
    ctx.fillRect(x - 2, 2, ctx.measureText(text).width + 5, 15);
    ctx.fillStyle = units[3];
    ctx.fillText(text, x, 3);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {number} perUnit @param {boolean} heat @param {number} width @param {number} height */
function drawScale(ctx, perUnit, heat, width, height) {
  const unit = unitOf(view.kind), { ink, paper } = colours();
  const value = heat ? 1 / perUnit : roundBelow(40 / perUnit), text = heat ? `± ${plain(Number(value.toPrecision(2)))} ${unit}` : `${plain(value)} ${unit}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  const right = LEFT + width - 10, bottom = height - 8, wide = ctx.measureText(text).width;
  ctx.fillStyle = paper;
  ctx.globalAlpha = 0.85;
  ctx.fillRect(right - wide - 10, bottom - (heat ? 16 : value * perUnit + 4), wide + 16, (heat ? 16 : value * perUnit + 4) + 4);
  ctx.globalAlpha = 1;
  ctx.fillStyle = ink;
  ctx.fillText(text, right - 6, bottom);
  if (!heat) ctx.fillRect(right, bottom - value * perUnit, 2, value * perUnit);
}
