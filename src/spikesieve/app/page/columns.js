// @ts-check
// Columns of the unit tables: those of units.csv, and any of metrics.csv.

import { state } from "./store.js";

/**
 * @typedef {import("./store.js").Row} Row
 * @typedef {import("./table.js").Column} Column
 */

const KEPT = "spikesieve-columns";

/** @param {string} column @param {number} digits */
const number = (column, digits) => (/** @type {Row} */ row) => (row[column] === null || row[column] === undefined ? "–" : Number(row[column]).toFixed(digits));
/** @param {string} column */
const share = (column) => (/** @type {Row} */ row) => (row[column] === null || row[column] === undefined ? "–" : `${(100 * row[column]).toFixed(1)}%`);
/** @param {string} column */
const whole = (column) => (/** @type {Row} */ row) => (row[column] === null || row[column] === undefined ? "–" : String(row[column]));

/** @type {Column[]} */
const OF_UNITS = [
  { name: "unit", title: "unit", width: 62, show: whole("unit") },
  { name: "label", title: "label", width: 52, text: true, show: (row) => row.label, hint: "good, mua or noise; bold: by hand" },
  { name: "n_spikes", title: "spikes", width: 62, show: (row) => row.n_spikes.toLocaleString("en"), hint: "number of spikes" },
  { name: "firing_rate_hz", title: "Hz", width: 52, show: number("firing_rate_hz", 2), hint: "spikes per second" },
  { name: "amplitude_uv", title: "µV", width: 52, show: number("amplitude_uv", 0), hint: "peak-to-peak amplitude" },
  { name: "depth_um", title: "depth", width: 58, show: number("depth_um", 0), hint: "depth in µm" },
  { name: "contamination", title: "contam.", width: 78, show: share("contamination"), hint: "share of spikes of other neurons" },
  { name: "snr", title: "SNR", width: 46, show: number("snr", 1), hint: "largest deflection over the noise" },
  { name: "presence", title: "present", width: 72, show: share("presence"), hint: "share of the time in which it fires" },
  { name: "missed", title: "missed", width: 72, show: share("missed"), hint: "share of spikes that are too small to be found" },
  { name: "echo_share", title: "echoes", width: 72, show: share("echo_share"), hint: "share of spikes at one lag of a larger unit's spikes" },
  { name: "nearest_unit", title: "nearest", width: 74, show: whole("nearest_unit"), hint: "unit with the most similar template" },
  { name: "nearest_similarity", title: "alike", width: 52, show: number("nearest_similarity", 2), hint: "how similar that unit's template is" },
  { name: "file_channel", title: "channel", width: 74, show: whole("file_channel"), hint: "channel of the file with the largest waveform" },
  { name: "shank", title: "shank", width: 62, show: whole("shank") },
  { name: "x_um", title: "x", width: 52, show: number("x_um", 0), hint: "mean x of the spikes in µm" },
  { name: "y_um", title: "y", width: 58, show: number("y_um", 0), hint: "mean depth of the spikes in µm" },
  { name: "note", title: "note", width: 160, text: true, show: (row) => row.note },
  { name: "why", title: "why this label", width: 380, text: true, show: (row) => row.why },
];
const AT_FIRST = OF_UNITS.map(({ name }) => name).filter((name) => !["echo_share", "nearest_unit", "nearest_similarity", "x_um", "y_um"].includes(name));

/** Columns of the table of similar units; the first one is what the table says of both. */
export const OF_SIMILAR = OF_UNITS.slice(1, 8);

/** @param {{name: string, is_text: boolean, meaning: string}} metric @returns {Column} */
function ofMetric({ name, is_text: text, meaning }) {
  const show = (/** @type {Row} */ row) => (row[name] === null || row[name] === undefined ? "–" : text ? String(row[name]) : String(Number(Number(row[name]).toPrecision(4))));
  return { name, title: name, width: Math.max(60, 8 * name.length + 16), text, show, hint: meaning };
}

/** All columns there are. @returns {Column[]} */
export function allColumns() {
  const known = new Set(OF_UNITS.map(({ name }) => name));
  return [...OF_UNITS, ...state.metrics.filter(({ name }) => !known.has(name)).map(ofMetric)];
}

/** Names of the columns that the table shows. @returns {string[]} */
export function chosenNames() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (Array.isArray(kept) && kept.length) return kept;
  } catch {
    // Not what was written: as if nothing was.
  }
  return AT_FIRST;
}

/** @returns {Column[]} */
export function chosenColumns() {
  const chosen = new Set(chosenNames());
  return allColumns().filter(({ name }) => name === "unit" || chosen.has(name));
}

/** @param {string[] | null} names Null for those at first. */
export function chooseColumns(names) {
  if (names) localStorage.setItem(KEPT, JSON.stringify(names));
  else localStorage.removeItem(KEPT);
}

/** The column with a name or, if there is none, the first one that begins so. @param {string} name */
export function sortable(name) {
  const names = allColumns().map((column) => column.name);
  return names.find((one) => one === name) ?? names.find((one) => one.startsWith(name)) ?? "unit";
}

/** Names of columns that a filter may have. */
export function columnNames() {
  return allColumns().map(({ name }) => name);
}
