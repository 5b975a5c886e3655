// @ts-check
// What is asked of units by several panels.

import { getArrays } from "../api.js";
import { ofRange, state } from "../store.js";

/** @typedef {import("../wire.js").Message} Message */

const MOST_CORRELOGRAMS = 6;

/** Waveform and rate of units. @param {number[]} units @returns {Promise<Message[]>} */
export function unitArrays(units) {
  return Promise.all(units.map((unit) => getArrays(`unit/${unit}${ofRange("?")}`)));
}

/** Correlograms of the first units. @param {number[]} units @returns {Promise<Message>} */
export function correlogramsOf(units) {
  if (state.logLags) return getArrays(`log_correlograms?units=${units.slice(0, MOST_CORRELOGRAMS).join(",")}${ofRange("&")}`);
  return getArrays(`correlograms?units=${units.slice(0, MOST_CORRELOGRAMS).join(",")}&bin_ms=${state.binMs}&n=${state.nBins}${ofRange("&")}`);
}
