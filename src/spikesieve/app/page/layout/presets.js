// @ts-check
// Arrangements to begin with.

import { column, group, row } from "./tree.js";

/** @typedef {import("./tree.js").Tree} Tree */

const WIDE_PX = 1900;

/** @type {Record<string, {title: string, text: string, tree: Tree}>} */
export const PRESETS = {
  curation: {
    title: "Curation",
    text: "tables, waveforms, correlograms, rate and one scatter",
    tree: row(
      [0.31, column([0.62, group("units")], [0.38, group("similar")])],
      [0.35, column([0.6, group("waveforms", "probe", "traces")], [0.4, group("scatter", "features", "drift")])],
      [0.34, column([0.5, group("correlograms")], [0.22, group("rate")], [0.28, group("intervals", "metrics")])],
    ),
  },
  wide: {
    title: "Large screen",
    text: "all views beside each other",
    tree: row(
      [0.22, column([0.6, group("units")], [0.4, group("similar")])],
      [0.1, group("probe")],
      [0.24, column([0.52, group("waveforms")], [0.32, group("traces", "drift")], [0.16, group("rate")])],
      [0.24, column([0.5, group("correlograms")], [0.2, group("intervals")], [0.3, group("metrics")])],
      [0.2, column([0.4, group("scatter")], [0.6, group("features")])],
    ),
  },
  phy: {
    title: "As in Phy",
    text: "the places that Phy gives its views",
    tree: row(
      [0.3, column([0.55, group("units")], [0.45, group("similar")])],
      [0.3, column([0.6, group("waveforms")], [0.4, group("correlograms")])],
      [0.4, column([0.6, group("features")], [0.4, group("scatter", "rate", "intervals", "probe", "unit_scatter", "drift", "metrics", "traces")])],
    ),
  },
  overview: {
    title: "Overview",
    text: "the probe, drift and the numbers of the units",
    tree: row(
      [0.36, group("units", "similar")],
      [0.2, group("probe")],
      [0.44, column([0.56, group("drift", "unit_scatter")], [0.44, row([0.6, group("metrics")], [0.4, group("waveforms", "rate", "correlograms")])])],
    ),
  },
  traces: {
    title: "Traces",
    text: "traces as large as can be, beside the tables",
    tree: row([0.24, column([0.62, group("units")], [0.38, group("similar")])], [0.76, group("traces", "waveforms", "correlograms")]),
  },
  split: {
    title: "Split",
    text: "large scatters, to draw a lasso in",
    tree: row(
      [0.2, column([0.6, group("units")], [0.4, group("similar")])],
      [0.42, column([0.33, group("scatter")], [0.27, group("scatter_2")], [0.4, group("features")])],
      [0.38, column([0.5, group("waveforms")], [0.32, group("correlograms")], [0.18, group("rate", "intervals")])],
    ),
  },
};

/** The arrangement of a window that had none. @param {number} width In pixels. */
export function presetFor(width) {
  return PRESETS[width >= WIDE_PX ? "wide" : "curation"].tree;
}
