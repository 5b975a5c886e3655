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
    place.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(place);
  }

  /** @param {Column[]} columns */
  setColumns(columns) {
    this.options.columns = columns;
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

  redraw() {
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    this.body.style.height = `${this.rows.length * HEIGHT}px`;
    this.body.style.width = `${this.options.columns.reduce((sum, column) => sum + column.width, 0)}px`;
    this.draw();
  }

  /** @param {string} column @param {boolean} falling */
  mark(column, falling) {
    for (const cell of /** @type {Iterable<HTMLElement>} */ (this.head.children)) {
      cell.classList.toggle("sorted", cell.dataset.column === column);
      cell.classList.toggle("falling", cell.dataset.column === column && falling);
    }
  }

  draw() {
    const first = Math.max(0, Math.floor(this.place.scrollTop / HEIGHT) - MORE);
    const last = Math.min(this.rows.length, Math.ceil((this.place.scrollTop + this.place.clientHeight) / HEIGHT) + MORE);
    for (const [place, row] of this.shown)
      if (place < first || place >= last) {
        row.remove();
        this.shown.delete(place);
      }
    for (let place = first; place < last; place++) if (!this.shown.has(place)) this.shown.set(place, this.body.appendChild(this.row(place)));
  }

  /** @param {number} place */
  row(place) {
    const row = this.rows[place], element = document.createElement("div"), colour = this.options.swatch(row);
    element.className = `row ${this.options.classes(row)}`;
    element.dataset.unit = String(row.unit);
    element.setAttribute("role", "row");
    element.style.top = `${place * HEIGHT}px`;
    this.options.columns.forEach((column, i) => {
      const cell = element.appendChild(this.cell(column, column.show(row)));
      cell.setAttribute("role", "gridcell");
      if (column.text) cell.title = column.show(row);
      const tint = this.options.tint?.(row, column.name);
      if (tint) cell.style.boxShadow = `inset 4px 0 ${tint}`;
      if (i === 0 && colour) {
        const swatch = document.createElement("span");
        swatch.className = "swatch";
        swatch.style.background = colour;
        cell.prepend(swatch);
      }
    });
    return element;
  }

  /** @param {number} unit */
  reveal(unit) {
    const place = this.rows.findIndex((row) => row.unit === unit);
    if (place < 0) return;
    const top = place * HEIGHT, room = this.place.clientHeight - HEAD;
    if (top < this.place.scrollTop) this.place.scrollTop = top;
    else if (top + HEIGHT > this.place.scrollTop + room) this.place.scrollTop = top + HEIGHT - room;
  }
}
