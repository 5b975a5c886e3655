// @ts-check
// What is seen, as a file.

import { getArrays } from "../api.js";
import { tell, tellError } from "../says.js";
import { state } from "../store.js";
import { gather, tilesOf } from "./window.js";
import { ordered, view } from "./view.js";

const MOST_VALUES = 4e6;

/** @param {Blob} blob @param {string} ending */
function download(blob, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${state.start.name}-${view.kind}-${(view.start / state.start.sampling_hz).toFixed(3)}s.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  tell(`${link.download} is among the downloads.`);
}

/** The canvases over each other. @param {HTMLCanvasElement[]} canvases */
export function savePicture(canvases) {
  const whole = document.createElement("canvas"), ctx = whole.getContext("2d");
  whole.width = canvases[0].width;
  whole.height = canvases[0].height;
  for (const canvas of canvases) ctx?.drawImage(canvas, 0, 0);
  whole.toBlob((blob) => blob && download(blob, "png"));
}

/** Every sample of the visible contacts, a line each. @param {(index: number) => string} address Of a tile of them, sample by sample. */
export async function saveTable(address) {
  const { tile_samples: tileSamples, n_samples: nSamples } = view.about, window = { start: Math.round(view.start), samples: Math.round(view.samples) };
  if (window.samples * view.n > MOST_VALUES) return tell("That is more than 4 million numbers. Show a shorter time or fewer contacts.", true);
  try {
    const tiles = await Promise.all(
      tilesOf(window, tileSamples, nSamples).map(async (index) => {
        const { arrays, facts } = await getArrays(address(index)), { data, shape } = arrays.values;
        return { index, first: view.first, values: data, nRows: shape[0], nColumns: shape[1], pairs: false, scale: facts.scale };
      }),
    );
    const { low } = gather(tiles, window, { first: view.first, n: view.n }, window.samples, 1, true);
    download(new Blob([csv(low, window)], { type: "text/csv" }), "csv");
  } catch (error) {
    tellError(error);
  }
}

/** @param {Float32Array} values @param {{start: number, samples: number}} window */
function csv(values, { start, samples }) {
  const shown = ordered().slice(view.first, view.first + view.n);
  const lines = [["sample", "time_s", ...shown.map((contact) => `channel_${state.start.probe.channel[contact]}`)].join(",")];
  for (let t = 0; t < samples; t++) {
    const numbers = shown.map((_, row) => values[row * samples + t]).map((value) => (Number.isFinite(value) ? Number(value.toPrecision(5)) : ""));
    lines.push([start + t, ((start + t) / state.start.sampling_hz).toFixed(6), ...numbers].join(","));
  }
  return `${lines.join("\n")}\n`;
}
