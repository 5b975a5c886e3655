// @ts-check
// Colours for values: viridis, which people with any colour blindness can tell apart. Numbers in, colours out.

const STOPS = ["#440154", "#481a6c", "#472f7d", "#414487", "#39568c", "#31688e", "#2a788e", "#23888e", "#1f988b", "#22a884", "#35b779", "#54c568", "#7ad151", "#a5db36", "#d2e21b", "#fde725"];
const LEAST = 0.15;
const PARSED = STOPS.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/**
 * The colour of a share from 0 to 1. Small values are near the paper, so that large ones stand out in both themes.
 * @param {number} share @param {boolean} dark @returns {[number, number, number]}
 */
export function ramp(share, dark) {
  const bounded = Math.min(1, Math.max(0, share)), at = (dark ? bounded : 1 - bounded) * (PARSED.length - 1), k = Math.min(PARSED.length - 2, Math.floor(at));
  const [red, green, blue] = PARSED[k].map((c, j) => Math.round(c + (at - k) * (PARSED[k + 1][j] - c)));
  return [red, green, blue];
}

/** The same for a mark that stands alone: also the smallest value differs from the paper. @param {number} share @param {boolean} dark */
export function rampColour(share, dark) {
  const bounded = Math.min(1, Math.max(0, share));
  return `#${ramp(LEAST + (1 - LEAST) * bounded, dark).map((c) => c.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {number[]} sorted Ascending. @param {number} share */
export function quantile(sorted, share) {
  return sorted.length ? sorted[Math.round(share * (sorted.length - 1))] : 0;
}
