// @ts-check
// Tiles of traces: asked for once, kept while there is room, given up when they are no longer wanted.

import { decode } from "../wire.js";
import { Refused } from "../api.js";

/** @typedef {import("./window.js").Tile} Tile */
/** @typedef {{key: string, index: number, first: number}} Wanted The address of a tile, and its place. */

const MOST_BYTES = 128 * 2 ** 20, AT_ONCE = 4;

/** @type {Map<string, Tile>} The least used first. */
const kept = new Map();
/** @type {Map<string, AbortController>} */
const asked = new Map();
/** @type {Wanted[]} */
let wanted = [];
let bytes = 0;

/** @param {string} key */
export function tile(key) {
  const found = kept.get(key);
  if (found) {
    kept.delete(key);
    kept.set(key, found);
  }
  return found;
}

export function isWaiting() {
  return asked.size > 0;
}

/**
 * Say which tiles are wanted now, the most urgent first. Others that were asked for are given up.
 * @param {Wanted[]} list @param {() => void} come Called when one is here. @param {(error: unknown) => void} fail
 */
export function want(list, come, fail) {
  const keys = new Set(list.map(({ key }) => key));
  for (const [key, control] of asked)
    if (!keys.has(key)) {
      asked.delete(key);
      control.abort();
    }
  wanted = list.filter(({ key }) => !kept.has(key) && !asked.has(key));
  while (asked.size < AT_ONCE && wanted.length) ask(/** @type {Wanted} */ (wanted.shift()), come, fail);
}

/** @param {Wanted} one @param {() => void} come @param {(error: unknown) => void} fail */
async function ask({ key, index, first }, come, fail) {
  const control = new AbortController();
  asked.set(key, control);
  try {
    const response = await fetch(`api/${key}`, { credentials: "same-origin", signal: control.signal });
    if (!response.ok) throw new Refused(response.status, (await response.json().catch(() => ({}))).error ?? `The server answered ${response.status}.`);
    keep(key, tileOf(decode(await response.arrayBuffer()), index, first));
    asked.delete(key);
    come();
  } catch (error) {
    if (control.signal.aborted) return;
    asked.delete(key);
    fail(error);
  }
  if (asked.size < AT_ONCE && wanted.length) void ask(/** @type {Wanted} */ (wanted.shift()), come, fail);
}

/** @param {import("../wire.js").Message} message @param {number} index @param {number} first @returns {Tile} */
function tileOf({ arrays, facts }, index, first) {
  const { data, shape } = arrays.values;
  return { index, first, values: data, nRows: shape[0], nColumns: shape[1], pairs: shape.length > 2, scale: facts.scale };
}

/** @param {string} key @param {Tile} made */
function keep(key, made) {
  kept.set(key, made);
  bytes += made.values.byteLength;
  for (const [old, { values }] of kept) {
    if (bytes <= MOST_BYTES || old === key) break;
    kept.delete(old);
    bytes -= values.byteLength;
  }
}
