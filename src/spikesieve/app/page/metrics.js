// @ts-check
// Columns of metrics.csv: got once, and added to the rows of the units that they were measured of.

import { getJson } from "./api.js";
import { tellError } from "./says.js";
import { changed, on, state } from "./store.js";

/** @type {Map<number, Record<string, any>>} */
const known = new Map();
/** @type {WeakSet<import("./store.js").Row>} Rows that have them. */
const complete = new WeakSet();

function addToRows() {
  for (const [unit, row] of state.rows) {
    const own = known.get(unit);
    if (!own || complete.has(row)) continue;
    const whole = { ...own, ...row };
    complete.add(whole);
    state.rows.set(unit, whole);
  }
}

export async function startMetrics() {
  on(["units"], addToRows);
  try {
    const { columns, units } = await getJson("metrics");
    const names = columns.map((/** @type {any} */ one) => one.name);
    for (const [unit, values] of Object.entries(units)) known.set(Number(unit), Object.fromEntries(values.map((/** @type {any} */ value, /** @type {number} */ i) => [names[i], value])));
    state.metrics = columns;
    addToRows();
    changed("columns", "order");
  } catch (error) {
    tellError(error);
  }
}
