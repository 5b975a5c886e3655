// @ts-check
// The dialog of the layout: presets, which panels are open and where, and the layout as a file.

import { show } from "../dialogs.js";
import { tell } from "../says.js";
import { arrange, layoutPanels, layoutText, layoutTree, readLayout } from "./layout.js";
import { PRESETS } from "./presets.js";
import { groupOf, panelsOf, placed, without } from "./tree.js";

const FILE = "spikesieve-layout.json", ALONE = "", CLOSED = "closed";

/** @template {keyof HTMLElementTagNameMap} T @param {Element} parent @param {T} name @param {string} text @returns {HTMLElementTagNameMap[T]} */
function add(parent, name, text) {
  const element = parent.appendChild(document.createElement(name));
  element.textContent = text;
  return element;
}

/** @param {Element} parent @param {string} text @param {() => void} act */
function button(parent, text, act) {
  const made = add(parent, "button", text);
  made.type = "button";
  made.addEventListener("click", act);
}

/** @param {import("./tree.js").Tree | null} tree */
function use(tree) {
  arrange(tree);
  showLayout();
}

/** Where a panel is: by itself, behind the tab of another one, or closed. @param {Element} list @param {import("./layout.js").Panel} panel */
function addPlace(list, { name, title }) {
  const tree = layoutTree(), own = groupOf(tree, name), label = add(list, "label", title), choice = list.appendChild(document.createElement("select"));
  label.htmlFor = choice.id = `place-of-${name}`;
  const others = layoutPanels().filter((one) => one.name !== name && panelsOf(tree).includes(one.name));
  choice.append(new Option("in a place of its own", ALONE), ...others.map((one) => new Option(`with ${one.title}`, one.name)), new Option("closed", CLOSED));
  choice.value = own ? (own.tabs.find((one) => one !== name) ?? ALONE) : CLOSED;
  choice.addEventListener("change", () => {
    if (choice.value === CLOSED) use(without(tree, name));
    else if (choice.value !== ALONE) use(placed(tree, name, choice.value, "centre"));
    else use(placed(tree, name, own?.tabs.find((one) => one !== name) ?? panelsOf(tree)[0], "right"));
    document.getElementById(choice.id)?.focus();
  });
}

function saveFile() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([layoutText()], { type: "application/json" }));
  link.download = FILE;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {File | undefined} file */
async function openFile(file) {
  const found = file && readLayout(await file.text());
  if (found) use(found);
  else if (file) tell(`${file.name} is no layout of this page.`, true);
}

export function showLayout() {
  const content = document.createElement("div"), presets = content.appendChild(document.createElement("div")), places = content.appendChild(document.createElement("div"));
  presets.className = places.className = "layouts";
  for (const { title, text, tree } of Object.values(PRESETS)) {
    button(presets, title, () => use(tree));
    add(presets, "small", text);
  }
  for (const panel of layoutPanels()) addPlace(places, panel);
  button(content, "Save as a file", saveFile);
  const label = add(content, "label", " or open one: "), file = label.appendChild(document.createElement("input"));
  file.type = "file";
  file.accept = ".json,application/json";
  file.addEventListener("change", () => void openFile(file.files?.[0]));
  add(content, "p", "Panels are moved by their tabs (F6, then Ctrl+Shift and an arrow), and their borders by the mouse or the arrow keys. This browser keeps the layout.");
  show("Layout", content);
}
