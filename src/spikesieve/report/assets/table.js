// The unit table: filter, sort, thumbnails of the rows in view.

const table = document.getElementById("table");
const rows = table ? Array.from(table.tBodies[0].rows) : [];
const filters = document.getElementById("filters");
const says = document.getElementById("says");
const LABEL_ORDER = { good: 0, mua: 1, noise: 2 };
const sorting = { column: "unit", direction: 1 };
let shown = rows.map((row) => Number(row.dataset.unit)); // units in the table, in its order

const rowByUnit = new Map(rows.map((row) => [Number(row.dataset.unit), row]));

// What the table says of a unit, as it says it.
function textOf(unit, column) {
  const place = Array.from(table.tHead.rows[0].cells).findIndex((head) => head.dataset.column === column);
  return rowByUnit.get(unit).cells[place].textContent.trim();
}

// The column that a name means: itself, or the only one that starts with it or has it in its name.
function columnNamed(name) {
  if (name in units) return name;
  const names = Object.keys(units);
  const fitting = [names.filter((n) => n.startsWith(name)), names.filter((n) => n.includes(name))].find((fits) => fits.length);
  if (!fitting) throw new Error(`There is no column “${name}”.`);
  const shortest = fitting.reduce((a, b) => (b.length < a.length ? b : a)); // contamination, not contamination_low
  if (!fitting.every((n) => n.startsWith(shortest))) throw new Error(`“${name}” can be ${fitting.join(" or ")}.`);
  return shortest;
}

function numberFrom(text) {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!text.trim() || Number.isNaN(value)) throw new Error(`“${text}” is no number.`);
  return value;
}

// A test of one value against "5", "3,7,12" or "100..300".
function oneOf(text) {
  const tests = text.split(",").filter(Boolean).map((part) => {
    const [low, high] = part.includes("..") ? part.split("..") : [part, part];
    const from = low ? numberFrom(low) : -Infinity, to = high ? numberFrom(high) : Infinity;
    return (value) => value >= from && value <= to;
  });
  return (value) => tests.some((test) => test(value));
}

// What one term asks for: a function of the unit that says whether it fits.
function termTest(term) {
  const match = /^([a-z_]+)(<=|>=|!=|<|>|=)(.*)$/.exec(term);
  if (!match) {
    if (/^\d+$/.test(term)) return (unit) => units.unit[unit] === Number(term);
    return (unit) => units.label[unit].includes(term) || units.why[unit].toLowerCase().includes(term);
  }
  const column = units[columnNamed(match[1])], operator = match[2], wanted = match[3];
  if (!wanted) throw new Error(`“${term}” ends too early: a value is missing.`);
  const negated = operator === "!=";
  if (column.some((value) => typeof value === "string")) return (unit) => (column[unit] ?? "").toLowerCase().includes(wanted) !== negated;
  if (operator === "=" || negated) {
    const test = oneOf(wanted);
    return (unit) => column[unit] !== null && test(column[unit]) !== negated;
  }
  const limit = numberFrom(wanted);
  const compare = { "<": (v) => v < limit, "<=": (v) => v <= limit, ">": (v) => v > limit, ">=": (v) => v >= limit }[operator];
  return (unit) => column[unit] !== null && compare(column[unit]);
}

// The tests of all terms, and what is wrong with those that cannot be understood, which are left out.
function parseQuery(text) {
  const tight = text.toLowerCase().replace(/\s*(<=|>=|!=|=|<|>)\s*/g, "$1").replace(/\s*,\s*/g, ",");
  const tests = [], wrong = [];
  for (const term of tight.split(/\s+/).filter(Boolean)) {
    try {
      tests.push(termTest(term));
    } catch (error) {
      wrong.push(error.message);
    }
  }
  return { tests, wrong };
}

function applyFilters() {
  const { tests, wrong } = parseQuery(document.getElementById("query").value);
  const labels = new Set(new FormData(filters).getAll("label"));
  const fits = (unit) => labels.has(units.label[unit]) && tests.every((test) => test(unit));
  for (const row of rows) row.hidden = !fits(Number(row.dataset.unit));
  showOrder();
  says.classList.toggle("wrong", wrong.length > 0);
  if (wrong.length) says.textContent = wrong.join(" ");
  drawOverview();
}

function sortKey(column) {
  const values = units[column];
  return column === "label" ? values.map((label) => LABEL_ORDER[label]) : values;
}

// Rows in order of the chosen column; values that are not known come last in both directions.
function applySort() {
  const keys = sortKey(sorting.column);
  const compare = (a, b) => {
    const [i, j] = [Number(a.dataset.unit), Number(b.dataset.unit)], [u, v] = [keys[i], keys[j]];
    const order = typeof u === "string" ? u.localeCompare(v) : u - v;
    return (u === null) - (v === null) || (u === null ? 0 : order * sorting.direction) || i - j;
  };
  rows.sort(compare);
  table.tBodies[0].append(...rows);
  for (const head of table.tHead.rows[0].cells) {
    const ours = head.dataset.column === sorting.column;
    if (ours) head.setAttribute("aria-sort", sorting.direction > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
  showOrder();
}

function showOrder() {
  shown = rows.filter((row) => !row.hidden).map((row) => Number(row.dataset.unit));
  const all = nUnits === 1 ? "1 unit" : `${nUnits} units`;
  says.textContent = shown.length === nUnits ? all : `${shown.length} of ${all}`;
}

function sortBy(column) {
  // Numbers start with the largest, names and unit numbers with the first.
  const rising = column === "unit" || typeof sortKey(column).find((v) => v !== null) === "string" || column === "label";
  sorting.direction = sorting.column === column ? -sorting.direction : rising ? 1 : -1;
  sorting.column = column;
  applySort();
}

const inView = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      inView.add(target);
      drawThumbnails(target);
    } else inView.delete(target);
  }
}, { rootMargin: "200px" });

function showUnits(numbers) {
  filters.reset();
  document.getElementById("query").value = `unit=${numbers}`;
  applyFilters();
  document.getElementById("units").scrollIntoView();
}

function startTable() {
  if (!table) return;
  filters.hidden = false;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", (event) => event.target.id === "all-columns" || applyFilters());
  filters.addEventListener("reset", () => setTimeout(() => { table.classList.remove("all"); applyFilters(); }));
  document.getElementById("all-columns").addEventListener("change", (event) => table.classList.toggle("all", event.target.checked));
  for (const head of table.tHead.querySelectorAll("th[data-column]"))
    head.firstElementChild.addEventListener("click", () => sortBy(head.dataset.column));
  table.tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(window.getSelection())) openUnit(Number(row.dataset.unit));
  });
  for (const button of document.querySelectorAll("button.show")) {
    button.hidden = false;
    button.addEventListener("click", () => showUnits(button.dataset.units));
  }
  for (const row of rows) watcher.observe(row);
  applySort();
}
