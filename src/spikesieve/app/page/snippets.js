// @ts-check
// Typed commands, as in Phy: ":c 12 47".

import { decide, label, merge, part, write } from "./decide.js";
import { showRange } from "./panels/rate.js";
import { chooseUnitAxis } from "./panels/unit_scatter.js";
import { tell } from "./says.js";
import { changed, select, selected, state } from "./store.js";
import { goToText, stepSeconds, withTraces } from "./traces/view.js";

const LABELS = ["good", "mua", "noise"];

/** Typed commands, and what they do. @type {Record<string, {text: string, run: (words: string[]) => unknown}>} */
export const SNIPPETS = {
  c: { text: ":c 12 47 selects units", run: (words) => select(numbers(words)) },
  f: { text: ":f EXPRESSION filters the table", run: (words) => filter(words.join(" ")) },
  s: { text: ":s COLUMN sorts the table", run: ([column]) => document.dispatchEvent(new CustomEvent("sort-units", { detail: column })) },
  g: { text: ":g merges the selected units, or :g 12 47", run: (words) => (words.length ? decide("merge", { units: numbers(words) }) : merge()) },
  k: { text: ":k splits off what is in the lasso", run: () => part("split") },
  l: { text: ":l NAME VALUE gives an own label; :l good, mua or noise", run: ownLabel },
  tr: { text: ":tr 10 60 shows only these seconds; :tr all of them", run: ([from, to]) => showRange(from ? [Number(from), positive(to)] : null) },
  cb: { text: ":cb 0.5 sets the bins of the correlograms in ms", run: ([ms]) => look(() => (state.binMs = positive(ms))) },
  cw: { text: ":cw 50 sets the width of the correlograms in ms", run: ([ms]) => look(() => (state.nBins = Math.max(1, Math.round(positive(ms) / 2 / state.binMs)))) },
  cr: { text: ":cr 2 shades correlograms up to these ms", run: ([ms]) => look(() => (state.refractoryMs = positive(ms))) },
  wn: { text: ":wn 100 shows so many single waveforms", run: ([n]) => look(() => (state.nWaveforms = Math.round(positive(n)))) },
  isib: { text: ":isib 0.5 sets the bins of the intervals in ms", run: ([ms]) => intervals({ bin: positive(ms) }) },
  isin: { text: ":isin 100 sets the number of bins of the intervals", run: ([n]) => intervals({ bin: widthOf(n) }) },
  isimin: { text: ":isimin 0 sets the shortest interval in ms", run: ([ms]) => intervals({ from: Number(ms) }) },
  isimax: { text: ":isimax 50 sets the longest interval in ms", run: ([ms]) => intervals({ to: positive(ms) }) },
  frb: { text: ":frb 10 sets the bins of the rate in s", run: ([s]) => rates(lasting() / positive(s)) },
  frn: { text: ":frn 100 sets the number of bins of the rate", run: ([n]) => rates(positive(n)) },
  hb: { text: ":hb 2 sets the bins of both histograms: 2 ms of the intervals, 2 s of the rate", run: ([width]) => (intervals({ bin: positive(width) }), rates(lasting() / positive(width))) },
  hn: { text: ":hn 100 sets the number of bins of both", run: ([n]) => (intervals({ bin: widthOf(n) }), rates(positive(n))) },
  csx: { text: ":csx COLUMN to the right in the scatter of units", run: ([column]) => chooseUnitAxis("x", column) },
  csy: { text: ":csy COLUMN upwards in the scatter of units", run: ([column]) => chooseUnitAxis("y", column) },
  css: { text: ":css COLUMN as size in the scatter of units", run: ([column]) => chooseUnitAxis("size", column) },
  tg: { text: ":tg 12.5 shows the traces at a time", run: ([time]) => withTraces("go_to", () => goToText(time)) },
  ts: { text: ":ts 0.5 moves the traces by these seconds", run: ([s]) => withTraces("step", () => stepSeconds(Number(s) || 0)) },
};

/** @param {string[]} words */
function numbers(words) {
  const found = words.join(" ").split(/[\s,]+/).filter(Boolean).map(Number);
  const missing = found.find((unit) => !state.rows.has(unit));
  if (missing !== undefined) throw new Error(`There is no unit ${missing}.`);
  return found;
}

/** @param {string} text */
function positive(text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`“${text ?? ""}” is no positive number.`);
  return value;
}

/** @param {Partial<typeof state.intervalsMs>} change */
function intervals(change) {
  const { from, to, bin } = { ...state.intervalsMs, ...change };
  if (!(from >= 0 && to > from)) throw new Error("The longest interval is above the shortest one.");
  look(() => (state.intervalsMs = { from, to, bin: Math.min(bin, to - from) }));
}

/** The bins of the intervals in ms, if there are so many. @param {string} n */
function widthOf(n) {
  return (state.intervalsMs.to - state.intervalsMs.from) / Math.max(1, Math.round(positive(n)));
}

/** How long the recording is in s. */
function lasting() {
  return state.start.span_s[1] - state.start.span_s[0];
}

/** @param {number} n Bins of the rate. */
function rates(n) {
  look(() => (state.nRates = Math.max(1, Math.round(n))));
}

/** @param {() => void} change */
function look(change) {
  change();
  changed("look");
}

/** @param {string} text */
function filter(text) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

/** @param {string[]} words */
function ownLabel([name, ...value]) {
  if (!name) throw new Error("Say a label: :l good, or :l NAME VALUE.");
  return LABELS.includes(name) && !value.length ? label(selected(), name) : write(name, value.join(" "));
}

/** @param {string} text */
export async function runSnippet(text) {
  const [name, ...words] = text.replace(/^:/, "").split(/\s+/);
  try {
    if (!(name in SNIPPETS)) throw new Error(`There is no command “:${name}”. There are ${Object.keys(SNIPPETS).map((n) => `:${n}`).join(" ")}.`);
    await SNIPPETS[name].run(words);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error), true);
  }
}
