// @ts-check
// Units as points: any two columns of the table against each other, a third one as size. A click chooses a unit.

import { colourOf } from "../colouring.js";
import { allColumns, sortable } from "../columns.js";
import { axes, pen, say as write } from "../draw/canvas.js";
import { mark } from "../draw/marks.js";
import { reveal } from "../layout/layout.js";
import { changed, on, selected, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { choose } from "./units.js";

/**
 * @typedef {import("../store.js").Row} Row
 * @typedef {"x" | "y" | "size"} Axis
 */

const NEAR_PX = 6, SMALLEST_PX = 2.5, MORE_PX = 6;
const TITLES = { x: "to the right", y: "upwards", size: "size" };

/** @type {import("../layout/layout.js").Panel} */
export const unit_scatter = { name: "unit_scatter", title: "Unit scatter", mount };

/** @type {{unit: number, x: number, y: number, r: number}[]} Where the units are on the canvas. */
export let places = [];

/** @param {Axis} axis @param {string} name A column, or how it begins. */
export function chooseUnitAxis(axis, name) {
  if (!name) throw new Error("Say a column, as :csx snr.");
  state.unitAxes[axis] = sortable(name);
  reveal("unit_scatter");
  changed("look");
}

/** @param {Row} row @param {Axis} axis @returns {number} */
function valueOf(row, axis) {
  const value = row[state.unitAxes[axis]];
  return typeof value === "number" ? value : NaN;
}

/** The range of values, a little wider. @param {number[]} values @returns {[number, number]} */
function around(values) {
  const low = Math.min(...values), high = Math.max(...values), pad = 0.04 * (high - low || 1);
  return [low - pad, high + pad];
}

/** @param {Axis} axis */
function titleOf(axis) {
  const column = allColumns().find(({ name }) => name === state.unitAxes[axis]);
  return column?.hint ?? column?.title ?? state.unitAxes[axis];
}

/** A choice of a column for each axis. @param {HTMLElement} tools */
function addChoices(tools) {
  const choices = /** @type {Axis[]} */ (["x", "y", "size"]).map((axis) => {
    const choice = tools.appendChild(document.createElement("select"));
    choice.setAttribute("aria-label", `Column ${TITLES[axis]}`);
    choice.title = `Column ${TITLES[axis]}`;
    choice.addEventListener("change", () => chooseUnitAxis(axis, choice.value));
    return { axis, choice };
  });
  const fill = () => {
    const columns = allColumns().filter(({ text }) => !text);
    for (const { axis, choice } of choices) choice.replaceChildren(...columns.map(({ name, title }) => new Option(title, name, false, name === state.unitAxes[axis])));
  };
  on(["columns", "look"], fill);
  fill();
}

/** @param {import("../layout/layout.js").Place} place */
function mount({ section, content, tools, say }) {
  const canvas = content.appendChild(document.createElement("canvas"));
  canvas.setAttribute("role", "img");
  addChoices(tools);
  const redraw = () => {
    const drawing = pen(canvas);
    if (!drawing) return;
    say(draw(drawing, canvas));
    section.dataset.shown = selected().join(",");
  };
  on(["selection", "units", "described", "order", "colouring", "theme", "columns", "look"], redraw);
  new ResizeObserver(redraw).observe(canvas);
  const unitAt = (/** @type {MouseEvent} */ { offsetX, offsetY }) =>
    places.map(({ unit, x, y, r }) => ({ unit, gap: Math.hypot(x - offsetX, y - offsetY) - r })).filter(({ gap }) => gap < NEAR_PX).sort((a, b) => a.gap - b.gap)[0]?.unit;
  canvas.addEventListener("click", (event) => {
    const unit = unitAt(event);
    if (unit !== undefined) choose(unit, event, true);
  });
  canvas.addEventListener("pointermove", (event) => {
    const unit = unitAt(event);
    canvas.title = unit === undefined ? "" : `unit ${unit}, ${state.rows.get(unit)?.label}`;
  });
}

/** @param {import("../draw/canvas.js").Pen} drawing @param {HTMLCanvasElement} canvas */
function draw(drawing, canvas) {
  const inTable = new Set(state.order), chosen = selected(), rank = (/** @type {Row} */ row) => (chosen.includes(row.unit) ? chosen.length - chosen.indexOf(row.unit) : 0);
  const rows = [...state.rows.values()].filter((row) => Number.isFinite(valueOf(row, "x")) && Number.isFinite(valueOf(row, "y"))).sort((a, b) => rank(a) - rank(b));
  places = [];
  if (!rows.length) return write(drawing, "No unit has these columns.", colours()), "";
  const box = { left: 56, top: 6, right: drawing.width - 14, bottom: drawing.height - 32 }, [xs, ys] = [rows.map((row) => valueOf(row, "x")), rows.map((row) => valueOf(row, "y"))];
  const at = axes(drawing, box, { x: around(xs), y: around(ys), xLabel: titleOf("x"), yLabel: titleOf("y") }, colours());
  const largest = Math.max(...rows.map((row) => valueOf(row, "size")).filter(Number.isFinite), 1e-9), { ctx } = drawing;
  places = rows.map((row, i) => ({ unit: row.unit, x: at.x(xs[i]), y: at.y(ys[i]), r: SMALLEST_PX + MORE_PX * Math.sqrt(Math.max(0, valueOf(row, "size") || 0) / largest) }));
  rows.forEach((row, i) => {
    const { x, y, r } = places[i], place = chosen.indexOf(row.unit);
    ctx.globalAlpha = place >= 0 ? 1 : inTable.has(row.unit) ? 0.75 : 0.15;
    ctx.fillStyle = ctx.strokeStyle = colourOf(row) ?? colours().line;
    ctx.lineWidth = 1.5;
    mark(ctx, row.label, x, y, r);
    if (place < 0) return;
    ctx.strokeStyle = unitColour(place);
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    ctx.arc(x, y, r + 4, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.fillStyle = colours().ink;
    ctx.textBaseline = "middle";
    ctx.textAlign = x > drawing.width - 60 ? "right" : "left";
    ctx.fillText(String(row.unit), x + (x > drawing.width - 60 ? -r - 7 : r + 7), y);
  });
  ctx.globalAlpha = 1;
  canvas.setAttribute("aria-label", `${rows.length} units: ${titleOf("y")} over ${titleOf("x")}. ${chosen.length ? `Chosen: ${chosen.join(", ")}.` : ""}`);
  return `size: ${titleOf("size")}; a click chooses a unit`;
}
