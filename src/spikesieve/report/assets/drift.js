// Drift: displacement of each shank with its band, and the spikes before and after correction.

let stepped = null; // codes of the corrected depths of the spikes in these rasters

function drawDrift() {
  if (!data.drift) return;
  document.querySelectorAll("canvas.displacement").forEach((canvas) => drawDisplacement(canvas, Number(canvas.dataset.index)));
  const { step, shanks, windows_um, depths, after } = data.drift;
  const shank = document.getElementById("drift-shank")?.value ?? String(shanks[0]);
  const row = shanks.findIndex((number) => String(number) === shank);
  document.getElementById("drift-after-says").textContent = `Spikes ${after[row]}`;
  document.getElementById("drift-window-says").textContent = depths[row] && `${depths[row]}: the depths with most spikes`;
  stepped ??= array("raster_depth").values.filter((_, i) => i % step === 0);
  for (const [id, depth] of [["drift-before", array("drift_on_probe").values], ["drift-after", stepped]])
    drawSpikes(id, { depth, step, range: windows_um[row], shank });
}

// One trace for each depth above each other, all on one scale; a band without a limit fills the room of its trace.
function drawDisplacement(canvas, row) {
  const drawing = pen(canvas);
  if (!drawing) return;
  const { ctx, width, height } = drawing;
  const { time_s, depth_um, decisions, reach_um } = data.drift;
  const room = 2 * reach_um, nDepths = depth_um.length, one = nDepths === 1;
  const middles = depth_um.map((_, depth) => depth * room);
  const box = { left: 52, top: 8, right: width - 62, bottom: height - 38 };
  const at = axes(drawing, box, {
    x: data.span_s, y: [-reach_um, (nDepths - 1) * room + reach_um], xLabel: "time (s)", yLabel: one ? "displacement (µm)" : "depth (µm)", yTicks: one ? undefined : [],
  }, colours());
  drawGaps(ctx, at, box);
  const traces = Object.fromEntries(["estimated", "used", "half_band"].map((name) => [name, rowOf(`drift_${name}`, row)]));
  const um = (name, range, depth) => time_s.map((_, k) => decode(traces[name][k * nDepths + depth], range));
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top); // times that were not sorted lie outside
  ctx.clip();
  middles.forEach((middle, depth) => {
    const estimated = um("estimated", [-reach_um, reach_um], depth), half = um("half_band", [0, room], depth);
    const points = (values) => values.map((value, k) => [at.x(time_s[k]), at.y(middle + Math.max(-reach_um, Math.min(reach_um, value)))]);
    ctx.strokeStyle = colour("line");
    ctx.lineWidth = 1;
    line(ctx, [[box.left, at.y(middle)], [box.right, at.y(middle)]]);
    ctx.strokeStyle = ctx.fillStyle = colour(decisions[row] === "refuse" ? "noise" : "good");
    if (data.drift.has_band) {
      ctx.globalAlpha = 0.25;
      ctx.beginPath();
      [...points(estimated.map((v, k) => v - half[k])), ...points(estimated.map((v, k) => v + half[k])).reverse()].forEach(([x, y]) => ctx.lineTo(x, y));
      ctx.fill();
      ctx.globalAlpha = 1;
    }
    ctx.lineWidth = 1.3;
    line(ctx, points(estimated));
    if (decisions[row] === "rigid") {
      ctx.strokeStyle = colour("ink");
      ctx.setLineDash([5, 4]);
      line(ctx, points(um("used", [-reach_um, reach_um], depth)));
      ctx.setLineDash([]);
    }
  });
  ctx.restore();
  if (!one) nameTraces(ctx, at, box, middles);
}

// Each trace's depth at its zero, and to the right how far some um are.
function nameTraces(ctx, at, box, middles) {
  const { depth_um, reach_um } = data.drift, tick = roundBelow(0.8 * reach_um);
  ctx.fillStyle = colour("soft");
  ctx.textBaseline = "middle";
  middles.forEach((middle, depth) => {
    ctx.textAlign = "right";
    ctx.fillText(depth_um[depth].toFixed(0), box.left - 6, at.y(middle));
    ctx.textAlign = "left";
    for (const um of [-tick, 0, tick]) ctx.fillText(um > 0 ? `+${plain(um)}` : plain(um), box.right + 4, at.y(middle + um));
  });
  ctx.save();
  ctx.translate(box.right + 48, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText("displacement (µm)", 0, 0);
  ctx.restore();
}

function startDrift() {
  document.getElementById("drift-shank")?.addEventListener("change", drawDrift);
  for (const canvas of document.querySelectorAll("canvas.displacement")) canvas.style.height = `${Math.max(11, 2.6 + 3.4 * data.drift.depth_um.length)}rem`;
  for (const button of document.querySelectorAll("#drift button.open")) button.addEventListener("click", () => openUnit(rowOfNumber.get(Number(button.dataset.unit))));
}
