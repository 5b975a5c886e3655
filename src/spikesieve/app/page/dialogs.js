// @ts-check
// The help page and the history.

import { getJson } from "./api.js";
import { decide, exportTo } from "./decide.js";
import { fileField } from "./elsewhere.js";
import { tellError } from "./says.js";
import { SNIPPETS } from "./snippets.js";
import { state } from "./store.js";

/** @param {string} name @param {string} text @param {Element} [parent] */
function add(name, text, parent) {
  const element = document.createElement(name);
  element.textContent = text;
  parent?.append(element);
  return element;
}

/** @param {string} title @param {Element} content */
export function show(title, content) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
  /** @type {HTMLElement} */ (dialog.querySelector("h2")).textContent = title;
  /** @type {HTMLElement} */ (dialog.querySelector(".content")).replaceChildren(content);
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export function showHelp() {
  const keys = document.createElement("div");
  keys.className = "keys";
  const groups = new Map();
  for (const shortcut of state.start.keys) groups.set(shortcut.group, [...(groups.get(shortcut.group) ?? []), shortcut]);
  for (const [group, shortcuts] of groups) {
    const section = keys.appendChild(document.createElement("section"));
    add("h3", group, section);
    for (const { keys: names, text, phy } of shortcuts) {
      const row = section.appendChild(document.createElement("div")), left = row.appendChild(document.createElement("span"));
      names.forEach((/** @type {string} */ name, /** @type {number} */ i) => {
        if (i) left.append(" ");
        add("kbd", name, left);
      });
      const right = add("span", text, row);
      if (phy) add("small", phy === "none" ? " (not in Phy)" : ` (in Phy: ${phy})`, right);
    }
  }
  const typed = keys.appendChild(document.createElement("section"));
  add("h3", "Typed commands", typed);
  for (const { text } of Object.values(SNIPPETS)) add("p", text, typed);
  show("Keys", keys);
}

export async function showHistory() {
  try {
    const { entries, in_force: inForce, steps } = await getJson("history");
    const table = document.createElement("table");
    table.className = "list";
    const force = new Set(inForce), isStep = new Set(steps);
    for (const entry of [...entries].reverse()) {
      const row = table.insertRow();
      row.className = isStep.has(entry.number) && !force.has(entry.number) ? "off" : "";
      for (const text of [entry.number, entry.when.replace("T", " ").slice(0, 19), entry.who, entry.what]) row.insertCell().textContent = String(text);
      row.insertCell().append(goBack(entry.number, "go back to here"));
    }
    const first = table.insertRow();
    for (const text of ["0", "", "", "as it was sorted"]) first.insertCell().textContent = text;
    first.insertCell().append(goBack(0, "go back to here"));
    show(`History: ${entries.length} decisions, all kept`, table);
  } catch (error) {
    tellError(error);
  }
}

const EXPORTS = {
  phy: ["Phy's files (Ctrl+S)", "spike_clusters.npy, cluster_group.tsv and a table for each own label, in place; the old ones are kept."],
  spikeinterface: ["SpikeInterface's curation", "curation/spikeinterface.json, format 2."],
  result: ["A new result", "A folder beside this one, with all tables and figures made again."],
};

export function showExports() {
  const content = document.createElement("div");
  for (const [kind, [title, text]] of Object.entries(EXPORTS)) {
    const button = /** @type {HTMLButtonElement} */ (add("button", title, content));
    button.type = "button";
    add("p", text, content);
    button.addEventListener("click", () => {
      /** @type {HTMLDialogElement} */ (document.getElementById("dialog")).close();
      void exportTo(kind);
    });
  }
  add("h3", "Take in what was decided elsewhere", content);
  add("p", "A curation file of SpikeInterface (formats 0 to 2, also several steps), as one entry of the history. What Phy changes in this folder is noticed by itself.", content);
  content.append(fileField(() => /** @type {HTMLDialogElement} */ (document.getElementById("dialog")).close()));
  show("Export (every decision is saved anyway)", content);
}

/** @param {number} to @param {string} text */
function goBack(to, text) {
  const button = add("button", text);
  button.addEventListener("click", async () => {
    if (await decide("go back", { target: to })) await showHistory();
  });
  return button;
}
