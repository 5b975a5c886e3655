// Drawing on a canvas: sharp lines on every screen, axes with round ticks, colours from the style sheet.

const palette = new Map(); // colours of the style sheet, asked for once a theme

function colour(name) {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return palette.get(name);
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  palette.clear();
}

function dark() {
  return document.documentElement.dataset.theme === "dark";
}

// A context in CSS pixels over the whole canvas, empty; null while the canvas is not shown.
function pen(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.font = "11px system-ui, 'Liberation Sans', sans-serif";
  ctx.lineJoin = "round";
  return { ctx, width, height, ratio };
}

function ticks([low, high], most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + step * 1e-6; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function logTicks([low, high], most) {
  const inside = (multiples) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const m of multiples) if (m * 10 ** p >= low && m * 10 ** p <= high) found.push(m * 10 ** p);
    return found;
  };
  const choices = [[1, 2, 5], [1, 3], [1]].map(inside);
  // A range of less than a factor of two or three has no two of these: it is as good as linear.
  return choices.find((found) => found.length <= most && found.length > 1) ?? ticks([low, high], most / 2);
}

// The largest of 1, 2, 5, 10, 20 ... that is not above a value.
function roundBelow(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((m) => m * power).find((m) => m <= value * 1.001);
}

function plain(value) {
  return Math.abs(value) >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(6)));
}

// Axes in a box; the returned x and y take a value to its place. `box`: left, top, right, bottom in pixels.
function axes({ ctx }, box, { x, y, xLabel = "", yLabel = "", xLog = false, yLog = false, xTicks, yTicks }) {
  const place = ([low, high], log, from, to) => {
    const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
    return (value) => from + (((log ? Math.log(value) : value) - a) / (b - a || 1)) * (to - from);
  };
  const px = place(x, xLog, box.left, box.right), py = place(y, yLog, box.bottom, box.top);
  ctx.strokeStyle = colour("line");
  ctx.fillStyle = colour("soft");
  ctx.lineWidth = 1;
  ctx.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  const across = xTicks ?? (xLog ? logTicks(x, (box.right - box.left) / 34) : ticks(x, (box.right - box.left) / 60));
  for (const tick of across) {
    line(ctx, [[px(tick), box.bottom], [px(tick), box.bottom + 4]]);
    ctx.fillText(plain(tick), px(tick), box.bottom + 6);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const up = yTicks ?? (yLog ? logTicks(y, (box.bottom - box.top) / 20) : ticks(y, (box.bottom - box.top) / 32));
  for (const tick of up) {
    line(ctx, [[box.left - 4, py(tick)], [box.left, py(tick)]]);
    ctx.fillText(plain(tick), box.left - 6, py(tick));
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(xLabel, (box.left + box.right) / 2, box.bottom + 31);
  ctx.save();
  ctx.translate(11, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(yLabel, 0, 0);
  ctx.restore();
  return { x: px, y: py };
}

function line(ctx, points) {
  ctx.beginPath();
  points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.stroke();
}

// The mark of a label: circle, triangle or cross, the same in every figure.
function mark(ctx, label, x, y, r) {
  ctx.beginPath();
  if (label === "good") ctx.arc(x, y, r, 0, 2 * Math.PI);
  else if (label === "mua") { ctx.moveTo(x, y - 1.15 * r); ctx.lineTo(x + r, y + 0.75 * r); ctx.lineTo(x - r, y + 0.75 * r); ctx.closePath(); }
  else { ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r); ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r); }
  if (label === "noise") ctx.stroke();
  else ctx.fill();
}

function say(ctx, width, height, sentence) {
  ctx.fillStyle = colour("soft");
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(sentence, width / 2, height / 2);
}

// Colours of amplitudes, 256 of [r, g, b]: small ones near the paper, large ones far from it, in both themes.
function amplitudeColours() {
  const stops = dark() ? data.colours : [...data.colours].reverse();
  const parsed = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (parsed.length - 1), k = Math.min(parsed.length - 2, Math.floor(at));
    return parsed[k].map((c, j) => Math.round(c + (at - k) * (parsed[k + 1][j] - c)));
  });
}
