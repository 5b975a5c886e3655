// @ts-check
// Places of contacts on a picture of waveforms.

/**
 * Places along one axis moved into 0..1 with room for a trace at both ends, and the room for each.
 * @param {number[]} places @param {number} [margin] What is left free at both ends
 */
export function spots(places, margin = 0.03) {
  const distinct = [...new Set(places.map((p) => Math.round(p * 10) / 10))].sort((a, b) => a - b), room = 1 - 2 * margin;
  if (distinct.length === 1) return { at: () => 0.5, pitch: room };
  const span = distinct[distinct.length - 1] - distinct[0];
  // Staggered columns share the room of the median step, not that of the smallest.
  const steps = distinct.slice(1).map((p, i) => p - distinct[i]).sort((a, b) => a - b);
  const pitch = room / (span / steps[steps.length >> 1] + 1);
  return { at: (/** @type {number} */ p) => margin + pitch / 2 + ((p - distinct[0]) / span) * (room - pitch), pitch };
}
