// The pictures of one unit, small in the table and large in the panel.

// Mean waveforms at the places of their contacts. Returns what a scale bar needs.
function drawTemplate(ctx, box, unit, { most, overlap, other = null, labels = false }) {
  const { contacts, traces, nSamples } = templateOf(unit);
  const shown = contacts.slice(0, most);
  if (!shown.length) return null;
  const width = box.right - box.left, height = box.bottom - box.top;
  const x = spots(shown.map((c) => data.probe.x_um[c]), 0.05), y = spots(shown.map((c) => data.probe.y_um[c]), 0.05);
  const ptp = Math.max(...traces.slice(0, most).map((trace) => Math.max(...trace) - Math.min(...trace)), 1e-9);
  const perUv = (Math.min(0.62, overlap * y.pitch) * height) / ptp;
  const perSample = (0.9 * x.pitch * width) / (nSamples - 1);
  const trace = (contact, values) => {
    const left = box.left + x.at(data.probe.x_um[contact]) * width - (perSample * (nSamples - 1)) / 2;
    const zero = box.bottom - y.at(data.probe.y_um[contact]) * height;
    return values.map((uv, t) => [left + t * perSample, zero - uv * perUv]);
  };
  if (labels) {
    ctx.fillStyle = colour("soft");
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const contact of shown) {
      const [[left, zero]] = trace(contact, [0]);
      ctx.font = `${contact === units.chan_best[unit] ? "bold " : ""}10px system-ui, 'Liberation Sans', sans-serif`;
      ctx.fillText(data.probe.channel[contact], left, zero - 2);
    }
  }
  if (other !== null) {
    const theirs = templateOf(other);
    ctx.strokeStyle = colour("soft");
    ctx.lineWidth = 1.2;
    ctx.setLineDash([3, 2]);
    theirs.contacts.forEach((contact, i) => shown.includes(contact) && line(ctx, trace(contact, theirs.traces[i])));
    ctx.setLineDash([]);
  }
  ctx.strokeStyle = colour(units.label[unit]);
  ctx.lineWidth = most > 8 ? 1.6 : 1;
  shown.forEach((contact, i) => line(ctx, trace(contact, traces[i])));
  return { perUv, perMs: perSample / data.sample_ms };
}

// Bars of a correlogram; lags are the middles of the bins.
function drawBars(ctx, px, py, lags, counts, fill) {
  ctx.fillStyle = fill;
  const half = (px(1) - px(0)) / 2;
  lags.forEach((lag, i) => counts[i] && ctx.fillRect(px(lag) - half, py(counts[i]), 2 * half + 0.3, py(0) - py(counts[i])));
}

// The autocorrelogram to both sides: lags -n..-1, 1..n ms; the bin around 0 is left out.
function mirrored(unit) {
  const counts = Array.from(rowOf("acgs", unit));
  const lags = counts.map((_, i) => i + 1);
  return { lags: [...lags.map((lag) => -lag).reverse(), ...lags], counts: [...counts].reverse().concat(counts) };
}

function amplitudeRange(unit) {
  const [low, high] = data.amplitude_ranges_uv[unit];
  return [Math.min(0, low), high * 1.05 || 1];
}

const THUMBNAILS = [
  ({ ctx, width, height }, unit) => drawTemplate(ctx, { left: 2, top: 1, right: width - 2, bottom: height - 1 }, unit, { most: 8, overlap: 1.2 }),
  ({ ctx, width, height }, unit) => {
    const { lags, counts } = mirrored(unit);
    const px = linear([-data.lag_ms - 0.5, data.lag_ms + 0.5], 1, width - 1), py = linear([0, Math.max(...counts, 1)], height - 2, 2);
    drawBars(ctx, px, py, lags, counts, colour(units.label[unit]));
    ctx.strokeStyle = colour("line");
    line(ctx, [[0, height - 1.5], [width, height - 1.5]]);
  },
  ({ ctx, width, height }, unit) => {
    const points = amplitudesOf(unit), step = Math.max(1, Math.floor(points.length / 300));
    const px = linear(data.span_s, 1, width - 2), py = linear(amplitudeRange(unit), height - 2, 2);
    ctx.fillStyle = colour(units.label[unit]);
    ctx.globalAlpha = points.length > 100 ? 0.6 : 1;
    for (let i = 0; i < points.length; i += step) ctx.fillRect(px(points[i][0]), py(points[i][1]), 1.4, 1.4);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = colour("line");
    line(ctx, [[0, height - 1.5], [width, height - 1.5]]);
  },
];

function drawThumbnails(row) {
  const unit = Number(row.dataset.unit);
  row.querySelectorAll("td.thumb").forEach((cell, i) => {
    const canvas = cell.firstElementChild ?? cell.appendChild(document.createElement("canvas"));
    canvas.setAttribute("aria-hidden", "true"); // the numbers beside it say the same
    const drawing = pen(canvas);
    if (drawing) THUMBNAILS[i](drawing, unit);
  });
}
