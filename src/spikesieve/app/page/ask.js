// @ts-check
// One line of text at the foot of the page.

/** @type {((text: string) => unknown) | null} */
let answer = null;

/** @param {string} what @param {string} text @param {(text: string) => unknown} then */
export function ask(what, text, then) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("command"));
  const field = /** @type {HTMLInputElement} */ (document.getElementById("command-text"));
  /** @type {HTMLElement} */ (document.getElementById("command-name")).textContent = what;
  answer = then;
  field.value = text;
  form.hidden = false;
  field.focus();
}

export function startAsking() {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("command"));
  const field = /** @type {HTMLInputElement} */ (document.getElementById("command-text"));
  const close = () => {
    form.hidden = true;
    answer = null;
    field.blur();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const then = answer;
    close();
    then?.(field.value.trim());
  });
  field.addEventListener("keydown", (event) => event.key === "Escape" && close());
}
