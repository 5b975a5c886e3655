// @ts-check
// NeuroScope2's keys, while the traces have the focus (a click on them, or Tab). Its letters are Phy's here.

import { keyName } from "../keys.js";
import { goBack, goToShare, rescale, step } from "./view.js";

/** @type {Record<string, () => void>} */
const KEYS = {
  ArrowLeft: () => step(-0.25),
  ArrowRight: () => step(0.25),
  "Shift+ArrowLeft": () => step(-1),
  "Shift+ArrowRight": () => step(1),
  ArrowUp: () => rescale(1.25),
  ArrowDown: () => rescale(0.8),
  Backspace: goBack,
  Numpad0: () => goToShare(0),
};

/** @param {HTMLCanvasElement} canvas */
export function startFocusKeys(canvas) {
  canvas.addEventListener("keydown", (event) => {
    const act = KEYS[event.code === "Numpad0" ? event.code : keyName(event)];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}
