// @ts-check
// The probe with its units: a click chooses a unit, a band filters the table.

import { colourChoice, colourOf, colourRange } from "../colouring.js";
import { linear, pen, plain } from "../draw/canvas.js";
import { depthInStrip, drawProbe, fitted, probeBox, shownUm } from "../draw/probe.js";
import { rampColour } from "../draw/ramp.js";
import { setFilter } from "../order.js";
import { on, selected, state } from "../store.js";
import { colours, isDark, unitColour } from "../theme.js";
import { choose } from "./units.js";

/**
 * @typedef {import("../store.js").Row} Row
 * @typedef {import("../draw/probe.js").View} View
 */

const NEAR_PX = 6, BAND_PX = 5, STEP = 1.3;

/** @type {import("../layout/layout.js").Panel} */
export const probe = { name: "probe", title: "Probe", mount };

/** @type {View | null} */
let view = null;
/** @type {{unit: number, x: number, y: number, r: number}[]} Where the units are on the canvas. */
export let places = [];

/** @param {Row} row @param {number} fastest @returns {import("../draw/probe.js").Mark} */
function markOf(row, fastest) {
  const at = selected().indexOf(row.unit);
  return {
    unit: row.unit, label: row.label, x_um: row.x_um, y_um: row.y_um, size: Math.sqrt(row.firing_rate_hz / fastest),
    colour: colourOf(row) ?? colours().line, ring: at < 0 ? null : unitColour(at), isFaint: !shownInTable.has(row.unit),
  };
}

let shownInTable = new Set();

/** @param {import("../layout/layout.js").Place} place */
function mount({ section, content, tools, say }) {
  const canvas = content.appendChild(document.createElement("canvas")), band = content.appendChild(document.createElement("div"));
  band.className = "band";
  canvas.setAttribute("role", "img");
  canvas.tabIndex = 0;
  const size = () => ({ width: canvas.clientWidth, height: canvas.clientHeight });
  const middle = () => {
    const best = state.rows.get(state.best[0]);
    return best ? { x: best.x_um, y: best.y_um } : { x: 0, y: 0 };
  };
  const redraw = () => {
    const drawing = pen(canvas);
    if (!drawing) return;
    view ??= fitted(state.start.probe, probeBox(drawing), middle(), false);
    shownInTable = new Set(state.order);
    const known = [...state.rows.values()].filter((row) => Number.isFinite(row.x_um) && Number.isFinite(row.y_um));
    const fastest = Math.max(...known.map((row) => row.firing_rate_hz), 1e-9), chosen = selected();
    // Chosen ones on top, the best one last.
    const rank = (/** @type {Row} */ row) => (chosen.includes(row.unit) ? chosen.length - chosen.indexOf(row.unit) : 0);
    const marks = known.sort((a, b) => rank(a) - rank(b)).map((row) => markOf(row, fastest));
    places = drawProbe(drawing, state.start.probe, marks, view, colours());
    if (state.colourBy !== "label") drawLegend(drawing);
    canvas.setAttribute("aria-label", `The probe with ${known.length} units. ${chosen.length ? `Chosen: ${chosen.join(", ")}.` : ""}`);
    section.dataset.shown = chosen.join(",");
    say("size by rate; drag a band to filter the table");
  };
  /** @param {Partial<View>} change */
  const look = (change) => {
    if (view) view = { ...view, ...change };
    redraw();
  };
  const follow = () => {
    const um = middle();
    if (view && canvas.clientWidth && state.best.length) {
      const { x, y } = shownUm(view, probeBox(size()));
      if (um.x < x[0] || um.x > x[1]) view.x = um.x;
      if (um.y < y[0] || um.y > y[1]) view.y = um.y;
    }
    redraw();
  };
  on(["selection"], follow);
  on(["units", "order", "colouring", "theme", "columns"], redraw);
  new ResizeObserver(redraw).observe(canvas);
  for (const [text, title, act] of /** @type {[string, string, () => void][]} */ ([["+", "Closer", () => look({ perUm: (view?.perUm ?? 1) * STEP })], ["−", "Farther", () => look({ perUm: (view?.perUm ?? 1) / STEP })], ["Whole", "The whole probe", () => {
    view = fitted(state.start.probe, probeBox(size()), middle(), true);
    redraw();
  }]])) {
    const button = tools.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = text;
    button.title = title;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
  }
  tools.append(colourChoice());
  startMouse(canvas, band, look);
}

/** @param {import("../draw/canvas.js").Pen} pen */
function drawLegend({ ctx, width, height }) {
  const [low, high] = colourRange(), right = width - 12, left = right - 90, top = 12;
  ctx.fillStyle = colours().paper;
  ctx.fillRect(left - 36, top - 4, right - left + 40, 30);
  for (let x = left; x < right; x++) {
    ctx.fillStyle = rampColour((x - left) / (right - left), isDark());
    ctx.fillRect(x, top, 1.5, 8);
  }
  ctx.fillStyle = colours().soft;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(plain(Number(low.toPrecision(3))), left, top + 10);
  ctx.textAlign = "right";
  ctx.fillText(plain(Number(high.toPrecision(3))), right, top + 10);
}

/** @param {MouseEvent} event */
function unitAt({ offsetX, offsetY }) {
  const near = places.map(({ unit, x, y, r }) => ({ unit, gap: Math.hypot(x - offsetX, y - offsetY) - r })).filter(({ gap }) => gap < NEAR_PX);
  return near.sort((a, b) => a.gap - b.gap)[0]?.unit ?? null;
}

/** @param {HTMLCanvasElement} canvas @param {HTMLElement} band @param {(change: Partial<View>) => void} look */
function startMouse(canvas, band, look) {
  /** @type {[number, number] | null} */
  let from = null;
  const box = () => probeBox({ width: canvas.clientWidth, height: canvas.clientHeight });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !view) return;
    const depth = depthInStrip({ width: canvas.clientWidth, height: canvas.clientHeight }, state.start.probe, event.offsetX, event.offsetY);
    if (depth !== null) return look({ y: depth });
    from = [event.offsetX, event.offsetY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) {
      const unit = unitAt(event), row = unit === null ? undefined : state.rows.get(unit);
      canvas.title = row ? `unit ${row.unit}, ${row.label}, ${row.firing_rate_hz.toPrecision(3)} Hz, ${row.n_spikes.toLocaleString("en")} spikes` : "";
      return;
    }
    const [left, top] = [Math.min(from[0], event.offsetX), Math.min(from[1], event.offsetY)];
    band.style.left = `${left}px`;
    band.style.top = `${top}px`;
    band.style.width = `${Math.abs(event.offsetX - from[0])}px`;
    band.style.height = `${Math.abs(event.offsetY - from[1])}px`;
    band.style.display = "block";
  });
  canvas.addEventListener("pointerup", (event) => {
    band.style.display = "none";
    if (!from || !view) return;
    const [x, y] = from, frame = shownUm(view, box()), { left, right, top, bottom } = box();
    from = null;
    if (Math.hypot(event.offsetX - x, event.offsetY - y) < BAND_PX) {
      const unit = unitAt(event);
      if (unit !== null) choose(unit, event, true);
      return;
    }
    const across = linear([left, right], ...frame.x), up = linear([bottom, top], ...frame.y);
    const range = (/** @type {number[]} */ ends) => ends.sort((a, b) => a - b).map((um) => um.toFixed(1)).join("..");
    filterPlaces(`x_um=${range([across(x), across(event.offsetX)])} y_um=${range([up(y), up(event.offsetY)])}`);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!view) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) look({ perUm: view.perUm * Math.exp(-event.deltaY / 300) });
    else look({ y: view.y - event.deltaY / view.perUm, x: view.x + event.deltaX / view.perUm });
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key], closer = { "+": STEP, "-": 1 / STEP }[event.key];
    if (!view || (by === undefined && closer === undefined)) return;
    event.preventDefault();
    event.stopPropagation();
    look(by === undefined ? { perUm: view.perUm * (closer ?? 1) } : { y: view.y + (0.2 * by * canvas.clientHeight) / view.perUm });
  });
}

/** Show only units of a part of the probe in the table; the rest of the filter stays. @param {string} terms */
function filterPlaces(terms) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
  const others = field.value.replace(/(^|\s)[xy]_um=\S+/g, "").trim();
  setFilter([others, terms].filter(Boolean).join(" "));
}
