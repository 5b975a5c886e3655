// @ts-check
// What keys, buttons and typed commands do, by name.

import { decide, exportTo, label, merge, move, part, reject, write } from "./decide.js";
import { showExports, showHelp, showHistory } from "./dialogs.js";
import { closePanel, fillPanel, movePanel, reveal, stepPanel } from "./layout/layout.js";
import { showLayout } from "./layout/dialog.js";
import { setFilter } from "./order.js";
import { leaveQueue, stepQueue } from "./queue.js";
import { stepScatter } from "./panels/scatter.js";
import { markMiddle } from "./traces/marks.js";
import { goToText, withTraces } from "./traces/view.js";
import { tell } from "./says.js";
import { changed, select, selected, state } from "./store.js";
import { toggleTheme } from "./theme.js";
import { ask } from "./ask.js";
import { runSnippet } from "./snippets.js";

/** @param {number} by */
function stepBest(by) {
  const { order, best } = state, at = order.indexOf(best[0]);
  const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : at + by];
  if (next !== undefined) select([next]);
}

/** @param {number} by */
function stepSimilar(by) {
  const order = state.similarOrder.filter((unit) => !state.best.includes(unit));
  const last = state.similar[state.similar.length - 1], at = order.indexOf(last), next = order[at < 0 ? (by > 0 ? 0 : -1) : at + by];
  if (next !== undefined) select(state.best, [next]);
}

/** @param {string | null} name */
async function labelBest(name) {
  const place = state.order.indexOf(state.best[0]), next = state.order[place + 1];
  if ((await label(state.best, name)) && next !== undefined && state.rows.has(next)) select([next]);
}

/** @param {string | null} name */
async function labelSimilar(name) {
  if (await label(state.similar, name)) stepSimilar(1);
}

/** @param {number} by */
function scaleWaveforms(by) {
  state.waveformScale *= by;
  changed("look");
}

function clear() {
  const filter = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
  if (state.lasso) {
    state.lasso = null;
    changed("lasso");
  } else if (leaveQueue()) {
    return;
  } else if (filter.value) {
    setFilter("");
  }
  tell("");
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/** @type {Record<string, () => unknown>} */
export const COMMANDS = {
  next_best: () => stepBest(1),
  previous_best: () => stepBest(-1),
  first_best: () => select(state.order.slice(0, 1)),
  last_best: () => select(state.order.slice(-1)),
  next_similar: () => (state.best.length ? stepSimilar(1) : stepBest(1)),
  previous_similar: () => stepSimilar(-1),
  first_similar: () => select(state.best, state.similarOrder.slice(0, 4)),
  only_best: () => select(state.best),
  reset: () => select(state.order.slice(0, 1)),
  all_shown: () => select(state.order),
  queue: () => stepQueue(1),
  queue_back: () => stepQueue(-1),
  merge,
  split: () => part("split"),
  move: () => {
    if (!state.lasso) return tell("Draw a lasso around the spikes first.", true);
    const last = selected()[selected().length - 1];
    ask("Join the spikes in the lasso to unit", selected().length > 1 ? String(last) : "", (text) => (state.rows.has(Number(text)) ? move(Number(text)) : tell(`There is no unit “${text}”.`, true)));
  },
  discard: () => part("discard"),
  reject,
  undo: () => decide("undo"),
  redo: () => decide("redo"),
  export: () => exportTo("phy"),
  export_all: showExports,
  best_good: () => labelBest("good"),
  best_mua: () => labelBest("mua"),
  best_noise: () => labelBest("noise"),
  best_unsorted: () => labelBest(null),
  similar_good: () => labelSimilar("good"),
  similar_mua: () => labelSimilar("mua"),
  similar_noise: () => labelSimilar("noise"),
  similar_unsorted: () => labelSimilar(null),
  all_good: () => label(selected(), "good"),
  all_mua: () => label(selected(), "mua"),
  all_noise: () => label(selected(), "noise"),
  all_unsorted: () => label(selected(), null),
  label: () => ask("Own label: NAME VALUE", "", (text) => runSnippet(`l ${text}`)),
  note: () => ask("Note", state.rows.get(selected()[0])?.note ?? "", (text) => write("note", text)),
  next_scatter: () => stepScatter(1),
  previous_scatter: () => stepScatter(-1),
  waveform_kind: () => {
    if (!state.start.has.raw) return tell("The raw file is not there.", true);
    state.raw = !state.raw;
    changed("look");
  },
  intervals: () => {
    state.logIntervals = !state.logIntervals;
    reveal("intervals");
    changed("look");
  },
  log_correlograms: () => {
    state.logLags = !state.logLags;
    reveal("correlograms");
    changed("look");
  },
  best_channels: () => {
    state.featureContacts = null;
    changed("look");
  },
  overlap: () => {
    state.overlap = !state.overlap;
    changed("look");
  },
  waveform_larger: () => scaleWaveforms(1.25),
  waveform_smaller: () => scaleWaveforms(0.8),
  clear,
  filter: () => document.getElementById("filter")?.focus(),
  snippet: () => ask(":", "", runSnippet),
  traces: () => reveal("traces"),
  trace_left: () => withTraces("left"),
  trace_right: () => withTraces("right"),
  trace_window_left: () => withTraces("window_left"),
  trace_window_right: () => withTraces("window_right"),
  trace_first: () => withTraces("first"),
  trace_last: () => withTraces("last"),
  trace_next_spike: () => withTraces("next_spike"),
  trace_previous_spike: () => withTraces("previous_spike"),
  trace_next_violation: () => withTraces("next_violation"),
  trace_previous_violation: () => withTraces("previous_violation"),
  trace_next_blanked: () => withTraces("next_blanked"),
  trace_previous_blanked: () => withTraces("previous_blanked"),
  trace_next_border: () => withTraces("next_border"),
  trace_previous_border: () => withTraces("previous_border"),
  trace_larger: () => withTraces("larger"),
  trace_smaller: () => withTraces("smaller"),
  trace_wider: () => withTraces("wider"),
  trace_narrower: () => withTraces("narrower"),
  trace_all_spikes: () => withTraces("all_spikes"),
  trace_labels: () => withTraces("labels"),
  trace_upside_down: () => withTraces("upside_down"),
  trace_overlay: () => withTraces("overlay"),
  trace_next_kind: () => withTraces("next_kind"),
  trace_raw: () => withTraces("raw"),
  trace_whitened: () => withTraces("whitened"),
  trace_predicted: () => withTraces("predicted"),
  trace_residual: () => withTraces("residual"),
  trace_order: () => withTraces("order"),
  trace_go_to: () => withTraces("go_to", () => ask("Go to (s, h:m:s, or #sample)", "", goToText)),
  trace_mark: () => withTraces("mark", markMiddle),
  history: showHistory,
  layout: showLayout,
  next_panel: () => stepPanel(1),
  previous_panel: () => stepPanel(-1),
  panel_left: () => movePanel("left"),
  panel_right: () => movePanel("right"),
  panel_up: () => movePanel("top"),
  panel_down: () => movePanel("bottom"),
  panel_alone: fillPanel,
  panel_close: closePanel,
  theme: toggleTheme,
  help: showHelp,
};
