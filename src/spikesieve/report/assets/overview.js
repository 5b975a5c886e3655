// The figures of the whole sorting: units on the probe, spike raster, amplitude against rate, histograms.

const clickable = new Map(); // canvas id -> [{unit, x, y, r}] as drawn last
const rasterBases = new Map(); // canvas id -> its spikes without a chosen unit, kept between drawings

function drawOverview() {
  drawMap();
  drawRaster();
  drawDrift();
  drawScatter();
  document.querySelectorAll("canvas.histogram").forEach((canvas) => drawHistogram(canvas, data.histograms[canvas.dataset.index]));
}

// Markers of units; those not in the table are pale, the open one has a ring.
function drawUnits({ ctx }, canvas, places) {
  const inTable = new Set(shown);
  for (const { unit, x, y, r } of places) {
    ctx.globalAlpha = inTable.has(unit) ? 0.8 : 0.15;
    ctx.fillStyle = ctx.strokeStyle = colour(units.label[unit]);
    ctx.lineWidth = 1.6;
    mark(ctx, units.label[unit], x, y, r);
  }
  ctx.globalAlpha = 1;
  const chosen = places.find(({ unit }) => unit === openedUnit());
  if (chosen) {
    ctx.strokeStyle = colour("select");
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    ctx.arc(chosen.x, chosen.y, chosen.r + 4, 0, 2 * Math.PI);
    ctx.stroke();
  }
  clickable.set(canvas.id, places);
  drawNumbers(ctx, places.filter(({ unit }) => inTable.has(unit)));
}

// The numbers of the units beside their markers, as long as there is room.
function drawNumbers(ctx, places) {
  ctx.fillStyle = colour("ink");
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const taken = places.map(({ x, y, r }) => [x - r, y - r, x + r, y + r]);
  for (const { unit, x, y, r } of places) {
    const left = x + r + 2, right = left + ctx.measureText(units.unit[unit]).width;
    const hit = taken.some(([l, t, r2, b]) => left < r2 && right > l && y - 5 < b && y + 5 > t);
    if (hit) continue;
    taken.push([left, y - 5, right, y + 5]);
    ctx.fillText(units.unit[unit], left, y);
  }
}

function drawMap() {
  const canvas = document.getElementById("map"), drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing;
  if (!nUnits) say(drawing, "No units were found.", colours());
  const order = units.unit.map((_, i) => i).sort((a, b) => units.amplitude_uv[b] - units.amplitude_uv[a]);
  const room = { left: 52, top: 8, right: width - 8, bottom: height - 38 };
  const place = data.probe.x_um.length === 1 ? unitsBySize(drawing, room, order) : probeMap(drawing, room);
  const crowd = Math.min(1, Math.sqrt(60 / Math.max(1, nUnits)));
  const largest = units.amplitude_uv[order[0]] || 1;
  const places = order.filter((unit) => units.x_um[unit] !== null && units.y_um[unit] !== null).map((unit) => ({
    unit, ...place(unit), r: (2.5 + 8 * Math.sqrt((units.amplitude_uv[unit] || 0) / largest)) * crowd,
  }));
  drawUnits(drawing, canvas, places);
}

// One contact has no map: its units stand side by side at their amplitudes, largest first.
function unitsBySize(drawing, room, order) {
  const top = 1.15 * (units.amplitude_uv[order[0]] || 1);
  const at = axes(drawing, room, { x: [-0.7, Math.max(2, order.length - 0.3)], y: [0, top], xTicks: [], xLabel: "units, largest first", yLabel: `amplitude (${data.uv})` }, colours());
  return (unit) => ({ x: at.x(order.indexOf(unit)), y: at.y(units.amplitude_uv[unit] || 0) });
}

// The contacts; the returned function takes a unit to its place. Shanks stand closer together than they are.
function probeMap(drawing, room) {
  const { ctx } = drawing, { x_um: xs, y_um: ys, shank: shanks } = data.probe;
  const names = [...new Set(shanks)].sort((a, b) => a - b), one = names.length === 1;
  const spans = names.map((name) => {
    const of = (values, own) => values.filter((_, i) => own[i] === name);
    return padded([...of(xs, shanks), ...of(units.x_um, units.shank)], 0.12);
  });
  const slot = Math.max(...spans.map(([low, high]) => high - low));
  const moved = (um, shank) => { const k = names.indexOf(shank), [low, high] = spans[k]; return one ? um : um - (low + high) / 2 + k * slot; };
  let x = one ? spans[0] : [-slot / 2, (names.length - 0.5) * slot], y = data.depth_um;
  const perUm = Math.min((room.right - room.left) / (x[1] - x[0]), (room.bottom - room.top) / (y[1] - y[0]));
  // A probe that is not slender keeps its proportions; a slender one is stretched across.
  const slender = y[1] - y[0] > 2.5 * (x[1] - x[0]);
  if (!slender) {
    x = widened(x, (room.right - room.left) / perUm);
    y = widened(y, (room.bottom - room.top) / perUm);
  }
  const label = slender ? "across the probe (µm, stretched)" : "across the probe (µm)";
  const at = axes(drawing, room, { x, y, xLabel: one ? label : "", xTicks: one ? undefined : [], yLabel: "depth (µm)" }, colours());
  const size = xs.length > 64 ? 2.5 : 5;
  ctx.fillStyle = colour("line");
  xs.forEach((um, i) => ctx.fillRect(at.x(moved(um, shanks[i])) - size / 2, at.y(ys[i]) - size / 2, size, size));
  if (!one) nameShanks(ctx, at, room, names, slot);
  return (unit) => ({ x: at.x(moved(units.x_um[unit], units.shank[unit])), y: at.y(units.y_um[unit]) });
}

// The numbers of the shanks below them, as many as have room.
function nameShanks(ctx, at, room, names, slot) {
  const every = Math.ceil(16 / (at.x(slot) - at.x(0)));
  ctx.fillStyle = colour("soft");
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  names.forEach((name, k) => { if (k % every === 0) ctx.fillText(name, at.x(k * slot), room.bottom + 6); });
  ctx.fillText("shanks, closer together than they are", (room.left + room.right) / 2, room.bottom + 22);
}

function padded(values, share) {
  const known = values.filter((v) => v !== null);
  const low = Math.min(...known), high = Math.max(...known), pad = Math.max(5, (high - low) * share);
  return [low - pad, high + pad];
}

function widened([low, high], span) {
  const middle = (low + high) / 2;
  return [middle - span / 2, middle + span / 2];
}

function drawRaster() {
  const shank = document.getElementById("raster-shank")?.value ?? "";
  drawSpikes("raster", { depth: array("raster_depth").values, step: 1, range: data.depth_um, shank });
}

// Spikes by time and depth on a canvas. `depth`: codes of every step-th spike; `range`: the depths that are shown.
function drawSpikes(id, view) {
  const canvas = document.getElementById(id), drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height, ratio } = drawing;
  const box = { left: 52, top: 8, right: width - 62, bottom: height - 38 };
  const at = axes(drawing, box, { x: data.span_s, y: view.range, xLabel: "time (s)", yLabel: data.raster_label }, colours());
  if (!view.depth.length) return say(drawing, "No spikes were found.", colours());
  drawGaps(ctx, at, box);
  const chosen = openedUnit();
  const key = [width, height, ratio, dark(), view.shank].join();
  if (rasterBases.get(id)?.key !== key) rasterBases.set(id, { key, picture: rasterPicture(box, ratio, view) });
  ctx.globalAlpha = chosen === null ? 1 : 0.25;
  ctx.drawImage(rasterBases.get(id).picture, box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.globalAlpha = 1;
  if (chosen !== null) drawChosen(ctx, at, view, chosen);
  drawColourBar(ctx, { left: width - 52, top: box.top, right: width - 42, bottom: box.bottom });
}

function drawChosen(ctx, at, { depth, step, range }, chosen) {
  const time = array("raster_time").values, unit = array("raster_unit").values;
  ctx.fillStyle = colour("select");
  for (let j = 0, i = 0; j < depth.length; j++, i += step) {
    const um = decode(depth[j], data.depth_um);
    if (unit[i] === chosen && um >= range[0] && um <= range[1]) ctx.fillRect(at.x(decode(time[i], data.span_s)) - 1, at.y(um) - 1, 2.2, 2.2);
  }
}

// All shown spikes as a picture of its own, one small square each, large amplitudes on top.
function rasterPicture(box, ratio, { depth, step, range, shank }) {
  const width = Math.max(1, Math.round((box.right - box.left) * ratio)), height = Math.max(1, Math.round((box.bottom - box.top) * ratio));
  const picture = document.createElement("canvas");
  picture.width = width;
  picture.height = height;
  const ctx = picture.getContext("2d"), image = ctx.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const shades = Uint32Array.from(amplitudeColours(), ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r);
  const time = array("raster_time").values, amplitude = array("raster_amplitude").values, unit = array("raster_unit").values;
  const [low, high] = range.map((um) => ((um - data.depth_um[0]) / (data.depth_um[1] - data.depth_um[0])) * (MISSING - 1));
  const levels = Array.from({ length: 256 }, () => []);
  let drawn = 0;
  for (let j = 0, i = 0; j < depth.length; j++, i += step) {
    const code = depth[j];
    if (code === MISSING || code < low || code > high || (shank !== "" && String(units.shank[unit[i]]) !== shank)) continue;
    levels[amplitude[i]].push(j);
    drawn++;
  }
  const size = Math.max(1, Math.round(ratio * Math.min(4, Math.max(1, Math.sqrt(60000 / drawn)))));
  levels.forEach((spikes, level) => {
    for (const j of spikes) {
      const left = Math.round((time[j * step] / (MISSING - 1)) * (width - size)), top = Math.round((1 - (depth[j] - low) / (high - low)) * (height - size));
      for (let y = top; y < top + size; y++) pixels.fill(shades[level], y * width + left, y * width + left + size);
    }
  });
  ctx.putImageData(image, 0, 0);
  return picture;
}

// Times that were not sorted.
function drawGaps(ctx, at, box) {
  ctx.fillStyle = colour("shade");
  data.segments_s.slice(1).forEach(([start], i) => {
    const [from, to] = [at.x(data.segments_s[i][1]), at.x(start)];
    if (to > from) ctx.fillRect(from, box.top + 1, to - from, box.bottom - box.top - 1);
  });
}

function drawColourBar(ctx, box) {
  const height = box.bottom - box.top, bar = amplitudeColours();
  for (let i = 0; i < height; i++) {
    const [r, g, b] = bar[Math.floor((i / height) * 255)];
    ctx.fillStyle = `rgb(${r},${g},${b})`;
    ctx.fillRect(box.left, box.bottom - i - 1, box.right - box.left, 1.5);
  }
  ctx.fillStyle = colour("soft");
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const range = data.raster_amplitude_uv;
  const y = (value) => box.bottom - (Math.log(value / range[0]) / Math.log(range[1] / range[0])) * height;
  for (const tick of logTicks(range, 10)) ctx.fillText(plain(tick), box.right + 4, y(tick));
  ctx.fillText(data.uv, box.left, box.bottom + 27);
}

function drawScatter() {
  const canvas = document.getElementById("scatter"), drawing = canvas && pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing;
  const known = units.unit.map((_, row) => row).filter((unit) => units.firing_rate_hz[unit] > 0 && units.amplitude_uv[unit] > 0);
  if (!known.length) return say(drawing, "Not known for any unit.", colours());
  const span = (values) => [Math.min(...values) / 1.6, Math.max(...values) * 1.6];
  const at = axes(drawing, { left: 48, top: 6, right: width - 10, bottom: height - 36 }, {
    x: span(known.map((u) => units.firing_rate_hz[u])), y: span(known.map((u) => units.amplitude_uv[u])), xLog: true, yLog: true,
    xLabel: "rate (Hz)", yLabel: `amplitude (${data.uv})`,
  }, colours());
  const r = nUnits > 150 ? 2.5 : 4;
  drawUnits(drawing, canvas, known.map((unit) => ({ unit, x: at.x(units.firing_rate_hz[unit]), y: at.y(units.amplitude_uv[unit]), r })));
}

// Bars stacked by label, good ones at the bottom.
function drawHistogram(canvas, histogram) {
  const drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing;
  const labels = Object.keys(histogram.counts), edges = histogram.edges;
  const totals = edges.slice(1).map((_, i) => labels.reduce((sum, label) => sum + histogram.counts[label][i], 0));
  const top = Math.max(...totals);
  if (!top) return say(drawing, "Not known for any unit.", colours());
  const at = axes(drawing, { left: 40, top: 6, right: width - 10, bottom: height - 36 }, {
    x: [edges[0], edges.at(-1)], y: [0, top * 1.06], xLog: histogram.log, xLabel: histogram.label, yLabel: "units",
    yTicks: ticks([0, top], Math.min(4, top)),
  }, colours());
  const height0 = edges.slice(1).map(() => 0);
  for (const label of labels) {
    ctx.fillStyle = colour(label);
    histogram.counts[label].forEach((count, i) => {
      if (!count) return;
      const left = at.x(edges[i]), right = at.x(edges[i + 1]);
      ctx.fillRect(left + 0.5, at.y(height0[i] + count), right - left - 1, at.y(height0[i]) - at.y(height0[i] + count) - 0.5);
      height0[i] += count;
    });
  }
}

// The unit whose marker lies under the mouse, or null.
function unitAt(canvas, event) {
  const near = (clickable.get(canvas.id) ?? [])
    .map(({ unit, x, y, r }) => ({ unit, gap: Math.hypot(x - event.offsetX, y - event.offsetY) - r }))
    .filter(({ gap }) => gap < 6)
    .sort((a, b) => a.gap - b.gap);
  return near.length ? near[0].unit : null;
}

function describe(unit) {
  const uv = units.amplitude_uv[unit];
  return `unit ${units.unit[unit]}, ${units.label[unit]}, ${uv === null ? "?" : uv.toFixed(0)} ${data.uv}, ${units.firing_rate_hz[unit].toPrecision(3)} Hz`;
}

function startOverview() {
  for (const canvas of document.querySelectorAll("#map, #scatter")) {
    canvas.addEventListener("mousemove", (event) => {
      const unit = unitAt(canvas, event);
      canvas.title = unit === null ? "" : describe(unit);
    });
    canvas.addEventListener("click", (event) => {
      const unit = unitAt(canvas, event);
      if (unit !== null) openUnit(unit);
    });
  }
  document.getElementById("raster").addEventListener("click", (event) => {
    const unit = spikeAt(event);
    if (unit !== null) openUnit(unit);
  });
  document.getElementById("raster-shank")?.addEventListener("change", drawRaster);
  const [drawn, all] = [array("raster_time").values.length, data.n_spikes];
  document.getElementById("raster-says").textContent = drawn < all ? `${drawn.toLocaleString("en")} of ${all.toLocaleString("en")}, evenly spaced` : "";
}

// The unit of the spike nearest to a click in the raster, or null when none is within 6 pixels.
function spikeAt(event) {
  const canvas = document.getElementById("raster");
  const px = linear(data.span_s, 52, canvas.clientWidth - 62), py = linear(data.depth_um, canvas.clientHeight - 38, 8);
  const time = array("raster_time").values, depth = array("raster_depth").values, unit = array("raster_unit").values;
  let best = null, least = 6;
  for (let i = 0; i < time.length; i++) {
    const gap = Math.hypot(px(decode(time[i], data.span_s)) - event.offsetX, py(decode(depth[i], data.depth_um)) - event.offsetY);
    if (gap < least) [best, least] = [unit[i], gap];
  }
  return best;
}
