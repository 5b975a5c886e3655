// @ts-check
// Drawing on a canvas: sharp lines on every screen, axes with round ticks. No function here looks at anything but its arguments.

/**
 * @typedef {{ctx: CanvasRenderingContext2D, width: number, height: number, ratio: number}} Pen
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 * @typedef {[number, number]} Range
 * @typedef {{ink: string, soft: string, line: string, paper: string, shade: string, labels: Record<string, string>, units: string[]}} Colours
 */

export const FONT = "11px system-ui, 'Liberation Sans', sans-serif";

/** A context in CSS pixels over the whole canvas, empty; null while the canvas is not shown. @param {HTMLCanvasElement} canvas @returns {Pen | null} */
export function pen(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ctx = canvas.getContext("2d");
  if (!width || !height || !ctx) return null;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  ctx.scale(ratio, ratio);
  ctx.font = FONT;
  ctx.lineJoin = "round";
  return { ctx, width, height, ratio };
}

/** @param {Range} range @param {number} most @returns {number[]} */
export function ticks([low, high], most) {
  const rough = (high - low) / Math.max(1, most);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + step * 1e-6; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** The largest of 1, 2, 5, 10, 20 ... that is not above a value. @param {number} value */
export function roundBelow(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((m) => m * power).find((m) => m <= value * 1.001) ?? power;
}

/** @param {number} value */
export function plain(value) {
  return Math.abs(value) >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(6)));
}

/** @param {Range} range @param {number} from @param {number} to @returns {(value: number) => number} */
export function linear([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low || 1)) * (to - from);
}

/** @param {CanvasRenderingContext2D} ctx @param {[number, number][]} points */
export function line(ctx, points) {
  ctx.beginPath();
  points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.stroke();
}

/** Round values of a logarithmic axis. @param {Range} range @param {number} most @returns {number[]} */
export function logTicks([low, high], most) {
  const inside = (/** @type {number[]} */ multiples) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const m of multiples) if (m * 10 ** p >= low && m * 10 ** p <= high) found.push(Number((m * 10 ** p).toPrecision(3)));
    return found;
  };
  const choices = [[1, 2, 5], [1, 3], [1]].map(inside);
  // A range of less than a factor of two or three has no two of these: it is as good as linear.
  return choices.find((found) => found.length <= most && found.length > 1) ?? ticks([low, high], most / 2);
}

/** @param {Range} range @param {boolean} isLog @param {number} from @param {number} to @returns {(value: number) => number} */
function scale([low, high], isLog, from, to) {
  if (!isLog) return linear([low, high], from, to);
  const place = linear([Math.log(low), Math.log(high)], from, to);
  return (value) => place(Math.log(value));
}

/**
 * Axes around a box; the returned x and y take a value to its place.
 * @param {Pen} pen @param {Box} box
 * @param {{x: Range, y: Range, xLabel?: string, yLabel?: string, xLog?: boolean, yLog?: boolean, xTicks?: number[], yTicks?: number[]}} what
 * @param {Colours} colours
 */
export function axes({ ctx }, box, { x, y, xLabel = "", yLabel = "", xLog = false, yLog = false, xTicks, yTicks }, colours) {
  const px = scale(x, xLog, box.left, box.right), py = scale(y, yLog, box.bottom, box.top), width = box.right - box.left, height = box.bottom - box.top;
  ctx.strokeStyle = colours.line;
  ctx.fillStyle = colours.soft;
  ctx.lineWidth = 1;
  ctx.strokeRect(box.left + 0.5, box.top + 0.5, width, height);
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const tick of xTicks ?? (xLog ? logTicks(x, width / 44) : ticks(x, width / 60))) {
    line(ctx, [[px(tick), box.bottom], [px(tick), box.bottom + 4]]);
    ctx.fillText(plain(tick), px(tick), box.bottom + 5);
  }
  if (xLabel) ctx.fillText(xLabel, (box.left + box.right) / 2, box.bottom + 18);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const tick of yTicks ?? (yLog ? logTicks(y, height / 20) : ticks(y, height / 26))) {
    line(ctx, [[box.left - 4, py(tick)], [box.left, py(tick)]]);
    ctx.fillText(plain(tick), box.left - 6, py(tick));
  }
  if (yLabel) {
    ctx.save();
    ctx.translate(Math.max(9, box.left - 42), (box.top + box.bottom) / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.textAlign = "center";
    ctx.fillText(yLabel, 0, 0);
    ctx.restore();
  }
  return { x: px, y: py };
}

/** @param {Pen} pen @param {string} sentence @param {Colours} colours */
export function say({ ctx, width, height }, sentence, colours) {
  ctx.fillStyle = colours.soft;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(sentence, width / 2, height / 2);
}
