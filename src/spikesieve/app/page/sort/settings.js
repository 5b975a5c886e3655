// @ts-check
// The settings, as a form made from the same models as the command line.

import { tell, tellError } from "../says.js";
import { ask, draft, hear, set, told } from "./draft.js";
import { byId, make, settled } from "./dom.js";

/** @type {Map<string, {field: any, row: HTMLElement, input: any}>} */
const known = new Map();
/** @type {Record<string, string>} */
let wrong = {};

/** What is in an input, as a value of the setting; undefined for the default. @param {any} field @param {string} text */
export function valueOf(field, text) {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === written(field.default)) return undefined;
  if (field.kind === "switch") return trimmed === "true";
  if (field.kind === "integer" || field.kind === "number") return Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed);
  if (field.kind === "list") return trimmed.split(",").map((part) => part.trim()).filter(Boolean).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return trimmed;
}

/** @param {any} value */
export function written(value) {
  return value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value);
}

/** @param {any} field */
function inputOf(field) {
  const choices = field.kind === "choice" ? field.choices : field.kind === "switch" ? ["true", "false"] : null;
  const take = (/** @type {any} */ event) => set(field.path, valueOf(field, event.target.value));
  if (choices) return make("select", { "aria-label": field.path, onchange: take }, ...choices.map((/** @type {string} */ each) => make("option", { value: each }, each)));
  return make("input", { "aria-label": field.path, placeholder: field.default === null ? "found out" : written(field.default), onchange: take, spellcheck: false });
}

/** @param {any} field */
function rowOf(field) {
  const input = inputOf(field), names = ["kilosort4", "kilosort2"].filter((each) => field[each]).map((each) => `${field[each]} in ${each === "kilosort4" ? "Kilosort4" : "Kilosort2"}`);
  const back = make("button", { type: "button", class: "plain back", title: "Back to the default", onclick: () => set(field.path, undefined) }, "↺");
  const row = make("div", { class: "field" }, make("label", {}, field.name), make("span", { class: "value" }, input, make("span", { class: "unit" }, field.unit), back), make("span", { class: "what" }, [field.what, field.when, `${field.allowed}${names.length ? `; ${names.join(", ")}` : ""}`].filter(Boolean).join(". ")), make("span", { class: "says-wrong", hidden: true }));
  row.dataset.path = field.path;
  known.set(field.path, { field, row, input });
  return row;
}

function follow() {
  for (const [path, { field, row, input }] of known) {
    const value = draft.values[path];
    row.classList.toggle("changed", value !== undefined);
    row.classList.toggle("wrong", path in wrong);
    const says = /** @type {HTMLElement} */ (row.querySelector(".says-wrong"));
    says.textContent = wrong[path] ?? "";
    says.hidden = !(path in wrong);
    if (document.activeElement !== input) input.value = value !== undefined ? written(value) : input.tagName === "SELECT" ? written(field.default) : "";
  }
  filter();
}

function filter() {
  const words = byId("settings-search").value.toLowerCase().split(/\s+/).filter(Boolean), onlyChanged = byId("only-changed").checked;
  const method = draft.values.method ?? "sieve";
  for (const group of document.querySelectorAll("#settings-form details")) {
    let shown = 0, n = 0;
    for (const row of group.querySelectorAll(".field")) {
      const { field } = /** @type {any} */ (known.get(/** @type {HTMLElement} */ (row).dataset.path ?? ""));
      const text = `${field.path} ${field.what} ${field.when} ${field.kilosort4 ?? ""} ${field.kilosort2 ?? ""}`.toLowerCase(), isChanged = field.path in draft.values;
      const visible = words.every((/** @type {string} */ word) => text.includes(word)) && (isChanged || (!onlyChanged && field.methods.includes(method)));
      /** @type {HTMLElement} */ (row).hidden = !visible;
      shown += Number(visible);
      n += Number(isChanged);
    }
    /** @type {HTMLElement} */ (group).hidden = !shown;
    /** @type {HTMLElement} */ (group.querySelector(".n")).textContent = n ? ` (${n} changed)` : "";
    if (words.length || onlyChanged) /** @type {HTMLDetailsElement} */ (group).open = shown > 0;
  }
}

let asked = 0;

async function check() {
  const mine = ++asked;
  try {
    const found = await ask("check", { values: draft.values });
    if (mine !== asked) return;
    wrong = found.wrong;
    const n = Object.keys(draft.values).length;
    byId("settings-says").textContent = found.unused || (n ? `${n} changed` : "all default");
    byId("settings-says").title = found.unused;
    exported = found;
  } catch (error) {
    tellError(error);
  }
  follow();
}

/** The changed settings as text: as TOML, and as Kilosort4's JSON without those that are only here. */
let exported = { toml: "", kilosort4: "", only_here: /** @type {string[]} */ ([]) };

/** @param {string} text @param {string} name */
function save(text, name) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function saveForKilosort4() {
  save(exported.kilosort4, "settings.json");
  if (exported.only_here.length) tell(`Kilosort4 does not have ${exported.only_here.join(", ")}: left out.`, true);
}

/** @param {File} file */
async function load(file) {
  try {
    const { values } = await ask("import", { name: file.name, text: await file.text() });
    draft.values = values;
    told("settings");
    tell(`${Object.keys(values).length} settings of ${file.name} are not default.`);
  } catch (error) {
    tellError(error);
  }
}

export function startSettings() {
  const file = make("input", { type: "file", accept: ".toml,.json", hidden: true, id: "settings-file", onchange: () => file.files[0] && void load(file.files[0]).then(() => (file.value = "")) });
  byId("settings-bar").append(make("input", { id: "settings-search", type: "search", placeholder: "search, also Kilosort's names", oninput: filter }), make("label", {}, make("input", { id: "only-changed", type: "checkbox", onchange: filter }), "changed"), make("button", { type: "button", title: "TOML, or the JSON that Kilosort4 exports", onclick: () => file.click() }, "Import"), make("button", { type: "button", title: "What was changed, as TOML", onclick: () => save(exported.toml, "settings.toml") }, "Export"), make("button", { type: "button", title: "What was changed, as Kilosort4's JSON", onclick: saveForKilosort4 }, "Kilosort4"), make("button", { type: "button", onclick: () => { draft.values = {}; told("settings"); } }, "Defaults"), file);
  for (const { name, description, fields } of draft.start.form) {
    const group = make("details", { open: name === "" }, make("summary", {}, name || "method", " ", make("small", {}, description), make("small", { class: "n" })));
    group.append(...fields.map(rowOf));
    byId("settings-form").append(group);
  }
  hear(["settings"], follow);
  hear(["settings"], settled(() => void check(), 150));
  follow();
  void check();
}
