// @ts-check
// The sorts that wait, run or have ended, and what can be done with them.

import { getJson } from "../api.js";
import { tell, tellError } from "../says.js";
import { ask } from "./draft.js";
import { byId, copy, duration, make } from "./dom.js";
import { drawPictures, picturesOf } from "./pictures.js";
import { besideBox, openReport } from "./together.js";

const EVERY_MS = 1000;
const WORDS = { waiting: "waits", running: "runs", paused: "rests", stopping: "stops …", done: "done", failed: "failed", ended: "stopped" };
let shownText = "";

/** @param {string} path */
export async function openResult(path) {
  try {
    const { address } = await ask("open", { path });
    window.open(address, "_blank") ?? location.assign(address);
  } catch (error) {
    tellError(error);
  }
}

/** @param {string} verb @param {string} key */
async function act(verb, key) {
  try {
    show((await ask(verb, { key })).sorts);
  } catch (error) {
    tellError(error);
  }
}

/** @param {string} key @param {string} name */
async function showLog(key, name) {
  try {
    const { text } = await ask("log", { key }), dialog = byId("dialog");
    dialog.querySelector("h2").textContent = `Log of ${name}`;
    const log = make("pre", { class: "log" }, text || "Nothing yet.");
    dialog.querySelector(".content").replaceChildren(log);
    if (!dialog.open) dialog.showModal();
    log.scrollTop = log.scrollHeight;
  } catch (error) {
    tellError(error);
  }
}

/** @param {string} key @param {string} name */
async function showPictures(key, name) {
  try {
    const found = await picturesOf(key), dialog = byId("dialog"), canvas = make("canvas", { class: "pictures" });
    dialog.querySelector("h2").textContent = `${name}: ${found.facts.says}`;
    dialog.querySelector(".content").replaceChildren(canvas);
    if (!dialog.open) dialog.showModal();
    drawPictures(canvas, found);
  } catch (error) {
    tellError(error);
  }
}

/** @type {{key: string, what: string, canvas: HTMLCanvasElement, says: HTMLElement} | null} The pictures of the sort that runs. */
let running = null;

/** The pictures below a sort that runs. They are asked for again when there are others. @param {string} key @param {string} what */
function soFar(key, what) {
  if (running?.key !== key) running = { key, what: "", canvas: make("canvas", { class: "pictures small" }), says: make("small", {}) };
  const own = running;
  if (own.what !== what) {
    own.what = what;
    picturesOf(key).then((found) => {
      own.says.textContent = found.facts.says;
      requestAnimationFrame(() => drawPictures(own.canvas, found));
    }, () => (own.what = "")); // a step was being replaced: they are asked for again
  }
  return make("span", { class: "said so-far" }, own.says, own.canvas);
}

/** Seconds that are left of the stage in progress; null where that cannot be told yet. @param {any} stage */
export function leftOf(stage) {
  return stage && stage.done > 0 && stage.total > stage.done ? (stage.seconds / stage.done) * (stage.total - stage.done) : null;
}

/** @param {any} sort */
function progressOf(sort) {
  const stages = sort.stages ?? [], stage = stages[stages.length - 1];
  if (sort.state === "done") return [make("span", {}, `in ${duration(sort.seconds)}`)];
  if (!stage) return sort.state === "running" ? [make("progress"), make("span", {}, "starts")] : [];
  const left = sort.state === "running" ? leftOf(stage) : null, whole = sort.left_s === null || sort.left_s === undefined ? "" : `, about ${duration(sort.left_s)} left of the whole sort`;
  const text = `${stage.name}, ${stage.done} of ${stage.total}${left === null ? "" : `, ${duration(left)} left of this step`}${whole}`;
  return [make("progress", { value: stage.done, max: Math.max(1, stage.total) }), make("span", { title: stages.map((/** @type {any} */ each) => `${each.name}: ${duration(each.seconds)}`).join("\n") }, text)];
}

/** @param {any} sort */
function row(sort) {
  const { key, name, state, out, command } = sort;
  const button = (/** @type {string} */ text, /** @type {() => void} */ does, title = "") => make("button", { type: "button", onclick: does, title }, text);
  const buttons = [];
  if (state === "running") buttons.push(button("Pause", () => void act("pause", key), "It keeps its memory, and goes on at once"));
  if (["waiting", "running", "paused"].includes(state)) buttons.push(button("Stop", () => void act("stop", key), "What is finished stays; it can go on later"));
  if (["paused", "ended", "failed"].includes(state)) buttons.push(button("Go on", () => void act("go-on", key), "Goes on where it was"));
  if (state === "done") buttons.push(button("Open", () => void (sort.what === "sort" ? openResult(out) : openReport(out))));
  if (sort.pictures || (state === "done" && sort.what === "sort")) buttons.push(button("Pictures", () => void showPictures(key, name), "What it has found so far"));
  buttons.push(button("Log", () => void showLog(key, name)), button("Copy command", () => void copy(command).then(() => tell(`Copied: ${command}`), tellError), command));
  if (!["running", "paused", "stopping"].includes(state)) buttons.push(button("Remove", () => void act("forget", key), "From this list; its result stays"));
  const facts = [sort.seconds && state !== "done" ? duration(sort.seconds) : "", sort.memory_mb ? `${Math.round(["running", "paused"].includes(state) ? sort.memory_mb : sort.peak_memory_mb)} MB` : ""].filter(Boolean).join(", ");
  const element = make("div", { class: `sort ${state}` }, make("span", { class: "out", title: `${sort.inputs.join("\n")}\n→ ${out}` }, make("b", {}, name), ` → ${out}`), make("span", { class: "buttons" }, ...buttons), make("span", { class: "how" }, make("span", { class: "state" }, WORDS[/** @type {keyof WORDS} */ (state)]), ...progressOf(sort), make("span", {}, facts)));
  if (sort.said) element.append(make("span", { class: "said" }, sort.said));
  if (["running", "paused"].includes(state) && sort.pictures) element.append(soFar(key, sort.pictures));
  if (state === "done" && sort.what === "sort") element.querySelector(".buttons")?.append(besideBox({ path: out, isResult: true }));
  element.dataset.key = key;
  return element;
}

/** @param {any[]} sorts */
function show(sorts) {
  const text = JSON.stringify(sorts);
  if (text === shownText) return;
  shownText = text;
  const waiting = sorts.filter((sort) => sort.state === "waiting").length, running = sorts.some((sort) => ["running", "paused"].includes(sort.state));
  byId("sorts-says").textContent = sorts.length ? `${running ? "one runs" : "none runs"}${waiting ? `, ${waiting} wait` : ""}. They go on when this page or its server is closed.` : "none yet";
  byId("sort-list").replaceChildren(...[...sorts].reverse().map(row));
}

async function look() {
  try {
    show((await getJson("show/sorts")).sorts);
    byId("connected").textContent = "";
  } catch (error) {
    byId("connected").textContent = "not connected; sorts go on";
  }
  setTimeout(() => void look(), document.hidden ? 5 * EVERY_MS : EVERY_MS);
}

/** @param {any[]} sorts */
export function startSorts(sorts) {
  show(sorts);
  setTimeout(() => void look(), EVERY_MS);
}
