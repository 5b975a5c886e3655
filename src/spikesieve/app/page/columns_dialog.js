// @ts-check
// The dialog in which the columns of the unit table are chosen.

import { allColumns, chooseColumns, chosenNames } from "./columns.js";
import { show } from "./dialogs.js";
import { changed } from "./store.js";

export function showColumns() {
  const content = document.createElement("div"), list = content.appendChild(document.createElement("div")), chosen = new Set(chosenNames());
  list.className = "choices";
  for (const { name, title, hint } of allColumns().filter((column) => column.name !== "unit")) {
    const label = list.appendChild(document.createElement("label")), box = label.appendChild(document.createElement("input")), meaning = document.createElement("small");
    box.type = "checkbox";
    box.name = name;
    box.checked = chosen.has(name);
    meaning.textContent = hint && hint !== title ? hint : "";
    label.append(` ${title} `, meaning);
  }
  list.addEventListener("change", () => {
    chooseColumns([...list.querySelectorAll("input")].filter(({ checked }) => checked).map(({ name }) => name));
    changed("columns");
  });
  const again = content.appendChild(document.createElement("button"));
  again.type = "button";
  again.textContent = "Those at first";
  again.addEventListener("click", () => {
    chooseColumns(null);
    changed("columns");
    showColumns();
  });
  show("Columns of the unit table", content);
}
