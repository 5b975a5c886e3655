// @ts-check
// Where the result goes, the command line that would do the same, and the button.

import { tell, tellError } from "../says.js";
import { ask, draft, hear, sortAsked, told } from "./draft.js";
import { byId, copy, make, settled } from "./dom.js";

async function showCommand() {
  const code = byId("command-line");
  if (!draft.out || !draft.facts) {
    code.textContent = "";
    return;
  }
  try {
    code.textContent = (await ask("command", sortAsked())).command;
    code.title = "";
  } catch (error) {
    code.textContent = "";
    code.title = error instanceof Error ? error.message : "";
  }
}

async function go() {
  try {
    await ask("sort", sortAsked());
    tell(`${draft.out} is in the list of sorts below.`);
    draft.out = "";
    const facts = await ask("describe", { paths: draft.paths, ...draft.reading });
    draft.out = facts.out; // the next one is free
    told("place");
  } catch (error) {
    tellError(error);
  }
}

function follow() {
  const out = byId("out"), canSort = Boolean(draft.facts && !draft.facts.problem);
  if (document.activeElement !== out) out.value = draft.out;
  byId("go").disabled = !canSort;
  byId("go").title = canSort ? "Sorts it in a process of its own" : draft.facts?.problem ?? draft.problem ?? "Choose a recording first";
}

export function startGo() {
  const change = (/** @type {() => void} */ work) => () => {
    work();
    told("place");
  };
  const out = make("input", { id: "out", class: "long", spellcheck: false, "aria-label": "Result folder", onchange: change(() => (draft.out = out.value.trim())) });
  const jobs = make("input", { id: "jobs", type: "number", min: "1", class: "short", placeholder: "all", onchange: change(() => (draft.jobs = jobs.value ? Number(jobs.value) : null)) });
  const memory = make("input", { id: "memory", class: "short", placeholder: "a quarter", onchange: change(() => (draft.memory = memory.value.trim())) });
  const overwrite = make("input", { id: "overwrite", type: "checkbox", onchange: change(() => (draft.overwrite = overwrite.checked)) });
  byId("start").append(
    make("div", { class: "row" }, make("label", {}, "Result"), out, make("label", { title: "Workers; the result does not depend on them" }, "workers ", jobs), make("label", { title: "Limit, such as 4GB; the result does not depend on it" }, "memory ", memory), make("label", {}, overwrite, " replace"), make("button", { id: "go", type: "button", onclick: () => void go() }, "Sort")),
    make("div", { class: "row" }, make("small", {}, "The same on the command line:"), make("code", { class: "command", id: "command-line" }), make("button", { type: "button", onclick: () => void copy(byId("command-line").textContent).then(() => tell("Copied."), tellError) }, "Copy")),
  );
  hear(["facts", "place"], follow);
  hear(["recording", "facts", "settings", "place"], settled(() => void showCommand(), 200));
  hear(["recording"], () => (overwrite.checked = draft.overwrite));
  follow();
}
