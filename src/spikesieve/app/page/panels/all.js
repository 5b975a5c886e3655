// @ts-check
// All panels, one a line: the layout opens, moves and closes them by their names.

export { units, similar } from "./units.js";
export { waveforms } from "./waveforms.js";
export { correlograms } from "./correlograms.js";
export { rate } from "./rate.js";
export { intervals } from "./intervals.js";
export { scatter, scatter_2 } from "./scatter.js";
export { traces } from "./traces.js";
export { features } from "./features.js";
export { probe } from "./probe.js";
export { drift } from "./drift.js";
export { metrics } from "./metrics.js";
export { unit_scatter } from "./unit_scatter.js";
