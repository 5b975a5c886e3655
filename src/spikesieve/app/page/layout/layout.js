// @ts-check
// Panels on the page: arranged by a tree, which is kept in the browser. A panel is made when it is first shown.

import { tell } from "../says.js";
import { borderAfter } from "./borders.js";
import { startDragging } from "./drag.js";
import { presetFor } from "./presets.js";
import { group, groupOf, panelsOf, parsed, placed, row, shownIn, without } from "./tree.js";

/**
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {import("./tree.js").Side} Side
 * @typedef {{section: HTMLElement, content: HTMLElement, tools: HTMLElement, say: (sentence: string) => void}} Place Where a panel is: its body, its controls, and what its head says.
 * @typedef {{name: string, title: string, mount: (place: Place) => void}} Panel
 * @typedef {{section: HTMLElement, tabs: HTMLElement, mount: () => void}} Frame
 */

const KEPT = "spikesieve-layout", FORMAT = "spikesieve layout", VERSION = 1;

/** @type {Map<string, {panel: Panel, tab: HTMLButtonElement, frame: Frame | null}>} */
const known = new Map();
/** @type {Tree} */
let tree = group("units");
/** @type {string | null} The panel that fills the window. */
let alone = null;

/** @param {Panel[]} panels */
export function startLayout(panels) {
  for (const panel of panels) known.set(panel.name, { panel, tab: tabOf(panel), frame: null });
  tree = keptTree() ?? presetFor(window.innerWidth);
  startDragging(main(), drop);
  render();
}

function main() {
  return /** @type {HTMLElement} */ (document.getElementById("panels"));
}

export function layoutPanels() {
  return [...known.values()].map(({ panel }) => panel);
}

export function layoutTree() {
  return tree;
}

/** @param {Tree | null} next */
export function arrange(next) {
  if (!next) return tell("The last panel stays.", true);
  tree = parsed(next, [...known.keys()]) ?? tree; // rows in rows are one row
  alone = null;
  localStorage.setItem(KEPT, layoutText());
  render();
}

/** The arrangement as text, for a file. */
export function layoutText() {
  return JSON.stringify({ format: FORMAT, version: VERSION, tree });
}

/** An arrangement from a text; null if it is none. @param {string} text */
export function readLayout(text) {
  try {
    const { format, version, tree: found } = JSON.parse(text);
    return format === FORMAT && version === VERSION ? parsed(found, [...known.keys()]) : null;
  } catch {
    return null;
  }
}

function keptTree() {
  return readLayout(localStorage.getItem(KEPT) ?? "");
}

/** @param {string} name @param {string} target @param {Side} side */
function drop(name, target, side) {
  // On its own place it leaves the other tabs there.
  const beside = target === name ? groupOf(tree, name)?.tabs.find((one) => one !== name) : target;
  if (beside !== undefined && (target !== name || side !== "centre")) arrange(placed(tree, name, beside, side));
}

/** Bring a panel to the front; it is opened if it was closed. @param {string} name */
export function reveal(name) {
  const found = groupOf(tree, name);
  if (!found) arrange(placed(tree, name, panelsOf(tree)[panelsOf(tree).length - 1], "centre"));
  else if (found.shown !== name) arrange(shownIn(tree, name));
  else if (alone && alone !== name) fill(name);
}

/** @param {string} name */
function close(name) {
  arrange(without(tree, name));
}

/** One panel fills the window, or all are back. @param {string} name */
function fill(name) {
  alone = alone === name ? null : name;
  render();
  known.get(name)?.tab.focus();
}

/** @param {Element | null | undefined} section @param {(name: string) => void} act */
function actOn(section, act) {
  if (section) act(section.id);
  else tell("Choose a panel first: F6 goes through them.", true);
}

/** The panel in which the focus is. */
function focusedPanel() {
  return document.activeElement?.closest("#panels section");
}

/** @type {Record<Side, [number, number]>} */
const WAYS = { left: [-1, 0], right: [1, 0], top: [0, -1], bottom: [0, 1], centre: [0, 0] };

/** The nearest panel on one side of another. @param {string} name @param {Side} side */
function neighbour(name, side) {
  const [dx, dy] = WAYS[side], own = document.getElementById(name)?.getBoundingClientRect();
  if (!own) return undefined;
  const middle = (/** @type {DOMRect} */ r) => [r.x + r.width / 2, r.y + r.height / 2], [x, y] = middle(own);
  return [...main().querySelectorAll("section")]
    .filter((one) => one.id !== name)
    .map((one) => ({ name: one.id, box: one.getBoundingClientRect() }))
    .filter(({ box }) => (dx ? (dx > 0 ? box.left >= own.right - 2 : box.right <= own.left + 2) : dy > 0 ? box.top >= own.bottom - 2 : box.bottom <= own.top + 2))
    .map(({ name: id, box }) => ({ id, far: Math.hypot(middle(box)[0] - x, middle(box)[1] - y) }))
    .sort((a, b) => a.far - b.far)[0]?.id;
}

/** Move the panel with the focus. @param {Side} side */
export function movePanel(side) {
  actOn(focusedPanel(), (name) => move(name, side));
}

/** The panel with the focus, or under the mouse, fills the window. */
export function fillPanel() {
  actOn(focusedPanel() ?? document.querySelector("#panels section:hover"), fill);
}

/** Close the panel whose tab has the focus: what is in a panel may have another use for the key. */
export function closePanel() {
  if (document.activeElement?.closest(".head")) actOn(focusedPanel(), close);
}

/** @param {string} name @param {Side} side */
function move(name, side) {
  const tabs = groupOf(tree, name)?.tabs ?? [], target = tabs.find((one) => one !== name) ?? neighbour(name, side);
  if (target !== undefined) return arrange(placed(tree, name, target, side));
  const rest = without(tree, name), first = side === "left" || side === "top";
  if (!rest) return;
  const parts = first ? [group(name), rest] : [rest, group(name)], across = side === "left" || side === "right";
  arrange({ ...row([first ? 0.3 : 0.7, parts[0]], [first ? 0.7 : 0.3, parts[1]]), split: across ? "row" : "column" });
}

/** Go to the next panel, or to the one before. @param {number} by */
export function stepPanel(by) {
  const all = [...main().querySelectorAll("section")].map((one) => one.id), at = all.indexOf(focusedPanel()?.id ?? "");
  known.get(all[at < 0 ? 0 : (at + by + all.length) % all.length])?.tab.focus();
}

/** @param {string} name @param {string} text @param {string} title */
function button(name, text, title) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.textContent = text;
  made.title = title;
  return made;
}

/** The tab of a panel. @param {Panel} panel */
function tabOf({ name, title }) {
  const tab = button("tab", title, "Drag it to move the panel; double-click fills the window");
  tab.dataset.panel = name;
  tab.addEventListener("click", () => groupOf(tree, name)?.shown !== name && arrange(shownIn(tree, name)));
  tab.addEventListener("dblclick", () => fill(name));
  return tab;
}

/** A choice made by the mouse gives the focus back, so that the next key goes to the page and not to the choice. @param {HTMLElement} tools */
function letGoAfterMouse(tools) {
  let byMouse = false;
  tools.addEventListener("pointerdown", () => (byMouse = true));
  tools.addEventListener("keydown", () => (byMouse = false));
  tools.addEventListener("change", ({ target }) => byMouse && target instanceof HTMLElement && target.blur());
}

/** The frame of a panel, and the panel in it. @param {Panel} panel @returns {Frame} */
function frameOf({ name, title, mount }) {
  const section = document.createElement("section"), head = section.appendChild(document.createElement("header"));
  section.id = name;
  section.setAttribute("aria-label", title);
  head.className = "head";
  const [tabs, tools, says] = ["div", "div", "span"].map((element) => head.appendChild(document.createElement(element)));
  tabs.className = "tabs";
  tools.className = "tools";
  letGoAfterMouse(tools);
  says.className = "says";
  const shut = head.appendChild(button("shut", "×", "Close this panel"));
  shut.setAttribute("aria-label", `Close ${title}`);
  shut.addEventListener("click", () => close(name));
  const content = section.appendChild(document.createElement("div"));
  content.className = "content";
  const say = (/** @type {string} */ sentence) => {
    says.textContent = sentence;
    says.title = sentence;
  };
  // What it shows depends on how large it is: it is made when it is in its place.
  return { section, tabs, mount: () => mount({ section, content, tools, say }) };
}

/** @param {Tree} part @param {number[]} path @param {Frame[]} fresh Frames whose panel has to be made. @returns {HTMLElement} */
function build(part, path, fresh) {
  if ("tabs" in part) {
    const own = known.get(part.shown);
    if (!own) throw new Error(`There is no panel ${part.shown}.`);
    if (!own.frame) fresh.push((own.frame = frameOf(own.panel)));
    own.frame.tabs.replaceChildren(...part.tabs.flatMap((name) => known.get(name)?.tab ?? []));
    for (const tab of own.frame.tabs.children) tab.setAttribute("aria-pressed", String(tab === own.tab));
    own.frame.section.style.flexGrow = "1"; // unless it stands beside others
    return own.frame.section;
  }
  const box = document.createElement("div");
  box.className = `split ${part.split}`;
  part.parts.forEach((one, i) => {
    const element = box.appendChild(build(one, [...path, i], fresh));
    element.style.flexGrow = String(part.sizes[i]);
    if (i + 1 < part.parts.length) box.append(borderAfter(tree, path, i, arrange));
  });
  return box;
}

function render() {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement : null, name = focused?.dataset.panel;
  const scrolled = [...main().querySelectorAll(".scrolls")].map((one) => /** @type {const} */ ([one, one.scrollTop, one.scrollLeft]));
  const whole = alone && groupOf(tree, alone) ? { .../** @type {import("./tree.js").Group} */ (groupOf(tree, alone)), shown: alone } : tree;
  /** @type {Frame[]} */
  const fresh = [];
  main().replaceChildren(build(whole, [], fresh));
  for (const frame of fresh) frame.mount();
  for (const [element, top, left] of scrolled) element.scrollTo(left, top);
  if (name) known.get(name)?.tab.focus();
  else if (focused?.isConnected) focused.focus();
}
