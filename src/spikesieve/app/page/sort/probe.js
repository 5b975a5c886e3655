// @ts-check
// The probe, true to scale. A click on a contact switches it off.

import { on } from "../store.js";
import { colours } from "../theme.js";
import { pen } from "../draw/canvas.js";
import { drawProbe, firstZoom, layout, nearest } from "./probe_drawing.js";
import { draft, hear, read, switchedOff, toggle } from "./draft.js";
import { byId, make } from "./dom.js";

/** Numbers that each kind of probe is made of, with what to begin with. @type {Record<string, [string, number][]>} */
const GENERATORS = { neuropixels1: [["contacts", 384]], neuropixels2: [["contacts", 384]], linear: [["contacts", 32], ["pitch µm", 25]], tetrode: [["tetrodes", 1]], grid: [["rows", 16], ["columns", 16], ["pitch µm", 30]] };
const OWN = "of the recording", FILE = "a file (“as probe” in the list)", TABLE = "a table";
const view = { zoom: 1, down: 1, across: 0.5 };

/** @returns {HTMLCanvasElement} */
function canvas() {
  return /** @type {HTMLCanvasElement} */ (document.querySelector("#probe canvas"));
}

function draw() {
  const paper = pen(canvas()), contacts = draft.facts?.contacts;
  if (!paper) return;
  const off = new Set(switchedOff());
  if (contacts) drawProbe(paper, contacts, layout(contacts, paper, view), off, colours());
  canvas().dataset.contacts = String(contacts?.x.length ?? 0);
  const n = contacts ? contacts.channel.filter((/** @type {number} */ channel) => off.has(channel)).length : 0;
  byId("probe-says").textContent = contacts ? `${contacts.x.length} contacts${n ? `, ${n} switched off` : ""}` : "not known yet";
}

/** @param {string} kind @param {number[]} numbers */
export function spec(kind, numbers) {
  return kind === "grid" ? `grid:${numbers[0]}x${numbers[1]}:${numbers[2]}` : [kind, ...numbers].join(":");
}

function showForm() {
  const kind = byId("probe-kind").value, rest = byId("probe-rest");
  if (kind in GENERATORS) {
    const fields = GENERATORS[kind].map(([name, value]) => [name, make("input", { type: "number", min: "1", step: "any", value: String(value), onchange: take })]);
    rest.replaceChildren(...fields.map(([name, field]) => make("label", {}, name, field)));
    take();
  } else if (kind === TABLE) {
    const text = make("textarea", { id: "probe-table", placeholder: "channel  x  y  shank, a contact a line, in µm", spellcheck: false, onchange: () => read({ probe: "", probe_table: text.value }) });
    rest.replaceChildren(text);
  } else {
    rest.replaceChildren();
    if (kind === OWN) read({ probe: "", probe_table: "" });
  }
}

function take() {
  const numbers = [...document.querySelectorAll("#probe-rest input")].map((field) => Number(/** @type {HTMLInputElement} */ (field).value));
  read({ probe: spec(byId("probe-kind").value, numbers), probe_table: "" });
}

function follow() {
  const { probe, probe_table: table } = draft.reading, kind = byId("probe-kind");
  const wanted = table ? TABLE : !probe ? (kind.value === TABLE ? TABLE : OWN) : probe.split(":")[0] in GENERATORS ? probe.split(":")[0] : FILE;
  if (kind.value === wanted) return;
  kind.value = wanted;
  byId("probe-rest").replaceChildren(...(wanted === FILE ? [make("span", {}, String(probe))] : []));
}

export function startProbe() {
  const kind = make("select", { id: "probe-kind", "aria-label": "Probe", onchange: showForm }, ...[OWN, ...Object.keys(GENERATORS), FILE, TABLE].map((name) => make("option", { value: name }, name)));
  byId("probe-form").append(kind, make("span", { id: "probe-rest", class: "form" }));
  canvas().addEventListener("click", (event) => {
    const contacts = draft.facts?.contacts, paper = pen(canvas());
    const found = contacts && paper ? nearest(contacts, layout(contacts, paper, view), event.offsetX, event.offsetY) : -1;
    if (found >= 0) toggle(contacts.channel[found]);
    draw();
  });
  canvas().addEventListener("wheel", (event) => {
    event.preventDefault();
    const by = (event.deltaY || event.deltaX) / (1000 * view.zoom), part = event.shiftKey || event.deltaX ? "across" : "down";
    if (event.ctrlKey) view.zoom = Math.min(200, Math.max(1, view.zoom * Math.exp(-event.deltaY / 300)));
    else view[part] = Math.min(1, Math.max(0, view[part] + 3 * by));
    draw();
  }, { passive: false });
  hear(["facts"], () => {
    const contacts = draft.facts?.contacts, paper = pen(canvas());
    Object.assign(view, { zoom: contacts && paper ? firstZoom(contacts, paper) : 1, down: 1, across: 0.5 }); // the tip
    draw();
  });
  hear(["settings"], draw);
  hear(["recording"], follow);
  on(["theme"], draw);
  new ResizeObserver(draw).observe(canvas());
}
