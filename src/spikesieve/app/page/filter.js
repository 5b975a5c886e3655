// @ts-check
// The filter of the unit table: the grammar of report.html. "good snr>5 depth=100..300 refractory"

/** @typedef {import("./store.js").Row} Row */

/** Phy's names of columns. @type {Record<string, string>} */
const OF_PHY = { group: "label", id: "unit", ch: "file_channel", sh: "shank", fr: "firing_rate_hz", amp: "amplitude_uv" };

/**
 * The column that a name means: itself, or the only one that starts with it or has it in its name.
 * @param {string} name @param {string[]} columns
 */
function columnNamed(name, columns) {
  if (name in OF_PHY) return OF_PHY[name];
  if (columns.includes(name)) return name;
  const fitting = [columns.filter((n) => n.startsWith(name)), columns.filter((n) => n.includes(name))].find((fits) => fits.length);
  if (!fitting) throw new Error(`There is no column “${name}”.`);
  const shortest = fitting.reduce((a, b) => (b.length < a.length ? b : a));
  if (!fitting.every((n) => n.startsWith(shortest))) throw new Error(`“${name}” can be ${fitting.join(" or ")}.`);
  return shortest;
}

/** @param {string} text */
function numberFrom(text) {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!text.trim() || Number.isNaN(value)) throw new Error(`“${text}” is no number.`);
  return value;
}

/** A test of one value against "5", "3,7,12" or "100..300". @param {string} text @returns {(value: number) => boolean} */
function oneOf(text) {
  const tests = text.split(",").filter(Boolean).map((part) => {
    const [low, high] = part.includes("..") ? part.split("..") : [part, part];
    const from = low ? numberFrom(low) : -Infinity, to = high ? numberFrom(high) : Infinity;
    return (/** @type {number} */ value) => value >= from && value <= to;
  });
  return (value) => tests.some((test) => test(value));
}

/** What one term asks for. @param {string} term @param {string[]} columns @returns {(row: Row) => boolean} */
function termTest(term, columns) {
  const match = /^([a-z_]+)(<=|>=|!=|<|>|=)(.*)$/.exec(term);
  if (!match) {
    if (/^\d+$/.test(term)) return (row) => row.unit === Number(term);
    return (row) => [row.label, row.why, ...Object.values(row.texts)].some((text) => text.toLowerCase().includes(term));
  }
  const column = columnNamed(match[1], columns), operator = match[2], wanted = match[3];
  if (!wanted) throw new Error(`“${term}” ends too early: a value is missing.`);
  const negated = operator === "!=";
  if (operator === "=" || negated) {
    /** @type {((value: number) => boolean) | null} */
    const test = /^[\d.,%e+-]+$/.test(wanted) ? oneOf(wanted) : null;
    return (row) => {
      const value = row[column] ?? row.texts[column];
      if (typeof value === "string") return value.toLowerCase().includes(wanted) !== negated;
      return value !== null && value !== undefined && test !== null && test(value) !== negated;
    };
  }
  const limit = numberFrom(wanted);
  const compare = { "<": (/** @type {number} */ v) => v < limit, "<=": (/** @type {number} */ v) => v <= limit, ">": (/** @type {number} */ v) => v > limit, ">=": (/** @type {number} */ v) => v >= limit }[operator];
  return (row) => row[column] !== null && compare !== undefined && compare(row[column]);
}

/**
 * The test of all terms, and what is wrong with those that cannot be understood, which are left out.
 * @param {string} text @param {string[]} columns
 * @returns {{fits: (row: Row) => boolean, wrong: string[]}}
 */
export function parseFilter(text, columns) {
  const tight = text.toLowerCase().replace(/\s*&&\s*/g, " ").replace(/==/g, "=").replace(/['"]/g, "").replace(/\s*(<=|>=|!=|=|<|>)\s*/g, "$1").replace(/\s*,\s*/g, ",");
  /** @type {((row: Row) => boolean)[]} */
  const tests = [];
  /** @type {string[]} */
  const wrong = [];
  for (const term of tight.split(/\s+/).filter(Boolean)) {
    try {
      tests.push(termTest(term, columns));
    } catch (error) {
      wrong.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { fits: (row) => tests.every((test) => test(row)), wrong };
}
