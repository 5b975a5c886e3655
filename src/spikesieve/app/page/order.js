// @ts-check
// Which units the tables show, and in which order: the keys go through them also where no table is open.

import { getJson } from "./api.js";
import { columnNames, sortable } from "./columns.js";
import { parseFilter } from "./filter.js";
import { counted, tellError } from "./says.js";
import { changed, on, state } from "./store.js";

/** @typedef {import("./store.js").Row} Row */

/** How the unit table is sorted. */
export const sorting = { column: "unit", falling: false };
/** @type {{similarity: Map<number, number>, rejected: Set<number>}} What is known of the similar units. */
export const alike = { similarity: new Map(), rejected: new Set() };
/** Columns that begin with their smallest value. */
const RISING = ["unit", "label", "note", "why", "depth_um", "shank", "file_channel"];
let asked = 0, askedFor = "";

/** What sorts before what: numbers by size, what is not known last. @param {any} a @param {any} b */
function compare(a, b) {
  const [u, v] = [a[sorting.column] ?? null, b[sorting.column] ?? null];
  const order = u === null || v === null ? 0 : typeof u === "string" ? u.localeCompare(v) : u - v;
  return Number(u === null) - Number(v === null) || (sorting.falling ? -order : order) || a.unit - b.unit;
}

function filterField() {
  return /** @type {HTMLInputElement} */ (document.getElementById("filter"));
}

/** @param {string} text */
export function setFilter(text) {
  filterField().value = text;
  orderUnits();
}

/** @param {string} name The name of a column, or how it begins. */
export function sortBy(name) {
  const column = sortable(name);
  sorting.falling = sorting.column === column ? !sorting.falling : !RISING.includes(column);
  sorting.column = column;
  orderUnits();
}

/** Names of notes and own labels that some unit has. */
function allTexts() {
  return [...new Set([...state.rows.values()].flatMap((row) => Object.keys(row.texts)))];
}

function orderUnits() {
  const { fits, wrong } = parseFilter(filterField().value, [...columnNames(), ...allTexts()]);
  const rows = [...state.rows.values()].filter(fits).sort(compare);
  state.order = rows.map((row) => row.unit);
  const says = /** @type {HTMLElement} */ (document.getElementById("filter-says"));
  says.classList.toggle("wrong", wrong.length > 0);
  says.textContent = wrong.join(" ") || (rows.length < state.rows.size ? `${rows.length} of ${counted(state.rows.size, "unit")}` : "");
  showCounts();
  changed("order");
}

function showCounts() {
  const n = { good: 0, mua: 0, noise: 0 };
  for (const row of state.rows.values()) if (row.label in n) n[/** @type {keyof n} */ (row.label)]++;
  const counts = /** @type {HTMLElement} */ (document.getElementById("counts"));
  counts.textContent = `${counted(state.rows.size, "unit")}: ${n.good} good, ${n.mua} mua, ${n.noise} noise`;
}

async function findSimilar() {
  const best = state.best[0], key = `${best} ${state.seq}`, mine = ++asked;
  if (key === askedFor) return;
  askedFor = key;
  const nothing = { units: [], similarity: [], rejected: [] };
  const found = best === undefined || !state.rows.has(best) ? nothing : await getJson(`similar/${best}`).catch(tellError);
  if (mine !== asked || !found) return;
  state.similarOrder = found.units;
  alike.similarity = new Map(found.units.map((/** @type {number} */ unit, /** @type {number} */ i) => [unit, found.similarity[i]]));
  alike.rejected = new Set(found.rejected);
  changed("similar");
}

export function startOrder() {
  filterField().addEventListener("input", orderUnits);
  // So that the next key, such as Ctrl+A, is about the units that it leaves.
  filterField().addEventListener("keydown", (event) => event.key === "Enter" && filterField().blur());
  on(["units", "described"], orderUnits);
  on(["units", "selection"], findSimilar);
}
