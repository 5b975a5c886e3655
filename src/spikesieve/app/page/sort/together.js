// @ts-check
// Recordings and results that were chosen to be seen side by side, and the comparison of two results.

import { tell, tellError } from "../says.js";
import { ask, askArrays, draft } from "./draft.js";
import { byId, make } from "./dom.js";
import { drawPictures } from "./pictures.js";

/** @typedef {{path: string, isResult: boolean}} One */

/** @type {One[]} */
let chosen = [];

/** @param {string} path */
export function isChosen(path) {
  return chosen.some((one) => one.path === path);
}

/** @param {One} one */
export function toggleBeside(one) {
  chosen = isChosen(one.path) ? chosen.filter(({ path }) => path !== one.path) : [...chosen, one];
  show();
}

function show() {
  const bar = byId("together"), results = chosen.filter(({ isResult }) => isResult);
  bar.hidden = !chosen.length;
  const button = (/** @type {string} */ text, /** @type {() => void} */ does, /** @type {boolean} */ isOff, title = "") => make("button", { type: "button", onclick: does, disabled: isOff, title }, text);
  bar.replaceChildren(
    make("span", { title: chosen.map(({ path }) => path).join("\n") }, `${chosen.length} chosen`),
    button("Side by side", () => void sideBySide(), chosen.length < 2),
    button("Compare", () => void compare(results), results.length !== 2 || chosen.length !== 2, "The report of spikesieve compare, of two results of one recording"),
    button("None", () => { chosen = []; show(); }, false),
  );
  for (const box of document.querySelectorAll("input.beside")) /** @type {HTMLInputElement} */ (box).checked = isChosen(/** @type {HTMLElement} */ (box).dataset.path ?? "");
}

/** A box that chooses a recording or result. @param {One} one */
export function besideBox(one) {
  const box = make("input", { type: "checkbox", class: "beside", title: "Put it beside others", "aria-label": `Put ${one.path} beside others`, checked: isChosen(one.path), onchange: () => toggleBeside(one) });
  box.dataset.path = one.path;
  return box;
}

/** @param {One[]} results */
async function compare([a, b]) {
  try {
    await ask("compare", { a: a.path, b: b.path });
    tell("The comparison is in the list of sorts. Its report opens when it is done.");
  } catch (error) {
    tellError(error);
  }
}

/** What files do not say is taken to be the same as of the recording that is being prepared. @param {One} one */
function askedOf({ path, isResult }) {
  const { time_range_s: _, exclude_s: __, stream: ___, ...reading } = draft.reading;
  return isResult ? { paths: [path] } : { ...reading, paths: [path] };
}

async function sideBySide() {
  const columns = chosen.map((one) => ({ one, canvas: make("canvas", { class: "pictures" }), table: make("table", { class: "facts" }) }));
  open("Side by side", make("div", { class: "columns" }, ...columns.map(({ one, canvas, table }) => make("section", {}, make("h3", { title: one.path }, one.path.split(/[\\/]/).slice(-2).join("/")), canvas, table))));
  for (const { one, canvas, table } of columns) {
    try {
      const found = await askArrays("column", askedOf(one));
      for (const [name, value] of found.facts.rows) table.append(make("tr", {}, make("th", {}, name), make("td", {}, value)));
      drawPictures(canvas, found);
    } catch (error) {
      table.append(make("tr", {}, make("td", { class: "says-wrong" }, error instanceof Error ? error.message : String(error))));
    }
  }
  byId("dialog").dataset.shown = `${columns.length} columns`;
}

/** @param {string} title @param {HTMLElement} content */
function open(title, content) {
  const dialog = byId("dialog");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".content").replaceChildren(content);
  dialog.dataset.shown = "";
  if (!dialog.open) dialog.showModal();
}

/** Open the report that is in a folder. @param {string} path */
export async function openReport(path) {
  try {
    const { address } = await ask("report", { path });
    open(`Report of ${path.split(/[\\/]/).pop()}`, make("div", {}, make("p", {}, make("a", { href: address, target: "_blank" }, "Open it in a tab of its own")), make("iframe", { src: address, class: "report", title: "Report" })));
  } catch (error) {
    tellError(error);
  }
}
