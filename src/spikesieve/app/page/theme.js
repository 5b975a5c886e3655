// @ts-check
// Dark and light, and the colours of selected units: they can be told apart by colour-blind people in both.

import { changed } from "./store.js";

/** @typedef {import("./draw/canvas.js").Colours} Colours */

const UNITS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b0568f", "#8a6d00", "#3fa0d8", "#7a3b00", "#5a5a5a"],
  dark: ["#56b4e9", "#ef8a35", "#2fc79a", "#e08fc0", "#d9c23a", "#8f9bff", "#d0a080", "#b0b0b0"],
};

/** @type {Colours | null} */
let known = null;

export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

/** @returns {Colours} */
export function colours() {
  if (!known) {
    const style = getComputedStyle(document.documentElement), of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    known = { ink: of("ink"), soft: of("soft"), line: of("line"), paper: of("paper"), shade: of("shade"), labels: { good: of("good"), mua: of("mua"), noise: of("noise") }, units: UNITS[isDark() ? "dark" : "light"] };
  }
  return known;
}

/** @param {number} place Of a unit in the selection. */
export function unitColour(place) {
  const { units } = colours();
  return units[place % units.length];
}

/** @param {boolean} dark */
function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  if (button) button.textContent = dark ? "Light" : "Dark";
  known = null;
  changed("theme");
}

export function toggleTheme() {
  setTheme(!isDark());
  localStorage.setItem("spikesieve-theme", isDark() ? "dark" : "light");
}

export function startTheme() {
  const wanted = localStorage.getItem("spikesieve-theme");
  setTheme(wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
}
