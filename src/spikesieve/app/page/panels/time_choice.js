// @ts-check
// The choice between linear and logarithmic time in the head of a panel.

import { on } from "../store.js";

/** @param {string} title @param {() => boolean} isLog @param {(isLog: boolean) => void} choose */
export function timeChoice(title, isLog, choose) {
  const choice = document.createElement("select"), follow = () => (choice.value = isLog() ? "log" : "linear");
  choice.setAttribute("aria-label", title);
  choice.append(new Option("linear", "linear"), new Option("logarithmic", "log"));
  choice.addEventListener("change", () => choose(choice.value === "log"));
  on(["look"], follow);
  follow();
  return choice;
}
