// @ts-check
// Short sentences for the user at the foot of the page.

/** @param {string} sentence @param {boolean} wrong */
export function tell(sentence, wrong = false) {
  const place = document.getElementById("message");
  if (!place) return;
  place.textContent = sentence;
  place.classList.toggle("wrong", wrong);
}

/** @param {unknown} error */
export function tellError(error) {
  tell(error instanceof Error ? error.message : String(error), true);
}

/** @param {number} n @param {string} word */
export function counted(n, word) {
  return `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
}
