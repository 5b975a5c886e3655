// The panel of one unit.

const panel = document.getElementById("detail");
const byId = (id) => document.getElementById(id);
let opened = null;

function openedUnit() {
  return opened;
}

function openUnit(unit) {
  markRow(false);
  opened = unit;
  panel.hidden = false;
  document.body.classList.add("with-detail");
  markRow(true);
  history.replaceState(null, "", `#unit-${units.unit[unit]}`);
  byId("detail-title").textContent = `Unit ${units.unit[unit]}: ${units.label[unit]}`;
  byId("detail-why").textContent = `Labelled ${units.label[unit]}: ${units.why[unit]}.`;
  byId("detail-facts").replaceChildren(...facts(unit));
  const place = shown.indexOf(unit);
  byId("previous").disabled = place === 0;
  byId("next").disabled = place === shown.length - 1;
  const nearest = units.nearest_unit[unit];
  byId("nearest").hidden = nearest === null;
  byId("nearest").textContent = `${nearest}`;
  drawDetail();
  requestAnimationFrame(drawOverview);
  panel.scrollTop = 0;
  byId("detail-title").focus({ preventScroll: true });
}

function closeUnit() {
  if (opened === null) return;
  const row = rowByUnit.get(opened);
  markRow(false);
  opened = null;
  panel.hidden = true;
  document.body.classList.remove("with-detail");
  history.replaceState(null, "", location.pathname + location.search);
  row?.querySelector("button.open").focus();
  drawOverview();
}

function markRow(on) {
  const row = opened === null ? null : rowByUnit.get(opened);
  if (!row) return;
  row.classList.toggle("chosen", on);
  row.querySelector("button.open").setAttribute("aria-expanded", String(on));
  if (on && !row.hidden) row.scrollIntoView({ block: "nearest" });
}

// The neighbour in the table as it is sorted and filtered now.
function step(by) {
  const place = shown.indexOf(opened);
  const next = shown[place < 0 ? 0 : place + by];
  if (next !== undefined) openUnit(next);
}

function fact(what, value, small = "") {
  const box = document.createElement("div"), term = document.createElement("dt"), text = document.createElement("dd");
  term.textContent = what;
  text.textContent = value;
  if (small) text.append(" ", Object.assign(document.createElement("small"), { textContent: small }));
  box.append(term, text);
  return box;
}

function facts(unit) {
  const text = (column) => textOf(unit, column);
  const known = (column) => units[column][unit] !== null;
  return [
    fact("spikes", text("n_spikes")),
    fact("rate", `${text("firing_rate_hz")} Hz`),
    fact("amplitude", `${text("amplitude_uv")} ${data.uv}`),
    fact("SNR", text("snr")),
    fact("contamination", text("contamination"), known("contamination") ? `95 %: ${text("contamination_low")} to ${text("contamination_high")}` : ""),
    fact("refractory rate", text("refractory_ratio"), `of the rate around it (R); so few by chance: Q ${text("refractory_probability")}`),
    fact("presence", text("presence")),
    fact("cell type", text("cell_type")),
    fact("channel", text("file_channel"), data.n_shanks > 1 ? `shank ${text("shank")}` : ""),
    fact("x, y", `${text("x_um")}, ${text("y_um")} µm`),
    fact("nearest unit", text("nearest_unit"), known("nearest_unit") ? `similarity ${text("nearest_similarity")}` : ""),
  ];
}

function drawDetail() {
  if (opened === null) return;
  drawDetailTemplate(opened);
  drawAcg(opened);
  drawCcg(opened);
  drawAmplitude(opened);
  drawRate(opened);
}

function drawDetailTemplate(unit) {
  const canvas = byId("detail-template"), drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, nearest = units.nearest_unit[unit], other = nearest === null ? null : rowOfNumber.get(nearest);
  const bar = drawTemplate(ctx, { left: 4, top: 4, right: width - 4, bottom: height - 26 }, unit, { most: 16, overlap: 2.4, other, labels: true });
  byId("template-says").textContent = nearest === null ? "numbers: channels" : `numbers: channels; dashed: unit ${nearest}`;
  canvas.setAttribute("aria-label", `Mean waveform of unit ${units.unit[unit]} on the contacts near it, ${textOf(unit, "amplitude_uv")} ${data.uv} peak to peak.`);
  if (!bar) return say(drawing, "No template was measured.", colours());
  const uv = roundBelow(50 / bar.perUv), ms = roundBelow(70 / bar.perMs);
  const [left, bottom] = [width - 90, height - 8];
  ctx.strokeStyle = ctx.fillStyle = colour("ink");
  ctx.lineWidth = 1.5;
  line(ctx, [[left, bottom - uv * bar.perUv], [left, bottom], [left + ms * bar.perMs, bottom]]);
  ctx.font = "11px system-ui, 'Liberation Sans', sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText(`${plain(uv)} ${data.uv}`, left - 4, bottom - (uv * bar.perUv) / 2);
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.fillText(`${plain(ms)} ms`, left + 4, bottom - 2);
}

function drawCorrelogram(canvas, lags, counts, fill) {
  const drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, top = Math.max(...counts, 1) * 1.06;
  const box = { left: 46, top: 6, right: width - 6, bottom: height - 36 };
  const at = axes(drawing, box, { x: [-data.lag_ms - 0.5, data.lag_ms + 0.5], y: [0, top], xLabel: "lag (ms)", yLabel: "pairs", yTicks: ticks([0, top], Math.min(4, top)) }, colours());
  ctx.fillStyle = colour("shade");
  ctx.fillRect(at.x(-1.5), box.top + 1, at.x(1.5) - at.x(-1.5), box.bottom - box.top - 1);
  drawBars(ctx, at.x, at.y, lags, counts, fill);
}

function drawAcg(unit) {
  const { lags, counts } = mirrored(unit);
  drawCorrelogram(byId("detail-acg"), lags, counts, colour(units.label[unit]));
  byId("detail-acg").setAttribute("aria-label", `Autocorrelogram of unit ${units.unit[unit]}: ${counts.at(-data.lag_ms)} pairs at 1 ms, ${Math.max(...counts)} at most.`);
}

function drawCcg(unit) {
  const canvas = byId("detail-ccg"), nearest = units.nearest_unit[unit];
  if (nearest === null) {
    const drawing = pen(canvas);
    if (drawing) say(drawing, "There is no other unit.", colours());
    canvas.setAttribute("aria-label", "There is no other unit.");
    return;
  }
  const counts = Array.from(rowOf("ccgs", unit));
  drawCorrelogram(canvas, counts.map((_, i) => i - data.lag_ms), counts, colour("soft"));
  canvas.setAttribute("aria-label", `Cross-correlogram of unit ${units.unit[unit]} and unit ${nearest}, ${Math.max(...counts)} pairs at most.`);
}

function drawAmplitude(unit) {
  const canvas = byId("detail-amplitude"), drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, points = amplitudesOf(unit), range = amplitudeRange(unit);
  const box = { left: 52, top: 6, right: width - 70, bottom: height - 36 };
  const at = axes(drawing, box, { x: data.span_s, y: range, xLabel: "time (s)", yLabel: `amplitude (${data.uv})` }, colours());
  drawGaps(ctx, at, box);
  ctx.fillStyle = colour(units.label[unit]);
  ctx.globalAlpha = points.length > 500 ? 0.5 : 0.8;
  for (const [t, uv] of points) ctx.fillRect(at.x(t) - 1, at.y(uv) - 1, 2, 2);
  ctx.globalAlpha = 1;
  // The same amplitudes as a histogram on the right: a cut lower edge means missed spikes.
  const bins = 40, counts = new Array(bins).fill(0);
  for (const [, uv] of points) counts[Math.min(bins - 1, Math.floor(((uv - range[0]) / (range[1] - range[0])) * bins))]++;
  const most = Math.max(...counts, 1), thick = (box.bottom - box.top) / bins;
  counts.forEach((count, i) => ctx.fillRect(box.right + 5, box.bottom - (i + 1) * thick, (count / most) * 60, thick - 0.5));
  const all = units.n_spikes[unit];
  byId("amplitude-says").textContent = points.length < all ? `${points.length.toLocaleString("en")} of ${all.toLocaleString("en")} spikes, evenly spaced` : "";
  canvas.setAttribute("aria-label", `Amplitudes of unit ${unit} over time, with their histogram.`);
}

function drawRate(unit) {
  const canvas = byId("detail-rate"), drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing, rates = Array.from(rowOf("rates_hz", unit));
  const top = Math.max(...rates.filter(Number.isFinite), 1e-3);
  const box = { left: 52, top: 6, right: width - 70, bottom: height - 36 };
  const at = axes(drawing, box, { x: data.span_s, y: [0, top * 1.06], xLabel: "time (s)", yLabel: "Hz", yTicks: ticks([0, top], 3) }, colours());
  drawGaps(ctx, at, box);
  ctx.fillStyle = colour(units.label[unit]);
  const wide = (box.right - box.left) / rates.length;
  rates.forEach((rate, i) => rate > 0 && ctx.fillRect(box.left + i * wide, at.y(rate), wide + 0.3, box.bottom - at.y(rate)));
  canvas.setAttribute("aria-label", `Firing rate of unit ${unit} over time, ${top.toPrecision(3)} Hz at most.`);
}

function startDetail() {
  byId("close").addEventListener("click", closeUnit);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("nearest").addEventListener("click", () => openUnit(rowOfNumber.get(units.nearest_unit[opened])));
  document.addEventListener("keydown", (event) => {
    if (opened === null || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") closeUnit();
    else if (event.target.matches("input, select, .scroll")) return;
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
  });
  const asked = /^#unit-(\d+)$/.exec(location.hash);
  if (asked && rowOfNumber.has(Number(asked[1]))) openUnit(rowOfNumber.get(Number(asked[1])));
}
