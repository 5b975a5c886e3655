// @ts-check
// What was chosen: the facts of `spikesieve info`, and how to read what the files do not say.

import { draft, hear, read } from "./draft.js";
import { byId, duration, make } from "./dom.js";
import { counted } from "../says.js";

const FORMATS = ["", "raw", "spikeglx", "openephys", "intan", "nwb", "spikeinterface", "zarr"];
const TYPES = ["int16", "uint16", "int32", "float32"];

/** @param {any} facts @returns {[string, string][]} */
function rows(facts) {
  /** @type {[string, string][]} */
  const found = [["format", `${facts.format} (${facts.why})`]];
  if (facts.streams.length) found.push(["streams", facts.streams.join(", ")]);
  if (facts.n_channels === undefined) return found;
  const gains = facts.gain_uv;
  found.push(["files", facts.files.join(", ")]);
  found.push(["channels", String(facts.n_channels)], ["sampling rate", `${facts.sampling_hz} Hz`]);
  found.push(["gain", gains.length ? `${[gains[0], ...gains.slice(1).slice(-1)].map((/** @type {number} */ gain) => Number(gain.toPrecision(6))).join(" to ")} µV per raw number` : "not known"]);
  found.push(["length", `${duration(facts.duration_s)}, ${facts.n_samples.toLocaleString("en")} samples`]);
  found.push(["to sort", `${duration(facts.sorted_s)} in ${counted(facts.n_segments, "segment")}`]);
  if (facts.gaps.length) found.push(["gaps", String(facts.gaps.length)]);
  if (facts.probe) found.push(["probe", `${facts.probe.name}: ${counted(facts.probe.n_contacts, "contact")} on ${counted(facts.probe.n_shanks, "shank")}`]);
  return found;
}

/** @param {string} text @param {string} kind */
function verdict(text, kind) {
  return make("div", { class: `verdict ${kind}` }, text);
}

function show() {
  const { facts, problem, paths } = draft;
  byId("recording-name").textContent = paths.map((path) => path.split(/[\\/]/).pop()).join(" + ");
  const parts = [];
  if (!paths.length) parts.push(make("p", {}, "Choose a recording on the left: a file, or the folder that a recording system wrote."));
  else if (problem) parts.push(verdict(problem, "wrong"));
  else if (!facts) parts.push(make("p", {}, "Looking …"));
  else {
    parts.push(verdict(facts.problem ?? "It can be sorted.", facts.problem ? "wrong" : ""));
    parts.push(...facts.notes.map((/** @type {string} */ note) => verdict(note, "odd")));
    const table = make("table", { class: "facts" });
    for (const [name, value] of rows(facts)) table.append(make("tr", {}, make("th", {}, name), make("td", {}, value)));
    parts.push(table);
  }
  byId("verdict").replaceChildren(...parts);
  const streams = facts?.streams ?? [];
  byId("stream-label").hidden = streams.length < 2;
  if (streams.length) byId("stream").replaceChildren(...["", ...streams].map((/** @type {string} */ name) => make("option", { value: name, selected: name === draft.reading.stream }, name || "(the one with spikes)")));
  if (problem) byId("reading").open = true;
}

/** @param {string} label @param {any} field */
function labelled(label, field) {
  return make("label", {}, label, field);
}

/** @param {string} name @param {string[]} choices */
function select(name, choices) {
  return make("select", { id: `read-${name}`, onchange: (/** @type {any} */ event) => read({ [name]: event.target.value || undefined }) }, ...choices.map((each) => make("option", { value: each }, each || "found out")));
}

/** @param {string} name @param {string} hint */
function number(name, hint) {
  const take = (/** @type {any} */ event) => read({ [name]: event.target.value === "" ? undefined : Number(event.target.value) });
  return make("input", { id: `read-${name}`, type: "number", step: "any", min: "0", placeholder: hint, onchange: take });
}

/** Seconds "10:60, 100:120" as pairs. @param {string} text @returns {[number, number][]} */
export function intervals(text) {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean).map((part) => part.split(":").map(Number));
  if (parts.some((pair) => pair.length !== 2 || pair.some((each) => !Number.isFinite(each)))) throw new Error(`“${text}” are no stretches in seconds. Write START:END, such as 10:60, 100:120.`);
  return /** @type {[number, number][]} */ (parts);
}

/** @param {string} name @param {boolean} isOne */
function stretches(name, isOne) {
  const take = (/** @type {any} */ event) => {
    const field = event.target;
    try {
      const found = intervals(field.value);
      field.setCustomValidity("");
      read({ [name]: found.length ? (isOne ? found[0] : found) : undefined });
    } catch (error) {
      field.setCustomValidity(/** @type {Error} */ (error).message);
      field.reportValidity();
    }
  };
  return make("input", { id: `read-${name}`, class: "short", placeholder: isOne ? "0:600" : "10:12, 90:95", onchange: take });
}

function clear() {
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#about [id^='read-']"))) {
    const name = field.id.slice("read-".length), value = draft.reading[name];
    if (document.activeElement === field) continue;
    if (value === undefined) field.value = name === "dtype" ? "int16" : "";
    else if (name.endsWith("_s")) field.value = (name === "exclude_s" ? value : [value]).map((/** @type {number[]} */ pair) => pair.join(":")).join(", ");
  }
}

export function startRecording() {
  const stream = make("select", { id: "stream", onchange: (/** @type {any} */ event) => read({ stream: event.target.value || undefined }) });
  const reading = make("details", { id: "reading" }, make("summary", {}, "How to read it, where its files do not say"));
  reading.append(make("div", { class: "form" }, labelled("format", select("format", FORMATS)), labelled("channels", number("n_channels", "found out")), labelled("Hz", number("sampling_hz", "found out")), labelled("µV per number", number("gain_uv", "found out")), labelled("type", select("dtype", TYPES)), labelled("header bytes", number("header_bytes", "0"))));
  const times = make("div", { class: "form" }, labelled("sort only s", stretches("time_range_s", true)), labelled("leave out s", stretches("exclude_s", false)));
  byId("about").append(make("div", { id: "verdict" }), make("div", { id: "checks" }), make("div", { class: "form" }, make("label", { id: "stream-label", hidden: true }, "stream", stream)), times, reading);
  hear(["facts"], show);
  hear(["recording"], clear);
  show();
}
