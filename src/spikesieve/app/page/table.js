// @ts-check
// A table of any number of rows: only those in view are in the page.

const HEIGHT = 22, HEAD = 24, MORE = 6;

/**
 * @typedef {{name: string, title: string, width: number, text?: boolean, show: (row: any) => string, hint?: string}} Column
 * @typedef {{columns: Column[], classes: (row: any) => string, swatch: (row: any) => string | null, tint?: (row: any, column: string) => string | null, choose: (unit: number, event: MouseEvent) => void, sort?: (column: string) => void}} Options
 */

export class Table {
  /** @param {HTMLElement} place @param {Options} options */
  constructor(place, options) {
    this.place = place;
    this.options = options;
    /** @type {any[]} */
    this.rows = [];
    /** @type {Map<number, HTMLElement>} */
    this.shown = new Map();
    // Known without asking the page, which would have to arrange everything anew first.
    this.top = this.high = 0;
    /** @type {number | null} The unit that was brought into view. */
    this.revealed = null;
    this.head = place.appendChild(document.createElement("div"));
    this.body = place.appendChild(document.createElement("div"));
    this.head.className = "row head";
    this.body.className = "body";
    this.setColumns(options.columns);
    this.head.addEventListener("click", (event) => {
      const name = event.target instanceof HTMLElement ? event.target.dataset.column : undefined;
      if (name) options.sort?.(name);
    });
    this.body.addEventListener("click", (event) => {
      const row = event.target instanceof HTMLElement ? event.target.closest(".row") : null;
      if (row instanceof HTMLElement) options.choose(Number(row.dataset.unit), event);
    });
    /** @type {number | null} The unit that is to be brought into view. */
    this.wanted = null;
    this.isPlanned = false;
    place.addEventListener("scroll", () => {
      this.top = place.scrollTop;
      this.draw();
    });
    new ResizeObserver(() => {
      this.high = place.clientHeight;
      this.top = place.scrollTop;
      this.wanted ??= this.revealed;
      this.paint();
    }).observe(place);
  }

  /** @param {Column[]} columns */
  setColumns(columns) {
    this.options.columns = columns;
    this.body.replaceChildren();
    this.shown.clear();
    this.head.replaceChildren(...columns.map((column) => {
      const cell = this.cell(column, column.title);
      cell.title = column.hint ?? column.title;
      cell.dataset.column = column.name;
      return cell;
    }));
  }

  /** @param {Column} column @param {string} text */
  cell(column, text) {
    const cell = document.createElement("div");
    cell.className = column.text ? "cell text" : "cell";
    if (column.name === "label") cell.classList.add("label");
    cell.style.width = `${column.width}px`;
    cell.textContent = text;
    return cell;
  }

  /** @param {any[]} rows */
  show(rows) {
    this.rows = rows;
    this.redraw();
  }

  /** Show what has changed in the rows that are in view, in the next frame: views ask the server first. */
  redraw() {
    if (!this.isPlanned) requestAnimationFrame(() => this.paint());
    this.isPlanned = true;
  }

  paint() {
    this.isPlanned = false;
    const top = this.topFor(this.wanted);
    this.wanted = null;
    this.top = top ?? this.top;
    this.body.style.height = `${this.rows.length * HEIGHT}px`;
    this.body.style.width = `${this.options.columns.reduce((sum, column) => sum + column.width, 0)}px`;
    this.draw();
    for (const [place, element] of this.shown) this.fill(element, place);
    // Last, for the browser arranges everything anew before it scrolls.
    if (top !== null) this.place.scrollTop = top;
  }

  /** @param {string} column @param {boolean} falling */
  mark(column, falling) {
    for (const cell of /** @type {Iterable<HTMLElement>} */ (this.head.children)) {
      cell.classList.toggle("sorted", cell.dataset.column === column);
      cell.classList.toggle("falling", cell.dataset.column === column && falling);
    }
  }

  draw() {
    const first = Math.max(0, Math.floor(this.top / HEIGHT) - MORE);
    const last = Math.min(this.rows.length, Math.ceil((this.top + this.high) / HEIGHT) + MORE);
    const free = [...this.shown].filter(([place]) => place < first || place >= last);
    for (const [place] of free) this.shown.delete(place);
    for (let place = first; place < last; place++) {
      if (this.shown.has(place)) continue;
      const element = free.pop()?.[1] ?? this.body.appendChild(this.row());
      element.style.top = `${place * HEIGHT}px`;
      this.fill(element, place);
      this.shown.set(place, element);
    }
    for (const [, element] of free) element.remove();
  }

  row() {
    const element = document.createElement("div");
    element.setAttribute("role", "row");
    for (const column of this.options.columns) element.appendChild(this.cell(column, "")).setAttribute("role", "gridcell");
    return element;
  }

  /** Write a row, where it says something else than before. @param {HTMLElement} element @param {number} place */
  fill(element, place) {
    const row = this.rows[place], colour = this.options.swatch(row), classes = `row ${this.options.classes(row)}`;
    if (element.className !== classes) element.className = classes;
    element.dataset.unit = String(row.unit);
    this.options.columns.forEach((column, i) => {
      const cell = /** @type {HTMLElement} */ (element.children[i]), text = column.show(row), tint = this.options.tint?.(row, column.name) ?? "";
      const swatch = i === 0 && colour ? colour : "", said = `${text}|${tint}|${swatch}`;
      if (cell.dataset.said === said) return;
      cell.dataset.said = said;
      cell.textContent = text;
      if (column.text) cell.title = text;
      cell.style.boxShadow = tint && `inset 4px 0 ${tint}`;
      if (swatch) cell.prepend(swatchOf(swatch));
    });
  }

  /** @param {number} unit */
  reveal(unit) {
    this.revealed = this.wanted = unit;
    this.redraw();
  }

  /** Where the table is scrolled to for a unit to be in view; null if it is. @param {number | null} unit */
  topFor(unit) {
    const place = unit === null ? -1 : this.rows.findIndex((row) => row.unit === unit);
    if (place < 0 || !this.high) return null;
    const top = place * HEIGHT, room = this.high - HEAD;
    if (top < this.top) return top;
    return top + HEIGHT > this.top + room ? top + HEIGHT - room : null;
  }
}

/** @param {string} colour */
function swatchOf(colour) {
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = colour;
  return swatch;
}
