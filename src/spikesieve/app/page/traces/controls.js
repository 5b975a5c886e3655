// @ts-check
// What stands in the head of the panel of traces.

import { savePicture, saveTable } from "./save.js";
import { showMarks } from "./marks.js";
import { changedView, MOST_LINES, showKind, view } from "./view.js";

const KINDS = {
  raw: "raw", highpassed: "high-passed", referenced: "referenced", whitened: "whitened", predicted: "prediction", residual: "residual",
  white_predicted: "prediction, whitened", white_residual: "residual, whitened",
};

/** @param {HTMLElement} tools @param {string} label @param {[string, string][]} choices Value and text. @param {(value: string) => void} choose */
function select(tools, label, choices, choose) {
  const made = tools.appendChild(document.createElement("select"));
  made.setAttribute("aria-label", label);
  made.title = label;
  made.append(...choices.map(([value, text]) => new Option(text, value)));
  made.addEventListener("change", () => {
    choose(made.value);
    made.blur(); // keys go to the traces again
  });
  return made;
}

/** @param {HTMLElement} tools @param {string} text @param {string} title @param {() => unknown} act */
function button(tools, text, title, act) {
  const made = tools.appendChild(document.createElement("button"));
  made.type = "button";
  made.textContent = text;
  made.title = title;
  made.addEventListener("click", () => void act());
}

/** @param {HTMLElement} tools @param {HTMLCanvasElement} canvas @param {(index: number) => string} address @returns {() => void} Shows what is chosen now. */
export function controls(tools, canvas, address) {
  const kinds = view.about.kinds.map((/** @type {{kind: keyof typeof KINDS}} */ { kind }) => [kind, KINDS[kind]]);
  const kind = select(tools, "What the traces show (Alt+R)", kinds, showKind);
  const order = select(tools, "Order of the contacts (Shift+R)", [["depth", "by depth"], ["channel", "by channel"]], (value) => {
    view.order = value;
    changedView();
  });
  const heat = select(tools, "Colours of the heatmap", [["colour", "blue and orange"], ["grey", "grey"]], (value) => {
    view.colours = value;
    changedView();
  });
  const strip = select(tools, "What the strip below shows of the whole recording", [["rms", "size (RMS)"], ["spikes", "spikes"], ["drift", "drift"], ["none", "nothing"]], (value) => {
    view.strip = value;
    changedView();
  });
  button(tools, "Marks", "Marks with a note (F makes one)", showMarks);
  button(tools, "PNG", "Save the picture", () => savePicture([canvas]));
  button(tools, "CSV", "Save every sample that is seen", () => saveTable(address));
  return () => {
    kind.value = view.kind;
    order.value = view.order;
    strip.value = view.strip;
    heat.hidden = view.n <= MOST_LINES;
  };
}
