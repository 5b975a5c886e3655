// @ts-check
// The folders that may be looked into. A click on a file, or on the button of a folder, chooses a recording.

import { tell, tellError } from "../says.js";
import { ask, choose, draft, hear, read } from "./draft.js";
import { showBatch } from "./batch.js";
import { byId, last, make, size } from "./dom.js";
import { openResult } from "./sorts.js";
import { besideBox, openReport } from "./together.js";

const PROBES = /\.(json|mat|prb|npz|imro)$/i;
const RECENT = "spikesieve-recent";
let here = "";

/** @param {string} folder @param {boolean} isStart The folder that was given on the command line. */
export async function goTo(folder, isStart = false) {
  try {
    const listing = await ask("browse", { path: folder });
    here = listing.path;
    showCrumbs(listing.above);
    showEntries(listing);
    if (isStart && listing.is_batch) showBatch(here);
  } catch (error) {
    tellError(error);
  }
}

/** @param {string[]} above */
function showCrumbs(above) {
  const roots = draft.start.roots.filter((/** @type {string} */ root) => root !== above[0]);
  const links = above.map((path, i) => make("button", { type: "button", onclick: () => goTo(path) }, i ? last(path) : path));
  const others = roots.map((/** @type {string} */ root) => make("button", { type: "button", onclick: () => goTo(root) }, root));
  byId("crumbs").replaceChildren(...links.flatMap((link) => [link, "/"]), ...(others.length ? [make("div", {}, "also: ", ...others)] : []));
}

/** @param {any} listing */
function showEntries({ path, is_batch: isBatch, entries, n_left_out: more }) {
  const whole = make("div", { class: "form" }, make("button", { type: "button", id: "look", onclick: () => look(path) }, "Look at this folder"));
  if (isBatch) whole.append(make("button", { type: "button", id: "batch", onclick: () => showBatch(path) }, "Show the batch"));
  const rows = entries.map((/** @type {any} */ entry) => row(join(path, entry.name), entry));
  byId("entries").replaceChildren(whole, ...rows, ...(more ? [make("p", {}, `${more} more are not shown.`)] : []));
  markChosen();
}

/** @param {string} folder @param {string} name */
function join(folder, name) {
  return `${folder.replace(/[\\/]$/, "")}${folder.includes("\\") ? "\\" : "/"}${name}`;
}

/** @param {string} path @param {any} entry */
function row(path, { name, kind, size_bytes: bytes }) {
  const act = kind === "file" ? () => look(path) : kind === "result" ? () => openResult(path) : kind === "report" ? () => openReport(path) : () => goTo(path);
  const element = make("div", { class: `entry ${kind}`, title: path }, make("button", { type: "button", class: "name", onclick: act }, name));
  element.dataset.path = path;
  if (kind === "result") element.append(make("small", {}, "result: open"));
  if (kind === "report") element.append(make("small", {}, "comparison: open"));
  if (kind === "batch") element.append(make("button", { type: "button", class: "plain", onclick: () => showBatch(path) }, "batch: show"));
  if (kind === "file") element.append(make("small", {}, size(bytes)));
  if (kind === "file" && PROBES.test(name)) element.append(make("button", { type: "button", class: "plain", onclick: () => read({ probe: path, probe_table: "" }) }, "as probe"));
  else if (kind !== "result" && kind !== "report") element.append(make("button", { type: "button", class: "plain", title: "Join it to the recording, as the next in time", onclick: () => join_(path) }, "+"));
  if (kind !== "report") element.append(besideBox({ path, isResult: kind === "result" }));
  return element;
}

/** @param {string} path */
function join_(path) {
  choose(draft.paths.includes(path) ? draft.paths.filter((each) => each !== path) : [...draft.paths, path]);
}

/** @param {string} path */
export function look(path) {
  choose([path]);
  const recent = [path, ...known().filter((each) => each !== path)].slice(0, 12);
  localStorage.setItem(RECENT, JSON.stringify(recent));
  showRecent();
}

/** @returns {string[]} */
function known() {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? "[]").filter((/** @type {any} */ each) => typeof each === "string");
  } catch {
    return [];
  }
}

function showRecent() {
  byId("recent").replaceChildren(...known().map((path) => make("option", { value: path })));
}

function markChosen() {
  for (const element of document.querySelectorAll(".entry")) element.classList.toggle("chosen", draft.paths.includes(/** @type {HTMLElement} */ (element).dataset.path ?? ""));
}

/** A path that was typed, pasted or dropped. @param {string} text */
async function given(text) {
  const path = decodeURIComponent(text.trim().replace(/^["']|["']$/g, "").replace(/^file:\/\//, ""));
  if (!path) return;
  try {
    await ask("browse", { path });
    await goTo(path);
  } catch {
    look(path); // a file
  }
}

function startDropping() {
  const body = document.body;
  body.addEventListener("dragover", (event) => {
    event.preventDefault();
    body.classList.add("dropping");
  });
  body.addEventListener("dragleave", () => body.classList.remove("dropping"));
  body.addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    const text = event.dataTransfer?.getData("text/uri-list") || event.dataTransfer?.getData("text/plain");
    if (text) void given(text.split(/\r?\n/)[0]);
    else tell("The browser does not say where a dropped file is. Drop it from a program that gives its path, or paste the path.", true);
  });
}

export function startFolders() {
  const field = byId("path");
  field.addEventListener("change", () => void given(field.value));
  hear(["recording"], () => {
    markChosen();
    field.value = draft.paths.join("  ");
  });
  showRecent();
  startDropping();
  void goTo(draft.start.roots[0], true);
}
