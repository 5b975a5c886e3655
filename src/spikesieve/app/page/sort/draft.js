// @ts-check
// What is going to be sorted: one object, and who wants to hear when a part of it changes.

import { post, postForArrays } from "../api.js";
import { settled } from "./dom.js";

/**
 * @typedef {"recording" | "facts" | "settings" | "place" | "window"} Part
 * @typedef {{x: number[], y: number[], channel: number[], shank: number[]}} Contacts
 */

export const draft = {
  /** @type {any} What the server said at the start. */
  start: null,
  /** @type {string[]} Files or folders, in order of time. */
  paths: [],
  /** @type {Record<string, any>} How to read them, as `RecordingAsked`; what is left out is found out. */
  reading: {},
  /** @type {any} What they are; null before anything was chosen, or where that is not known. */
  facts: null,
  /** @type {string} Why that is not known. */
  problem: "",
  /** @type {Record<string, any>} Settings that are not default. */
  values: {},
  out: "",
  /** @type {number | null} */
  jobs: null,
  memory: "",
  overwrite: false,
};

/** @type {Map<Part, Set<() => void>>} */
const listeners = new Map();

/** @param {Part[]} parts @param {() => void} listener */
export function hear(parts, listener) {
  for (const part of parts) listeners.set(part, (listeners.get(part) ?? new Set()).add(listener));
}

/** @param {...Part} parts */
export function told(...parts) {
  for (const listener of new Set(parts.flatMap((part) => [...(listeners.get(part) ?? [])]))) listener();
}

/** @param {string} verb @param {object} content @returns {Promise<any>} */
export function ask(verb, content) {
  return post(`ask/${verb}`, content);
}

/** @param {string} verb @param {object} content @returns {Promise<import("../wire.js").Message>} */
export function askArrays(verb, content) {
  return postForArrays(`ask/${verb}`, content);
}

export function recordingAsked() {
  return { paths: draft.paths, ...draft.reading };
}

export function sortAsked() {
  return { recording: recordingAsked(), out: draft.out, settings: draft.values, n_jobs: draft.jobs, memory: draft.memory, overwrite: draft.overwrite };
}

let asked = 0;

/** Ask what the chosen files are. */
async function describe() {
  const mine = ++asked;
  /** @type {any} */
  let facts = null;
  let problem = "";
  try {
    if (draft.paths.length) facts = await ask("describe", recordingAsked());
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (mine !== asked) return; // something else was chosen meanwhile
  if (facts && !draft.out) draft.out = facts.out;
  draft.facts = facts;
  draft.problem = problem;
  told("facts", "place");
}

const describeSoon = settled(() => void describe(), 250);

/** @param {string[]} paths */
export function choose(paths) {
  draft.paths = paths;
  draft.reading = {};
  draft.facts = null;
  draft.problem = "";
  draft.out = "";
  draft.overwrite = false;
  told("recording", "facts", "place");
  void describe();
}

/** @param {Record<string, any>} changes Undefined: found out. */
export function read(changes) {
  draft.reading = Object.fromEntries(Object.entries({ ...draft.reading, ...changes }).filter(([, value]) => value !== undefined && value !== ""));
  told("recording");
  describeSoon();
}

/** @param {string} path @param {any} value Undefined: the default. */
export function set(path, value) {
  const { [path]: _, ...others } = draft.values;
  draft.values = value === undefined ? others : { ...others, [path]: value };
  told("settings");
}

/** Channels that are switched off, as the settings have them. @returns {(number | string)[]} */
export function switchedOff() {
  const value = draft.values["input.bad_channels"];
  return Array.isArray(value) ? value : [];
}

/** @param {number} channel */
export function toggle(channel) {
  const off = switchedOff(), others = off.filter((each) => each !== channel);
  const now = others.length < off.length ? others : [...off, channel].sort((a, b) => Number(a) - Number(b));
  set("input.bad_channels", now.length ? now : undefined);
}
