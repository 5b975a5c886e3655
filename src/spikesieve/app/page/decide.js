// @ts-check
// Decisions: sent to the server, which writes them to the disk before it answers.

import { post, Refused } from "./api.js";
import { askedLasso } from "./lasso.js";
import { counted, tell, tellError } from "./says.js";
import { apply, changed, select, selected, state } from "./store.js";

const PAGE = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
let requests = 0, waiting = 0;

/** @type {Promise<any>} The decision before: keys may be faster than the disk, and each decision knows those before it. */
let before = Promise.resolve();

/**
 * @param {string} what @param {object} content
 * @returns {Promise<any>} What has changed; null if nothing has.
 */
export function decide(what, content = {}) {
  before = before.then(() => decideNow(what, content));
  return before;
}

/** @param {string} what @param {object} content */
async function decideNow(what, content) {
  const request = { do: what, seq: state.seq, request: `${PAGE}-${++requests}`, ...content };
  showSaved(++waiting);
  try {
    const changes = await sent(request);
    apply(changes);
    tell(`Saved: ${changes.entry.what}.`);
    return changes;
  } catch (error) {
    tellError(error);
    return null;
  } finally {
    showSaved(--waiting);
  }
}

/** Sent again when the network fails: the server does nothing twice. @param {object} request */
async function sent(request) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await post("act", request);
    } catch (error) {
      if (error instanceof Refused || attempt === 5) throw error;
      tell("Not saved yet: the server does not answer.", true);
      await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
    }
  }
}

/** @param {number} n Decisions that are on their way. */
function showSaved(n) {
  const place = document.getElementById("saved");
  if (place) place.textContent = n ? "saving …" : state.connected ? "" : "not connected";
}

/** Show what a decision made; while the queue is gone through, it shows what is next. @param {any} changes */
function choose(changes) {
  if (changes?.new.length && state.queue.at < 0) select(changes.new.slice(0, 1), changes.new.slice(1));
}

export async function merge() {
  const units = selected();
  if (units.length < 2) return tell("Select two units or more to merge.", true);
  choose(await decide("merge", { units }));
}

/** @param {"split" | "discard"} what */
export async function part(what) {
  if (!state.lasso) return tell("Draw a lasso around the spikes first.", true);
  choose(await decide(what, { units: selected(), lasso: askedLasso() }));
}

/** The spikes in the lasso become spikes of another unit. @param {number} target */
export async function move(target) {
  const units = selected().filter((unit) => unit !== target);
  choose(await decide("move", { units, target, lasso: askedLasso() }));
}

/** @param {number[]} units @param {string | null} label */
export async function label(units, label) {
  if (!units.length) tell("No unit is selected.", true);
  return units.length ? decide("label", { units, label }) : null;
}

/** @param {string} name @param {string} text */
export function write(name, text) {
  return decide("text", { units: selected(), name, text });
}

export async function reject() {
  const units = selected();
  if (!units.length) return tell("Select the units that are different neurons, or the one that is whole.", true);
  if (await decide("reject", { units })) tell(`This is not suggested again for ${counted(units.length, "unit")}.`);
}

/** @param {string} kind */
export async function exportTo(kind) {
  try {
    tell((await post("export", { kind })).said);
    changed("saved");
  } catch (error) {
    tellError(error);
  }
}
