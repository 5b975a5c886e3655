// @ts-check
// What the panel of traces shows, and how keys change it.

import { getJson } from "../api.js";
import { reveal } from "../layout/layout.js";
import { tell, tellError } from "../says.js";
import { selected, state } from "../store.js";

export const MOST_LINES = 64, LONGEST_S = 10;
const SHORTEST_S = 0.002, FIRST_S = 0.25, FEWEST_ROWS = 4;

export const view = {
  /** @type {any} What the server says of the traces; null before it was asked. */
  about: null,
  start: 0,
  samples: 0,
  kind: "highpassed",
  order: "depth",
  upsideDown: false,
  first: 0,
  n: 0,
  scale: 1,
  colours: "colour",
  /** What the strip below the traces shows of the whole recording: "rms", "spikes", "drift" or "none". */
  strip: "spikes",
  allSpikes: false,
  labels: true,
  /** The prediction over the traces. */
  overlay: false,
  /** @type {number | null} The sample that was jumped to. */
  target: null,
  /** 1 if the last move was to later times, -1 if to earlier ones: there tiles are got ahead. */
  towards: 1,
  /** @type {{number: number, sample: number, channel: number | null, text: string, who: string, when: string}[]} */
  marks: [],
};

const MOST_VISITED = 100;
/** Where one was before each jump, the last one last. @type {number[]} */
const visited = [];

/** @type {() => void} */
let draw = () => undefined;

/** @param {() => void} redraw */
export function onChange(redraw) {
  draw = redraw;
}

export function changedView() {
  draw();
}

/** Contacts from the top to the bottom. @returns {number[]} */
export function ordered() {
  const order = view.about.orders[view.order];
  return view.upsideDown ? [...order].reverse() : order;
}

/** @param {any} about */
export function begin(about) {
  view.about = about;
  if (about.missing) return;
  const hz = state.start.sampling_hz, n = ordered().length;
  view.samples = Math.min(about.n_samples, Math.round(FIRST_S * hz));
  view.start = Math.max(0, Math.min(about.n_samples - view.samples, Math.round(state.start.span_s[0] * hz)));
  view.n = n;
  if (!about.kinds.some((/** @type {any} */ one) => one.kind === view.kind)) view.kind = "raw";
}

/** @param {number} start */
function moveTo(start) {
  const last = Math.max(0, view.about.n_samples - view.samples), next = Math.max(0, Math.min(last, start));
  if (next !== view.start) view.towards = next > view.start ? 1 : -1;
  view.start = next;
  draw();
}

/** @param {number} share Of the window. */
export function step(share) {
  view.target = null;
  moveTo(view.start + share * view.samples);
}

/** @param {number} seconds */
export function stepSeconds(seconds) {
  step((seconds * state.start.sampling_hz) / view.samples);
}

function remember() {
  if (visited.push(view.start) > MOST_VISITED) visited.shift();
}

/** To where one was before the last jump. */
export function goBack() {
  const start = visited.pop();
  if (start === undefined) return tell("There was no jump before this.", true);
  view.target = null;
  moveTo(start);
}

/** Show a sample in the middle. @param {number} sample */
export function goTo(sample) {
  remember();
  view.target = sample;
  moveTo(Math.round(sample - view.samples / 2));
}

/** @param {number} share 0 is the start, 1 the end. */
export function goToShare(share) {
  remember();
  scrub(share);
}

/** The same while the mouse is dragged: one way back for all of it. @param {number} share */
export function scrub(share) {
  view.target = null;
  moveTo(share * view.about.n_samples - view.samples / 2);
}

export function middle() {
  return view.target ?? Math.round(view.start + view.samples / 2);
}

/** Wider or narrower in time, around a place of the window. @param {number} by @param {number} [around] From 0 to 1. */
export function widen(by, around = 0.5) {
  const hz = state.start.sampling_hz, samples = Math.min(view.about.n_samples, LONGEST_S * hz, Math.max(SHORTEST_S * hz, view.samples * by));
  const at = view.start + around * view.samples;
  view.samples = samples;
  moveTo(at - around * samples);
}

/** More or fewer contacts, around a place of the window. @param {number} by @param {number} [around] From 0 to 1. */
export function widenRows(by, around = 0.5) {
  const all = ordered().length, n = Math.round(Math.min(all, Math.max(Math.min(FEWEST_ROWS, all), by > 1 ? Math.max(view.n + 1, view.n * by) : view.n * by)));
  const at = view.first + around * view.n;
  view.n = n;
  moveRows(Math.round(at - around * n) - view.first);
}

/** @param {number} by */
export function moveRows(by) {
  view.first = Math.max(0, Math.min(ordered().length - view.n, Math.round(view.first + by)));
  draw();
}

/** Move the contacts if one of them is not seen. @param {number} contact */
function showContact(contact) {
  const row = ordered().indexOf(contact);
  if (row < view.first || row >= view.first + view.n) moveRows(Math.round(row - view.n / 2) - view.first);
}

/** @param {typeof view.marks} marks What anybody changed. */
export function showTheseMarks(marks) {
  view.marks = marks;
  draw();
}

/** @param {number} by */
export function rescale(by) {
  view.scale *= by;
  draw();
}

/** @param {string} kind */
export function showKind(kind) {
  const known = view.about.kinds.map((/** @type {any} */ one) => one.kind);
  if (!known.includes(kind)) return tell("It is not known what the units explain of these traces.", true);
  view.kind = kind;
  draw();
}

/** @param {number} by */
function stepKind(by) {
  const known = view.about.kinds.map((/** @type {any} */ one) => one.kind);
  showKind(known[(known.indexOf(view.kind) + by + known.length) % known.length]);
}

/** @param {"spike" | "violation" | "blanked" | "border"} what @param {number} by */
async function jump(what, by) {
  const units = selected();
  if ((what === "spike" || what === "violation") && !units.length) return tell("Choose a unit first.", true);
  try {
    const found = await getJson(`trace-jump?what=${what}&from=${middle()}&by=${by}&units=${units.join(",")}`);
    tell(found.says);
    if (found.sample === null) return;
    if (found.contact !== null) showContact(found.contact);
    goTo(found.sample);
  } catch (error) {
    tellError(error);
  }
}

/** Go to a time: "12.5", "1:02:03.4", or "#30000" for a sample. @param {string} text */
export function goToText(text) {
  const sample = /^#\d+$/.test(text) ? Number(text.slice(1)) : text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0) * state.start.sampling_hz;
  if (!text || !Number.isFinite(sample) || sample < 0 || sample >= view.about.n_samples) return tell("Give a time in s, as 12.5 or 1:02:03.4, or a sample, as #30000, inside the recording.", true);
  goTo(Math.round(sample));
}

/** @param {"allSpikes" | "labels" | "upsideDown" | "overlay"} what */
function toggle(what) {
  view[what] = !view[what];
  draw();
}

/** What keys do with the traces, by name. The panel is opened by the first one. @type {Record<string, () => unknown>} */
export const TRACE_COMMANDS = {
  left: () => step(-0.1),
  right: () => step(0.1),
  window_left: () => step(-1),
  window_right: () => step(1),
  first: () => goToShare(0),
  last: () => goToShare(1),
  next_spike: () => jump("spike", 1),
  previous_spike: () => jump("spike", -1),
  next_violation: () => jump("violation", 1),
  previous_violation: () => jump("violation", -1),
  next_blanked: () => jump("blanked", 1),
  previous_blanked: () => jump("blanked", -1),
  next_border: () => jump("border", 1),
  previous_border: () => jump("border", -1),
  larger: () => rescale(1.25),
  smaller: () => rescale(0.8),
  wider: () => widen(1.25),
  narrower: () => widen(0.8),
  all_spikes: () => toggle("allSpikes"),
  labels: () => toggle("labels"),
  upside_down: () => toggle("upsideDown"),
  overlay: () => toggle("overlay"),
  next_kind: () => stepKind(1),
  raw: () => showKind("raw"),
  whitened: () => showKind("whitened"),
  predicted: () => showKind("predicted"),
  residual: () => showKind("residual"),
  order: () => {
    view.order = view.order === "depth" ? "channel" : "depth";
    draw();
  },
};

/** @param {string} name @param {() => unknown} [act] */
export function withTraces(name, act = TRACE_COMMANDS[name]) {
  reveal("traces");
  if (view.about === null) return; // it is opened just now
  if (view.about.missing) return tell(view.about.missing, true);
  return act();
}
