// @ts-check
// Marks with a note on the traces. They are kept with the result; nothing is ever taken out of its file.

import { post } from "../api.js";
import { ask } from "../ask.js";
import { show } from "../dialogs.js";
import { tell, tellError } from "../says.js";
import { state } from "../store.js";
import { changedView, goTo, middle, view } from "./view.js";

/** @param {object} mark @param {string} said */
async function write(mark, said) {
  try {
    view.marks = (await post("mark", mark)).marks;
    tell(said);
    changedView();
  } catch (error) {
    tellError(error);
  }
}

/** @param {number} sample */
function timeOf(sample) {
  return `${(sample / state.start.sampling_hz).toFixed(4)} s`;
}

/** @param {number} sample @param {number | null} channel */
export function markAt(sample, channel) {
  ask(`Note of a mark at ${timeOf(sample)}${channel === null ? "" : `, channel ${channel}`}`, "", (text) => text && write({ sample, channel, text }, "Saved: mark."));
}

export function markMiddle() {
  markAt(middle(), null);
}

/** All marks, to go to, change or take back. */
export function showMarks() {
  const table = document.createElement("table");
  table.className = "list";
  for (const { number, sample, channel, text, who, when } of view.marks) {
    const row = table.insertRow(), act = row.insertCell();
    for (const said of [timeOf(sample), channel === null ? "" : `channel ${channel}`, text, who, when.slice(0, 16).replace("T", " ")]) row.insertCell().textContent = said;
    const actions = /** @type {[string, () => void][]} */ ([
      ["go there", () => goTo(sample)],
      ["change", () => ask("Note", text, (next) => next && write({ number, sample, channel, text: next }, "Saved: mark."))],
      ["take back", () => void write({ number, sample, channel, text: "" }, "Saved: mark taken back.")],
    ]);
    for (const [name, go] of actions) {
      const button = act.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => {
        /** @type {HTMLDialogElement} */ (document.getElementById("dialog")).close();
        go();
      });
    }
  }
  if (!view.marks.length) table.insertRow().insertCell().textContent = "There are none yet: F makes one in the middle, a double click one where you point.";
  show("Marks on the traces", table);
}
