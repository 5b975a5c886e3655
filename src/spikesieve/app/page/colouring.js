// @ts-check
// Colours of units by their label or by any number of the table: the same in the table and on the probe.

import { allColumns } from "./columns.js";
import { quantile, rampColour } from "./draw/ramp.js";
import { changed, on, state } from "./store.js";
import { colours, isDark } from "./theme.js";

/** @typedef {import("./store.js").Row} Row */

/** @type {{by: string, seq: number, range: [number, number]} | null} */
let known = null;

/** The range of values that the colours span: nearly all units, so that a single odd one does not take it all. @returns {[number, number]} */
export function colourRange() {
  if (known?.by === state.colourBy && known.seq === state.seq) return known.range;
  const values = [...state.rows.values()].map((row) => row[state.colourBy]).filter((value) => typeof value === "number" && Number.isFinite(value)).sort((a, b) => a - b);
  const range = /** @type {[number, number]} */ ([quantile(values, 0.02), quantile(values, 0.98)]);
  known = { by: state.colourBy, seq: state.seq, range };
  return range;
}

/** The colour of a unit; null if its value is not known. @param {Row} row @returns {string | null} */
export function colourOf(row) {
  if (state.colourBy === "label") return colours().labels[row.label] ?? colours().soft;
  const value = row[state.colourBy], [low, high] = colourRange();
  if (typeof value !== "number") return null;
  return rampColour((value - low) / (high - low || 1), isDark());
}

/** A choice of what units are coloured by. */
export function colourChoice() {
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", "Colour of the units");
  choice.title = "Colour of the units, here and on the probe";
  const fill = () => {
    const columns = allColumns().filter(({ name, text }) => name === "label" || (!text && name !== "unit"));
    choice.replaceChildren(...columns.map(({ name, title, hint }) => new Option(`colour: ${title}`, name, false, name === state.colourBy)));
    columns.forEach(({ hint }, i) => (choice.options[i].title = hint ?? ""));
    choice.value = state.colourBy;
  };
  choice.addEventListener("change", () => {
    state.colourBy = choice.value;
    changed("colouring");
  });
  on(["columns"], fill);
  on(["colouring"], () => (choice.value = state.colourBy));
  fill();
  return choice;
}
