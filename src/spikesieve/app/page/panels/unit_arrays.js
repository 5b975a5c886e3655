// @ts-check
// What is asked of units by several panels, and ahead of the keys.

import { getArrays } from "../api.js";
import { ofRange, selected, state } from "../store.js";

/** @typedef {import("../wire.js").Message} Message */

const MOST_CORRELOGRAMS = 6;

/** Waveform, rate and ranges of units. @param {number[]} units @returns {Promise<Message[]>} */
export function unitArrays(units) {
  return Promise.all(units.map((unit) => getArrays(`unit/${unit}${ofRange("?")}`)));
}

/** Correlograms of the first units. @param {number[]} units @returns {Promise<Message>} */
export function correlogramsOf(units) {
  if (state.logLags) return getArrays(`log_correlograms?units=${units.slice(0, MOST_CORRELOGRAMS).join(",")}${ofRange("&")}`);
  return getArrays(`correlograms?units=${units.slice(0, MOST_CORRELOGRAMS).join(",")}&bin_ms=${state.binMs}&n=${state.nBins}${ofRange("&")}`);
}

/** Units that the next keys lead to: the next of the table, and the next similar one. */
function ahead() {
  const next = state.order[state.order.indexOf(state.best[0]) + 1], others = state.similarOrder.filter((unit) => !selected().includes(unit));
  return { next: next === undefined ? [] : [next], pairs: state.best.length ? others.slice(0, 2).map((unit) => [state.best[0], unit]) : [] };
}

/** @type {number | undefined} */
let waiting;

/** Get what the next keys will show while nothing else is to do. */
export function getAhead() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const { next, pairs } = ahead();
    for (const units of [next, ...pairs].filter((units) => units.length)) {
      unitArrays(units).catch(() => null);
      correlogramsOf(units).catch(() => null);
    }
  }, 120);
}
