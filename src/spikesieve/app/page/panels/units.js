// @ts-check
// The unit table and the table of similar units.

import { getJson } from "../api.js";
import { parseFilter } from "../filter.js";
import { counted, tellError } from "../says.js";
import { changed, on, select, selected, state } from "../store.js";
import { Table } from "../table.js";
import { unitColour } from "../theme.js";

/** @typedef {import("../store.js").Row} Row */

const sorting = { column: "unit", falling: false };
let similarity = new Map();
let rejected = new Set();
let asked = 0;

/** @param {string} column @param {number} digits */
const number = (column, digits) => (/** @type {Row} */ row) => (row[column] === null || row[column] === undefined ? "–" : Number(row[column]).toFixed(digits));
/** @param {string} column */
const share = (column) => (/** @type {Row} */ row) => (row[column] === null ? "–" : `${(100 * row[column]).toFixed(1)}%`);

/** @type {import("../table.js").Column[]} */
const COLUMNS = [
  { name: "unit", title: "unit", width: 62, show: (row) => String(row.unit) },
  { name: "label", title: "label", width: 52, text: true, show: (row) => row.label, hint: "good, mua or noise; bold: by hand" },
  { name: "n_spikes", title: "spikes", width: 62, show: (row) => row.n_spikes.toLocaleString("en") },
  { name: "firing_rate_hz", title: "Hz", width: 52, show: number("firing_rate_hz", 2), hint: "spikes per second" },
  { name: "amplitude_uv", title: "µV", width: 52, show: number("amplitude_uv", 0), hint: "peak-to-peak amplitude" },
  { name: "depth_um", title: "depth", width: 58, show: number("depth_um", 0), hint: "depth in µm" },
  { name: "contamination", title: "contam.", width: 68, show: share("contamination"), hint: "share of spikes of other neurons" },
  { name: "snr", title: "SNR", width: 46, show: number("snr", 1) },
  { name: "presence", title: "present", width: 66, show: share("presence"), hint: "share of the time in which it fires" },
  { name: "missed", title: "missed", width: 62, show: (row) => (row.missed === null || row.missed === undefined ? "–" : share("missed")(row)), hint: "share of spikes that are too small to be found" },
  { name: "file_channel", title: "channel", width: 64, show: (row) => String(row.file_channel) },
  { name: "shank", title: "shank", width: 52, show: (row) => String(row.shank) },
  { name: "note", title: "note", width: 160, text: true, show: (row) => row.note },
  { name: "why", title: "why this label", width: 380, text: true, show: (row) => row.why },
];

/** @type {import("../table.js").Column[]} */
const SIMILAR_COLUMNS = [
  { name: "unit", title: "unit", width: 62, show: (row) => String(row.unit) },
  { name: "similarity", title: "alike", width: 52, show: (row) => (similarity.get(row.unit) ?? 0).toFixed(2), hint: "largest correlation of the waveforms" },
  ...COLUMNS.slice(1, 8),
];

/** @param {string} id @param {string} name */
function place(id, name) {
  return /** @type {HTMLElement} */ (document.querySelector(`#${id} ${name}`));
}

/** @param {Row} row */
function swatch(row) {
  const at = selected().indexOf(row.unit);
  return at < 0 ? null : unitColour(at);
}

/** @param {number[]} chosen */
const classes = (chosen) => (/** @type {Row} */ row) =>
  `${row.label} ${chosen.includes(row.unit) ? "chosen" : ""} ${row.label !== row.automatic || /^labelled by hand/.test(row.why) ? "byhand" : ""}`;

/** What sorts before what: numbers by size, what is not known last. @param {any} a @param {any} b */
function compare(a, b) {
  const [u, v] = [a[sorting.column] ?? null, b[sorting.column] ?? null];
  const order = u === null || v === null ? 0 : typeof u === "string" ? u.localeCompare(v) : u - v;
  return Number(u === null) - Number(v === null) || (sorting.falling ? -order : order) || a.unit - b.unit;
}

export function startTables() {
  const filter = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
  const units = new Table(place("units", ".table"), {
    columns: COLUMNS,
    classes: (row) => classes(state.best)(row),
    swatch,
    choose: (unit, event) => choose(unit, event, true),
    sort: sortBy,
  });
  const alike = new Table(place("similar", ".table"), {
    columns: SIMILAR_COLUMNS,
    classes: (row) => `${classes(state.similar)(row)} ${rejected.has(row.unit) ? "rejected" : ""}`,
    swatch,
    choose: (unit, event) => choose(unit, event, false),
  });
  const showUnits = () => {
    const { fits, wrong } = parseFilter(filter.value, [...COLUMNS.map((c) => c.name), ...allTexts()]);
    const rows = [...state.rows.values()].filter(fits).sort(compare);
    state.order = rows.map((row) => row.unit);
    units.show(rows);
    units.mark(sorting.column, sorting.falling);
    const says = /** @type {HTMLElement} */ (document.getElementById("filter-says"));
    says.classList.toggle("wrong", wrong.length > 0);
    says.textContent = wrong.join(" ") || (rows.length < state.rows.size ? `${rows.length} of ${counted(state.rows.size, "unit")}` : "");
    showCounts();
    changed("order");
  };
  const showSimilar = () => alike.show(state.similarOrder.map((unit) => state.rows.get(unit)).filter(Boolean));
  const findSimilar = async () => {
    const best = state.best[0], mine = ++asked;
    place("similar", "#similar-to").textContent = best === undefined ? "–" : String(best);
    const found = best === undefined || !state.rows.has(best) ? { units: [], similarity: [], rejected: [] } : await getJson(`similar/${best}`).catch(tellError);
    if (mine !== asked || !found) return;
    state.similarOrder = found.units;
    similarity = new Map(found.units.map((/** @type {number} */ unit, /** @type {number} */ i) => [unit, found.similarity[i]]));
    rejected = new Set(found.rejected);
    showSimilar();
  };
  filter.addEventListener("input", showUnits);
  let shownFor = "";
  on(["units"], showUnits);
  on(["units", "selection"], () => {
    const key = `${state.best[0]} ${state.seq}`;
    if (key !== shownFor) findSimilar();
    shownFor = key;
  });
  on(["selection", "theme"], () => {
    units.redraw();
    showSimilar();
    if (state.best.length) units.reveal(state.best[0]);
    if (state.similar.length) alike.reveal(state.similar[state.similar.length - 1]);
  });

  /** @param {string} column */
  function sortBy(column) {
    sorting.falling = sorting.column === column ? !sorting.falling : !["unit", "label", "note", "why", "depth_um", "shank", "file_channel"].includes(column);
    sorting.column = column;
    showUnits();
  }
  return { sortBy: (/** @type {string} */ name) => sortBy(COLUMNS.find((c) => c.name.startsWith(name))?.name ?? "unit"), showUnits };
}

/** Names of notes and own labels that some unit has. */
function allTexts() {
  return [...new Set([...state.rows.values()].flatMap((row) => Object.keys(row.texts)))];
}

function showCounts() {
  const n = { good: 0, mua: 0, noise: 0 };
  for (const row of state.rows.values()) if (row.label in n) n[/** @type {keyof n} */ (row.label)]++;
  const counts = /** @type {HTMLElement} */ (document.getElementById("counts"));
  counts.textContent = `${counted(state.rows.size, "unit")}: ${n.good} good, ${n.mua} mua, ${n.noise} noise`;
}

/** @param {number} unit @param {MouseEvent} event @param {boolean} isBest */
function choose(unit, event, isBest) {
  const more = event.ctrlKey || event.metaKey;
  const toggled = (/** @type {number[]} */ units) => (units.includes(unit) ? units.filter((one) => one !== unit) : [...units, unit]);
  if (isBest) select(more ? toggled(state.best) : [unit]);
  else select(state.best, more ? toggled(state.similar) : [unit]);
}
