// @ts-check
// Spikes of the visible tiles, and the contacts that see them.

import { getArrays } from "../api.js";
import { tellError } from "../says.js";
import { state } from "../store.js";
import { tilesOf } from "./window.js";

/** @typedef {{sample: number, unit: number, contacts: number[]}} Spike */

const MOST_KEPT = 200;
/** @type {Map<string, Spike[] | null>} By address; null while it is asked for. */
const known = new Map();

/** @param {string} key @param {number} start @param {() => void} come */
async function ask(key, start, come) {
  known.set(key, null);
  try {
    const { arrays, facts } = await getArrays(key), { sample, unit } = arrays;
    known.set(key, Array.from(sample.data, (at, i) => ({ sample: start + at, unit: unit.data[i], contacts: facts.contacts[unit.data[i]] })));
    const oldest = known.size > MOST_KEPT ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    come();
  } catch (error) {
    known.delete(key);
    tellError(error);
  }
}

/**
 * The spikes that are known by now. Those of the chosen units come last, on top of others.
 * @param {{start: number, samples: number, about: any}} view @param {number[] | null} units null for all. @param {() => void} come Called when more are known.
 * @returns {Spike[]}
 */
export function spikesIn(view, units, come) {
  const { tile_samples: tileSamples, n_samples: nSamples, name } = view.about, found = [];
  if (units && !units.length) return [];
  for (const index of tilesOf(view, tileSamples, nSamples)) {
    const key = `trace-spikes/${index}?${units ? `units=${units.join(",")}` : `seq=${state.seq}`}&of=${name}`, spikes = known.get(key);
    if (spikes === undefined) void ask(key, index * tileSamples, come);
    for (const spike of spikes ?? []) if (spike.sample >= view.start && spike.sample <= view.start + view.samples) found.push(spike);
  }
  return found;
}
