// @ts-check
// The unit table and the table of similar units.

import { colourOf, colourChoice } from "../colouring.js";
import { chosenColumns, OF_SIMILAR } from "../columns.js";
import { showColumns } from "../columns_dialog.js";
import { alike, sortBy, sorting } from "../order.js";
import { on, select, selected, state } from "../store.js";
import { Table } from "../table.js";
import { unitColour } from "../theme.js";

/**
 * @typedef {import("../store.js").Row} Row
 * @typedef {import("../layout/layout.js").Place} Place
 * @typedef {import("../layout/layout.js").Panel} Panel
 */

/** @type {Panel} */
export const units = { name: "units", title: "Units", mount: mountUnits };
/** @type {Panel} */
export const similar = { name: "similar", title: "Similar", mount: mountSimilar };

/** @type {import("../table.js").Column[]} */
const SIMILAR_COLUMNS = [
  { name: "unit", title: "unit", width: 62, show: (row) => String(row.unit) },
  { name: "similarity", title: "alike", width: 52, show: (row) => (alike.similarity.get(row.unit) ?? 0).toFixed(2), hint: "largest correlation of the waveforms" },
  ...OF_SIMILAR,
];

/** @param {Row} row */
function swatch(row) {
  const at = selected().indexOf(row.unit);
  return at < 0 ? null : unitColour(at);
}

/** @param {number[]} chosen */
const classes = (chosen) => (/** @type {Row} */ row) =>
  `${row.label} ${chosen.includes(row.unit) ? "chosen" : ""} ${row.label !== row.automatic || /^labelled by hand/.test(row.why) ? "byhand" : ""}`;

/** @param {Place} place @param {string} title */
function tablePlace({ content }, title) {
  const place = content.appendChild(document.createElement("div"));
  place.className = "table scrolls";
  place.tabIndex = 0;
  place.setAttribute("role", "grid");
  place.setAttribute("aria-label", title);
  return place;
}

/** @param {Place} place */
function mountUnits(place) {
  const table = new Table(tablePlace(place, "Units"), {
    columns: chosenColumns(),
    classes: (row) => classes(state.best)(row),
    swatch,
    tint: (row, column) => (column === state.colourBy ? colourOf(row) : null),
    choose: (unit, event) => choose(unit, event, true),
    sort: sortBy,
  });
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Columns";
  button.addEventListener("click", showColumns);
  place.tools.append(button, colourChoice());
  const show = () => {
    table.show(state.order.map((unit) => state.rows.get(unit)));
    table.mark(sorting.column, sorting.falling);
  };
  on(["order"], show);
  on(["columns"], () => {
    table.setColumns(chosenColumns());
    show();
  });
  on(["selection", "theme", "colouring"], () => {
    table.redraw();
    if (state.best.length) table.reveal(state.best[0]);
  });
  show();
}

/** @param {Place} place */
function mountSimilar(place) {
  const says = /** @type {HTMLElement} */ (place.section.querySelector(".says")), best = document.createElement("b");
  best.id = "similar-to";
  says.append("to unit ", best);
  const table = new Table(tablePlace(place, "Similar units"), {
    columns: SIMILAR_COLUMNS,
    classes: (row) => `${classes(state.similar)(row)} ${alike.rejected.has(row.unit) ? "rejected" : ""}`,
    swatch,
    choose: (unit, event) => choose(unit, event, false),
  });
  const show = () => {
    best.textContent = String(state.best[0] ?? "–");
    table.show(state.similarOrder.map((unit) => state.rows.get(unit)).filter(Boolean));
    if (state.similar.length) table.reveal(state.similar[state.similar.length - 1]);
  };
  on(["similar", "units", "selection", "theme"], show);
  show();
}

/** @param {number} unit @param {MouseEvent} event @param {boolean} isBest */
export function choose(unit, event, isBest) {
  const more = event.ctrlKey || event.metaKey;
  const toggled = (/** @type {number[]} */ units) => (units.includes(unit) ? units.filter((one) => one !== unit) : [...units, unit]);
  if (isBest) select(more ? toggled(state.best) : [unit]);
  else select(state.best, more ? toggled(state.similar) : [unit]);
}
