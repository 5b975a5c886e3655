// @ts-check
// What the next keys will show is got while nothing else is to do.

import { selected, state } from "./store.js";

const STILL_MS = 80;
/** @type {Set<(units: number[]) => Promise<unknown> | null>} */
const getters = new Set();
/** @type {number | undefined} */
let waiting;

/** Have something got ahead, for units that the next keys lead to. @param {(units: number[]) => Promise<unknown> | null} get */
export function getsAhead(get) {
  getters.add(get);
}

/** Units that the next keys lead to: the next of the table, the next similar ones, and the one before. @returns {number[][]} */
function next() {
  const best = state.best[0], place = state.order.indexOf(best);
  const others = state.similarOrder.filter((unit) => !selected().includes(unit)).slice(0, 2);
  const [after, before] = [1, -1].map((by) => [state.order[place + by]].filter((unit) => unit !== undefined));
  return [after, ...(best === undefined ? [] : others.map((unit) => [best, unit])), before].filter((units) => units.length);
}

/** Get what the next keys will show, one selection after the other, unless something else is selected meanwhile. */
export function getAhead() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const mine = waiting;
    for (const units of next()) {
      if (mine !== waiting) return;
      await Promise.all([...getters].map((get) => get(units)?.catch(() => null)));
    }
  }, STILL_MS);
}
