// @ts-check
// Which channels and components of features are shown.

import { state } from "./store.js";

/** @typedef {import("./wire.js").Message} Message */

/** Contacts of a unit, the one on which it is largest first. @param {Message} message @returns {number[]} */
function bySize({ arrays }) {
  const { data, shape } = arrays.waveform_uv, contacts = Array.from(arrays.contacts.data);
  const size = contacts.map((_, row) => {
    const own = data.subarray(row * shape[1], (row + 1) * shape[1]);
    return Math.max(...own) - Math.min(...own);
  });
  return contacts.map((contact, i) => ({ contact, size: size[i] })).sort((a, b) => b.size - a.size).map(({ contact }) => contact);
}

/** The two contacts that are shown: those that were chosen, or where the first two units are largest. @param {Message[]} units @returns {number[]} */
export function channels(units) {
  if (state.featureContacts) return state.featureContacts;
  const [own, other] = [bySize(units[0]), units[1] ? bySize(units[1]) : []];
  return [...new Set([own[0], other[0] ?? own[1], own[1], other[1]])].filter((contact) => contact !== undefined).slice(0, 2);
}

/** Show features of another channel: the first or the second one. @param {number} contact @param {0 | 1} place @param {number[]} shown */
export function chooseChannel(contact, place, shown) {
  const next = [...shown];
  next[place] = contact;
  state.featureContacts = next[0] === next[1] ? [contact, shown[place]] : next;
}

/** Axes of the plots, the most telling ones first. @param {number[]} contacts @param {number} most @returns {[string, string][]} */
export function pairsFor([a, b], most) {
  const axis = (/** @type {number | undefined} */ contact, /** @type {number} */ component) => (contact === undefined || component >= state.start.n_components ? null : `${contact}.${component}`);
  const [a1, a2, b1, b2] = [axis(a, 0), axis(a, 1), axis(b, 0), axis(b, 1)], [a3, b3] = [axis(a, 2), axis(b, 2)];
  const pairs = [[a1, b1], [a1, a2], [b1, b2], [a2, b2], ["t", a1], ["t", b1], [a1, b2], [a2, b1], ["t", a2], ["t", b2], [a1, a3], [b1, b3]];
  return /** @type {[string, string][]} */ (pairs.filter(([x, y]) => x && y).slice(0, most));
}
