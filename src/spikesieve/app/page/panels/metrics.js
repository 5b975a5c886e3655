// @ts-check
// What is known of the selected units, number by number: intervals, and what the label rests on.

import { getJson } from "../api.js";
import { tellError } from "../says.js";
import { on, selected, state } from "../store.js";
import { unitColour } from "../theme.js";

/**
 * @typedef {{name: string, value: any, low: number | null, high: number | null, reason: string, meaning: string}} Quantity
 * @typedef {{unit: number, label: string, why: string, quantities: Quantity[]}} Known
 */

const MOST_UNITS = 4;
const SHARES = new Set(["contamination", "presence", "missed", "echo_share", "rp_contamination", "presence_ratio", "amplitude_cutoff"]);

/** @type {import("../layout/layout.js").Panel} */
export const metrics = { name: "metrics", title: "Metrics", mount };

/** @param {number} value @param {string} name */
function number(value, name) {
  return SHARES.has(name) ? `${(100 * value).toPrecision(3)}%` : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** "depth_um" as "depth (µm)". @param {string} name */
function title(name) {
  const [, words, unit] = /^(.*?)(_um|_uv|_hz|_ms)?$/.exec(name) ?? ["", name, ""];
  return words.replaceAll("_", " ") + (unit ? ` (${{ _um: "µm", _uv: "µV", _hz: "Hz", _ms: "ms" }[unit]})` : "");
}

/** @param {Quantity} quantity */
function text({ name, value, low, high, reason }) {
  const said = value === null ? "cannot be told" : typeof value === "number" ? number(value, name) : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
  const interval = low === null || high === null ? "" : ` (95 %: ${number(low, name)} to ${number(high, name)})`;
  return said + interval + (reason ? `: ${reason}` : "");
}

/** @param {string} name @param {string} said @param {Element} row */
function cell(name, said, row) {
  const element = row.appendChild(document.createElement(name));
  element.textContent = said;
  return element;
}

/** @param {import("../layout/layout.js").Place} place */
function mount({ section, content, say }) {
  const box = content.appendChild(document.createElement("div")), table = box.appendChild(document.createElement("table"));
  box.className = "scrolls metrics";
  box.tabIndex = 0;
  let asked = 0;
  /** @type {(import("../store.js").Row | undefined)[]} Rows of the units that are shown. */
  let rows = [];
  const refresh = async () => {
    const mine = ++asked, all = selected().filter((unit) => state.rows.has(unit)), units = all.slice(0, MOST_UNITS);
    if (!section.isConnected) return;
    rows = units.map((unit) => state.rows.get(unit));
    try {
      const found = await Promise.all(units.map((unit) => getJson(`quantities/${unit}`)));
      if (mine !== asked) return;
      fill(table, found);
      say(units.length < all.length ? `first ${units.length} units` : "");
      section.dataset.shown = units.join(",");
    } catch (error) {
      if (mine === asked) tellError(error);
    }
  };
  on(["selection", "units", "theme"], refresh);
  on(["described"], () => rows.some((row) => row && state.rows.get(row.unit) !== row) && refresh());
  new ResizeObserver(() => section.dataset.shown !== selected().slice(0, MOST_UNITS).join(",") && refresh()).observe(box);
}

/** @param {HTMLTableElement} table @param {Known[]} found */
function fill(table, found) {
  table.replaceChildren();
  if (!found.length) return;
  const units = table.createTHead().insertRow(), labels = table.createTBody().insertRow();
  cell("th", "", units);
  cell("th", "label", labels).setAttribute("scope", "row");
  found.forEach(({ unit, label, why }, i) => {
    const swatch = document.createElement("span"), own = cell("th", `unit ${unit}`, units);
    swatch.className = "swatch";
    swatch.style.background = unitColour(i);
    own.prepend(swatch);
    own.setAttribute("scope", "col");
    cell("td", `${label}: ${why}`, labels).className = `${label} why`;
  });
  const names = [...new Set(found.flatMap(({ quantities }) => quantities.map(({ name }) => name)))];
  for (const name of names) {
    const row = table.tBodies[0].insertRow(), own = found.map(({ quantities }) => quantities.find((one) => one.name === name));
    const head = cell("th", title(name), row);
    head.setAttribute("scope", "row");
    head.title = own.find(Boolean)?.meaning ?? "";
    for (const one of own) cell("td", one ? text(one) : "not measured of a changed unit", row).classList.toggle("off", !one || one.value === null);
  }
}
