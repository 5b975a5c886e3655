// @ts-check
// The recordings of a batch: what runs, what went wrong, what waits and what is done.

import { tellError } from "../says.js";
import { ask } from "./draft.js";
import { byId, duration, last, make } from "./dom.js";
import { openResult } from "./sorts.js";

const EVERY_MS = 2000;
const COLUMNS = ["recording", "state", "step", "time left", "took", "memory", "where", ""];

/** @param {any} row */
function line({ name, out, state, why, step, n_done: done, n_total: total, left_s: left, spent_s: spent, memory_mb: memory, host }) {
  const runs = state === "running", cells = [make("th", { title: out }, name), make("td", {}, make("span", { class: "state" }, state))];
  const how = runs && step ? [make("progress", { value: done, max: Math.max(1, total) }), ` ${step}, ${done} of ${total}`] : [runs ? "begins" : why];
  cells.push(make("td", { class: "how" }, ...how));
  for (const text of [runs && left ? `about ${duration(left)}` : "", spent ? duration(spent) : "", memory ? `${(memory / 1e3).toFixed(2)} GB` : "", host]) cells.push(make("td", {}, text));
  cells.push(make("td", {}, ...(state === "done" ? [make("button", { type: "button", onclick: () => void openResult(out) }, "Open")] : [])));
  return make("tr", { class: state }, ...cells);
}

/** Ask again as long as this table is seen. @param {string} path @param {HTMLElement} table @param {HTMLElement} says */
async function follow(path, table, says) {
  if (!table.isConnected || !byId("dialog").open) return;
  try {
    const { sentence, counts, rows, n_hidden: more } = await ask("batch", { path });
    const numbers = Object.entries(counts).map(([state, n]) => `${n.toLocaleString("en")} ${state}`).join(", ");
    says.textContent = `${sentence} ${numbers}.${more ? ` ${more.toLocaleString("en")} more are in plan.csv.` : ""}`;
    table.replaceChildren(...rows.map(line));
    byId("dialog").dataset.shown = `${rows.length} rows`;
  } catch (error) {
    says.textContent = error instanceof Error ? error.message : String(error);
  }
  setTimeout(() => void follow(path, table, says), EVERY_MS);
}

/** @param {string} path Folder of the batch. */
export function showBatch(path) {
  const dialog = byId("dialog"), table = make("tbody"), says = make("p", { role: "status" }, "Looking …");
  const head = make("thead", {}, make("tr", {}, ...COLUMNS.map((name) => make("th", {}, name))));
  dialog.querySelector("h2").textContent = `Batch ${last(path)}`;
  dialog.querySelector(".content").replaceChildren(make("div", { class: "batch" }, says, make("table", {}, head, table)));
  dialog.dataset.shown = "";
  if (!dialog.open) dialog.showModal();
  follow(path, table, says).catch(tellError);
}
