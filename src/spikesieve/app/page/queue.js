// @ts-check
// The queue: what is worth a look, with its evidence, the surest first.

import { getJson } from "./api.js";
import { showScatter } from "./panels/scatter.js";
import { counted, tell, tellError } from "./says.js";
import { changed, on, select, state } from "./store.js";

/** @typedef {import("./store.js").Suggestion} Suggestion */

const KEYS = { merge: "G merges them, R says that they are two", split: "K splits it, R keeps it whole", label: "Alt+G, Alt+M or Alt+N labels it" };
const AGAIN_MS = 500, STILL_MS = 250;
let asked = 0;
/** @type {number | undefined} */
let waiting;
/** Whether Q was pressed before anything was found. */
let isWanted = false;

/** What a suggestion is about, so that it is found again when the queue has changed. @param {Suggestion} one */
function name(one) {
  return `${one.kind} ${one.units.join(",")}`;
}

/** The suggestion that is shown. @returns {Suggestion | undefined} */
function shown() {
  return state.queue.items[state.queue.at];
}

async function refresh() {
  const mine = ++asked;
  try {
    const { items, n_named: named, n_units: units, n_waiting: waiting, seq } = await getJson("queue");
    if (mine !== asked) return;
    if (waiting) setTimeout(() => mine === asked && void refresh(), AGAIN_MS);
    const before = shown(), place = state.queue.at;
    const at = before ? items.findIndex((/** @type {Suggestion} */ one) => name(one) === name(before)) : -1;
    state.queue = { items, at, named, units, waiting };
    changed("queue");
    // What was shown has been decided: the next one takes its place.
    if (before && at < 0 && items.length) show(Math.min(place, items.length - 1));
    else if (isWanted && items.length) {
      tell("");
      stepQueue(1);
    } else if (isWanted && !waiting) stepQueue(0);
    /** @type {HTMLElement} */ (document.getElementById("evidence")).dataset.seq = waiting ? "" : String(seq);
  } catch (error) {
    tellError(error);
  }
}

/** @param {number} place */
function show(place) {
  state.queue.at = place;
  const one = shown();
  if (!one) return changed("queue");
  select(one.units.slice(0, 1), one.units.slice(1));
  if (one.lasso) {
    showScatter(one.lasso.kind);
    state.lasso = { where: { kind: one.lasso.kind }, corners: one.lasso.corners, closed: true, counts: null };
    changed("lasso");
  }
  changed("queue");
}

/** @param {number} by */
export function stepQueue(by) {
  const n = state.queue.items.length, { waiting } = state.queue;
  isWanted = !n && waiting > 0;
  if (n) show(state.queue.at < 0 ? 0 : (state.queue.at + by + n) % n);
  else tell(waiting ? `${counted(waiting, "unit")} are not looked at yet: what is worth a look is shown as soon as it is found.` : "Nothing is worth a look.");
}

export function leaveQueue() {
  if (state.queue.at < 0) return false;
  state.queue.at = -1;
  changed("queue");
  return true;
}

function draw() {
  const { items, at, named, units, waiting } = state.queue, strip = /** @type {HTMLElement} */ (document.getElementById("evidence")), one = shown();
  /** @type {HTMLElement} */ (document.getElementById("queue")).textContent = `Queue${items.length ? ` ${items.length}` : ""}${waiting ? " …" : ""}`;
  strip.hidden = !one;
  if (!one) return;
  const what = document.createElement("b"), why = document.createElement("span"), keys = document.createElement("small");
  what.textContent = `${at + 1} of ${items.length}: ${one.kind === "label" ? "look at" : one.kind} ${one.units.join(" and ")}?`;
  why.textContent = one.evidence;
  keys.textContent = `${KEYS[/** @type {keyof KEYS} */ (one.kind)]}; Q next. ${named} of ${units} units are worth a look${waiting ? `; ${waiting} are not looked at yet` : ""}.`;
  strip.replaceChildren(what, why, keys);
}

export function startQueue() {
  on(["queue"], draw);
  on(["units"], () => {
    clearTimeout(waiting);
    // Views of what was decided come first, where nobody looks at the queue.
    if (shown() || isWanted) void refresh();
    else waiting = setTimeout(refresh, STILL_MS);
  });
}
