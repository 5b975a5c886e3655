// @ts-check
// What another program changed in the folder while the page is open, and what is taken in from files.

import { post } from "./api.js";
import { exportTo } from "./decide.js";
import { tell, tellError } from "./says.js";

/** @param {string} said What is different; empty if nothing is. */
export function showElsewhere(said) {
  const strip = /** @type {HTMLElement} */ (document.getElementById("elsewhere"));
  strip.hidden = !said;
  if (!said || strip.dataset.said === said) return;
  strip.dataset.said = said;
  const what = document.createElement("span");
  what.textContent = `${said} Nothing of it is overwritten.`;
  strip.replaceChildren(what, choice("Take it in", "take in", "An entry of the history; undo leads back"), choice("Keep ours", "keep ours", "Theirs is kept in curation/conflicts"));
}

/** @param {string} text @param {string} kind @param {string} title */
function choice(text, kind, title) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.title = title;
  button.addEventListener("click", () => void exportTo(kind));
  return button;
}

/** A field for a curation file of SpikeInterface. @param {() => void} done */
export function fileField(done) {
  const field = document.createElement("input");
  field.type = "file";
  field.accept = ".json,application/json";
  field.setAttribute("aria-label", "Curation file of SpikeInterface");
  field.addEventListener("change", async () => {
    const file = field.files?.[0];
    if (!file) return;
    done();
    try {
      tell((await post("import", { name: file.name, text: await file.text() })).said);
    } catch (error) {
      tellError(error);
    }
  });
  return field;
}
