// @ts-check
// What the page knows: one object, and who wants to hear when a part of it changes.

/**
 * @typedef {Record<string, any> & {unit: number, label: string, n_spikes: number, texts: Record<string, string>}} Row
 * @typedef {{kind: string, units: number[], chance: number, evidence: string, lasso: {kind: string, corners: [number, number][]} | null}} Suggestion
 * @typedef {{kind: string, axes?: [string, string], contact?: number}} Where The axes of a plot.
 * @typedef {"units" | "described" | "order" | "selection" | "look" | "lasso" | "theme" | "saved" | "queue" | "similar" | "columns" | "colouring"} Part
 */

export const state = {
  /** @type {any} What the server said at the start. */
  start: null,
  /** @type {Map<number, Row>} Rows of the unit table. */
  rows: new Map(),
  seq: 0,
  canUndo: false,
  canRedo: false,
  /** @type {number[]} Units in the table, as it is sorted and filtered now. */
  order: [],
  /** @type {number[]} Similar units of the best one, the most similar one first. */
  similarOrder: [],
  /** @type {number[]} Units chosen in the table; the first one is the best. */
  best: [],
  /** @type {number[]} Units chosen among the similar ones. */
  similar: [],
  /** What units are coloured by: "label", or a column with numbers. */
  colourBy: "label",
  /** @type {{name: string, is_text: boolean, meaning: string}[]} Columns of metrics.csv. */
  metrics: [],
  /** @type {number[] | null} Contacts whose features are shown; null for the best ones. */
  featureContacts: null,
  /** Whether correlograms and intervals are over logarithmic time. */
  logLags: false,
  logIntervals: false,
  overlap: true,
  raw: false,
  waveformScale: 1,
  binMs: 1,
  nBins: 50,
  /** Up to here correlograms are shaded. */
  refractoryMs: 1.5,
  /** Single waveforms of a unit that are shown. */
  nWaveforms: 40,
  /** Intervals in linear time. */
  intervalsMs: { from: 0, to: 50, bin: 0.5 },
  /** Bins of the rate. */
  nRates: 100,
  /** What the scatter of units has to the right, upwards, and as size. */
  unitAxes: { x: "amplitude_uv", y: "depth_um", size: "firing_rate_hz" },
  /** @type {{where: Where, corners: [number, number][], closed: boolean, counts: Record<string, [number, number]> | null} | null} */
  lasso: null,
  /** @type {[number, number] | null} Seconds that every view shows; null for all. */
  range: null,
  connected: true,
  /** @type {{items: Suggestion[], at: number, named: number, units: number, waiting: number}} */
  queue: { items: [], at: -1, named: 0, units: 0, waiting: 0 },
};

/** @type {Map<Part, Set<() => void>>} */
const listeners = new Map();

/** @param {Part[]} parts @param {() => void} listener */
export function on(parts, listener) {
  for (const part of parts) {
    if (!listeners.has(part)) listeners.set(part, new Set());
    listeners.get(part)?.add(listener);
  }
}

/** @param {...Part} parts */
export function changed(...parts) {
  const told = new Set();
  for (const part of parts)
    for (const listener of listeners.get(part) ?? [])
      if (!told.has(listener)) {
        told.add(listener);
        listener();
      }
}

/** What restricts a request to the range of time. @param {string} joint "?" or "&" */
export function ofRange(joint) {
  return state.range ? `${joint}t0=${state.range[0]}&t1=${state.range[1]}` : "";
}

/** The time that is shown, in s. @returns {[number, number]} */
export function span() {
  return state.range ?? state.start.span_s;
}

/** All selected units, the best one first. @returns {number[]} */
export function selected() {
  return [...state.best, ...state.similar];
}

/** @param {number[]} best @param {number[]} similar */
export function select(best, similar = []) {
  const others = similar.filter((unit) => !best.includes(unit)), isNew = `${best}` !== `${state.best}` || `${others}` !== `${state.similar}`;
  if (!isNew && !state.lasso) return;
  state.best = best;
  state.similar = others;
  state.lasso = null;
  if (isNew) changed("selection", "lasso");
  else changed("lasso");
}

/** What is chosen when units have ended: null if none of the chosen ones has. @param {number[]} made @returns {[number[], number[]] | null} */
function chosenAfter(made) {
  const isThere = (/** @type {number} */ unit) => state.rows.has(unit), left = state.best.filter(isThere), others = state.similar.filter(isThere);
  if (selected().every(isThere)) return null;
  const [first, ...more] = made;
  if (left.length) return [left, [...others, ...made]];
  return first === undefined ? [others.slice(0, 1), []] : [[first], [...more, ...others].slice(0, 5)];
}

/** @param {any} changes What `Session.changes` of the server returns. */
export function apply(changes) {
  if (changes.seq <= state.seq) return false;
  for (const unit of changes.gone) state.rows.delete(unit);
  for (const row of changes.rows) state.rows.set(row.unit, row);
  state.seq = changes.seq;
  state.canUndo = changes.can_undo;
  state.canRedo = changes.can_redo;
  unitsChanged(changes.new);
  return true;
}

/** Show other units than before. @param {number[]} made Those that take the place of chosen ones. */
export function unitsChanged(made) {
  const chosen = chosenAfter(made);
  if (!chosen) return changed("units", "saved");
  [state.best, state.similar] = chosen;
  state.lasso = null;
  // All at once: each view asks for what it shows now, and only once.
  changed("units", "saved", "selection", "lasso");
}
