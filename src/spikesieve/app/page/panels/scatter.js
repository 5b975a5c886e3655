// @ts-check
// Scatters of all spikes: the one that keys change, and a second one beside it.

import { getArrays } from "../api.js";
import { axes, pen, say } from "../draw/canvas.js";
import { bitmap, colourise, rgb, spread, stamp } from "../draw/density.js";
import { reveal } from "../layout/layout.js";
import { startLasso } from "../lasso.js";
import { changed, ofRange, state } from "../store.js";
import { colours, unitColour } from "../theme.js";
import { chart } from "./panel.js";

/**
 * @typedef {import("../draw/canvas.js").Box} Box
 * @typedef {import("../wire.js").Message} Message
 * @typedef {{x: [number, number], y: [number, number]}} Frame
 */

const SCATTERS = [
  { kind: "amplitude", title: "Amplitude over time", needs: "amplitude" },
  { kind: "depth", title: "Depth over time", needs: "position" },
  { kind: "position", title: "Place on the probe", needs: "position" },
  { kind: "clusters", title: "Two clouds over time", needs: "clusters" },
];
const POINT = 3;
/** What the scatters show, by the names of their panels. */
const kinds = { scatter: "amplitude", scatter_2: "depth" };
/** @typedef {keyof typeof kinds} Name */

/** @param {HTMLCanvasElement} canvas @returns {Box} */
function boxOf(canvas) {
  return { left: 56, top: 4, right: canvas.clientWidth - 16, bottom: canvas.clientHeight - 30 };
}

/** @param {number[]} units @param {HTMLCanvasElement} canvas @param {string} kind @returns {Promise<Message | null>} */
async function get(units, canvas, kind) {
  if (!units.length) return null;
  const box = boxOf(canvas), [w, h] = [Math.max(1, Math.round(box.right - box.left)), Math.max(1, Math.round(box.bottom - box.top))];
  return getArrays(`scatter?units=${units.join(",")}&kind=${kind}&w=${w}&h=${h}${ofRange("&")}`);
}

/**
 * @param {HTMLCanvasElement} canvas @param {number[]} units @param {Message | null} found @param {string} kind
 * @returns {import("../lasso.js").Plot | null} What the canvas shows.
 */
function draw(canvas, units, found, kind) {
  const drawing = pen(canvas);
  if (!drawing) return null;
  if (!found?.facts.frame) return say(drawing, units.length ? "The result does not say this of its spikes." : "No unit is selected.", colours()), null;
  const box = boxOf(canvas), frame = /** @type {Frame} */ (found.facts.frame);
  const [w, h] = [Math.max(1, Math.round(box.right - box.left)), Math.max(1, Math.round(box.bottom - box.top))];
  // The best unit is drawn last, on top.
  const layers = units.map((_, i) => {
    const points = found.arrays[`points_${i}`], colour = rgb(unitColour(i));
    if (points) return { counts: stamp(points.data, frame, w, h, POINT), colour };
    const { data, shape } = found.arrays[`density_${i}`]; // of another size while the panel is resized
    return { counts: spread(data, shape[1], frame, frame, w, h), colour };
  });
  const image = colourise(layers.reverse(), w, h, rgb(colours().paper));
  drawing.ctx.drawImage(bitmap(image), box.left, box.top, w, h);
  const names = { amplitude: ["time (s)", `amplitude (${state.start.amplitude_unit})`], depth: ["time (s)", "depth (µm)"], position: ["x (µm)", "depth (µm)"], clusters: ["time (s)", "from cloud to cloud (SD)"] };
  const [xLabel, yLabel] = names[/** @type {keyof names} */ (kind)];
  axes(drawing, box, { ...frame, xLabel, yLabel }, colours());
  canvas.setAttribute("aria-label", `${yLabel} over ${xLabel} of all spikes of units ${units.join(", ")}.`);
  return { box, frame, where: { kind } };
}

/** @param {Name} name @param {string} title @returns {import("../layout/layout.js").Panel} */
function panelOf(name, title) {
  return { name, title, mount: (place) => mount(place, name) };
}

export const scatter = panelOf("scatter", "Scatter");
export const scatter_2 = panelOf("scatter_2", "Second scatter");

/** @type {Map<Name, HTMLSelectElement>} */
const choices = new Map();

/** @param {import("../layout/layout.js").Place} place @param {Name} name */
function mount(place, name) {
  const choice = place.tools.appendChild(document.createElement("select"));
  choices.set(name, choice);
  choice.setAttribute("aria-label", "What the scatter shows");
  for (const { kind, title, needs } of SCATTERS) {
    const option = choice.appendChild(new Option(title, kind));
    option.disabled = !state.start.has[needs];
  }
  choice.value = kinds[name];
  choice.addEventListener("change", () => showScatter(choice.value, name));
  /** @type {import("../lasso.js").Plot | null} */
  let view = null;
  chart(place, ["look"], (units, canvas) => get(units, canvas, kinds[name]), (canvas, units, found) => {
    view = draw(canvas, units, found, kinds[name]);
    drawLasso();
    return view ? "all spikes; drag a lasso, or Ctrl+click its corners" : "";
  });
  const drawLasso = startLasso(place.content, () => (view ? [view] : []));
}

/** Show the next kind, or the one before. @param {number} by */
export function stepScatter(by) {
  const known = SCATTERS.filter(({ needs }) => state.start.has[needs]), at = known.findIndex(({ kind }) => kind === kinds.scatter);
  if (known.length) showScatter(known[(at + by + known.length) % known.length].kind);
}

/** @param {string} kind @param {Name} [name] */
export function showScatter(kind, name = "scatter") {
  kinds[name] = kind;
  state.lasso = null;
  const choice = choices.get(name);
  if (choice) choice.value = kind;
  reveal(name);
  changed("look", "lasso");
}
