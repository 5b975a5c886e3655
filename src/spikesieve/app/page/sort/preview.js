// @ts-check
// The traces before they are sorted: raw to whitened, side by side or over each other, with what would be detected in them.

import { on } from "../store.js";
import { tellError } from "../says.js";
import { ask, askArrays, draft, hear, recordingAsked, told } from "./draft.js";
import { byId, make, settled } from "./dom.js";
import { lookOver, startOverview } from "./overview.js";
import { drawPreview } from "./preview_drawing.js";

/** @typedef {import("./preview_drawing.js").Shown} Shown */

const KINDS = { raw: "raw", highpassed: "high-passed", referenced: "referenced", whitened: "whitened" };
const MOST_LINES = 64, LEAST_ROW_PX = 4, GUTTER = 34;
const view = { open: false, kinds: ["highpassed"], overlay: false, start: 0, seconds: 0.25, order: "depth", scale: 1, detect: true };
/** @type {Map<string, Shown>} */
const shown = new Map();
/** @type {import("./preview_drawing.js").Detected | null} */
let spikes = null;
let asked = 0, isLearned = false;
/** The settings that the shown traces depend on. */
let seen = "";

function tracesDependOn() {
  return JSON.stringify(Object.entries(draft.values).filter(([path]) => /^(method|input|preprocess|shapes)\b/.test(path)));
}

/** @param {string} kind @param {string} shape @param {number} columns */
function request(kind, shape, columns) {
  return { recording: recordingAsked(), settings: draft.values, kind, start_s: view.start, seconds: view.seconds, n_columns: columns, shape, order: view.order };
}

/** @param {string[]} parts */
function say(...parts) {
  byId("preview-says").textContent = parts.filter(Boolean).join(" · ");
}

/** Lines where each has room. */
function shape() {
  const n = draft.facts?.contacts?.x.length ?? 0;
  return n > MOST_LINES || byId("preview-canvases").clientHeight < LEAST_ROW_PX * n ? "heat" : "lines";
}

async function look() {
  if (!view.open || !draft.facts || draft.facts.problem && !draft.facts.contacts) return;
  const mine = ++asked, { canvas } = panels()[0], columns = Math.max(50, Math.round(canvas.clientWidth - GUTTER)), form = shape();
  spikes = null;
  say("reading …");
  try {
    for (const kind of view.kinds) {
      if (kind === "referenced" || kind === "whitened") say("learning noise and whitening from 20 s of the recording …");
      const { arrays: found, facts } = await askArrays("traces", request(kind, form, columns));
      if (mine !== asked) return;
      seen = tracesDependOn();
      shown.set(kind, { values: found.values.data, nColumns: found.values.shape[1], pairs: found.values.shape.length > 2, shape: form, ...facts });
      draw();
    }
    if (view.detect) await lookForSpikes();
    else say("");
  } catch (error) {
    if (mine === asked) say(error instanceof Error ? error.message : String(error));
  }
}

/** Only what is detected: the traces stay. First with a threshold that is known, then with that of these settings. */
async function lookForSpikes() {
  const mine = ++asked;
  try {
    say(isLearned ? "detecting …" : "detecting … Noise is learned first, from 20 s of the recording.");
    for (const atOnce of [true, false]) {
      const found = await ask("spikes", { ...request("whitened", "lines", 100), at_once: atOnce });
      if (mine !== asked) return;
      spikes = found;
      isLearned = true;
      say(`${found.sample.length} spikes in ${view.seconds} s`, found.says);
      draw();
      if (found.is_final) return;
    }
  } catch (error) {
    if (mine === asked) say(error instanceof Error ? error.message : String(error));
  }
}

const lookSoon = settled(() => void look(), 120);

/** The canvases, with the kinds that each one shows. @returns {{canvas: HTMLCanvasElement, kinds: string[]}[]} */
function panels() {
  const together = view.overlay && shape() === "lines"; // heatmaps would hide one another
  const wanted = together ? [view.kinds] : view.kinds.map((kind) => [kind]), holder = byId("preview-canvases");
  while (holder.children.length > wanted.length) holder.lastChild.remove();
  while (holder.children.length < wanted.length) holder.append(make("canvas", { "aria-label": "Traces" }));
  return wanted.map((kinds, i) => ({ canvas: holder.children[i], kinds }));
}

function draw() {
  if (!view.open) return;
  for (const { canvas, kinds } of panels()) {
    const parts = kinds.filter((kind) => shown.has(kind)).map((kind) => ({ name: KINDS[/** @type {keyof KINDS} */ (kind)], centre: kind === "raw", ...(/** @type {Shown} */ (shown.get(kind))) }));
    drawPreview(canvas, parts, view.detect ? spikes : null, view.scale);
    canvas.dataset.shown = kinds.join(",");
  }
  byId("preview").dataset.spikes = spikes ? String(spikes.sample.length) : "";
}

async function check() {
  const list = byId("checks");
  if (!draft.facts || draft.facts.problem) return;
  list.replaceChildren(make("p", {}, "Looking at the contacts, the noise and the order of the channels …"));
  try {
    const { sentences } = await ask("checks", request("raw", "lines", 100));
    const odd = sentences.map((/** @type {string} */ text) => make("p", { class: "verdict odd" }, text));
    list.replaceChildren(...(odd.length ? odd : [make("p", { class: "verdict" }, "Its contacts, its noise and the order of its channels look right.")]));
  } catch (error) {
    list.replaceChildren();
    tellError(error);
  }
}

/** @param {number} share Of the window. */
function move(share) {
  const last = Math.max(0, (draft.facts?.duration_s ?? 0) - view.seconds);
  view.start = Math.min(last, Math.max(0, view.start + share * view.seconds));
  byId("preview-start").value = String(Number(view.start.toFixed(4)));
  told("window");
  lookSoon();
}

/** The part that is shown, in s. */
export function window_() {
  return { start: view.start, seconds: view.seconds };
}

/** @param {number} second Shown in the middle. */
export function lookAt(second) {
  view.start = second - view.seconds / 2;
  move(0);
}

/** @param {string} kind @param {boolean} isOn */
function show(kind, isOn) {
  view.kinds = Object.keys(KINDS).filter((each) => (each === kind ? isOn : view.kinds.includes(each)));
  if (!view.kinds.length) view.kinds = [kind];
  lookSoon();
}

function controls() {
  const box = (/** @type {string} */ text, /** @type {boolean} */ value, /** @type {(on: boolean) => void} */ take) => make("label", {}, make("input", { type: "checkbox", checked: value, onchange: (/** @type {any} */ event) => take(event.target.checked) }), text);
  const number = (/** @type {string} */ id, /** @type {number} */ value, /** @type {(n: number) => void} */ take) => make("input", { id, type: "number", step: "any", min: "0", value: String(value), onchange: (/** @type {any} */ event) => { take(Number(event.target.value)); lookSoon(); } });
  return [
    ...Object.entries(KINDS).map(([kind, name]) => box(name, view.kinds.includes(kind), (isOn) => show(kind, isOn))),
    box("over each other", view.overlay, (isOn) => { view.overlay = isOn; lookSoon(); }),
    box("detect", view.detect, (isOn) => { view.detect = isOn; lookSoon(); }),
    make("label", {}, "from s", number("preview-start", view.start, (n) => (view.start = n))),
    make("label", {}, "for s", number("preview-seconds", view.seconds, (n) => (view.seconds = Math.min(2, Math.max(0.005, n))))),
    make("select", { "aria-label": "Order of the contacts", onchange: (/** @type {any} */ event) => { view.order = event.target.value; lookSoon(); } }, make("option", { value: "depth" }, "by depth"), make("option", { value: "channel" }, "by channel")),
    make("button", { type: "button", title: "Earlier (wheel)", onclick: () => move(-0.8) }, "←"),
    make("button", { type: "button", title: "Later (wheel)", onclick: () => move(0.8) }, "→"),
    make("button", { type: "button", title: "Larger (Alt+wheel)", onclick: () => { view.scale *= 1.4; draw(); } }, "+"),
    make("button", { type: "button", title: "Smaller (Alt+wheel)", onclick: () => { view.scale /= 1.4; draw(); } }, "−"),
  ];
}

function open() {
  view.open = true;
  byId("preview-bar").replaceChildren(...controls());
  byId("preview").classList.add("open");
  void lookOver();
  void look().then(check);
}

export function startPreview() {
  startOverview();
  byId("preview-bar").append(make("button", { type: "button", id: "preview-open", onclick: open }, "Look at the data"));
  byId("preview-canvases").addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    if (event.altKey) {
      view.scale *= Math.exp(-event.deltaY / 500);
      draw();
    } else if (event.ctrlKey || event.shiftKey) {
      view.seconds = Math.min(2, Math.max(0.005, view.seconds * Math.exp((event.deltaY || event.deltaX) / 500)));
      byId("preview-seconds").value = view.seconds.toPrecision(3);
      lookSoon();
    } else move(Math.sign(event.deltaY || event.deltaX) * 0.2);
  }, { passive: false });
  hear(["facts"], () => {
    shown.clear();
    spikes = null;
    isLearned = false;
    draw();
    byId("checks").replaceChildren();
    if (view.open) void look().then(check).then(lookOver);
  });
  hear(["settings"], settled(() => {
    if (!view.open || !draft.facts) return;
    if (view.detect && shown.size && seen === tracesDependOn()) void lookForSpikes();
    else void look();
  }, 60));
  on(["theme"], draw);
  new ResizeObserver(() => {
    draw();
    if (view.open && [...shown.values()].some((one) => one.shape !== shape())) lookSoon();
  }).observe(byId("preview-canvases"));
}
