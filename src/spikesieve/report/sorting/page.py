"""The page of a result: one HTML file that needs no network, made of a template, a style sheet and a few scripts.

The numbers are in it as JSON with arrays in base64; the scripts draw them. What is text (summary, advice, unit table,
settings) is in the HTML itself, so that it can be read, searched and printed without scripts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from spikesieve.model import F64, Sorting, Unit
from spikesieve.report.drift.page import drift_arrays, drift_data, drift_texts
from spikesieve.report.packing import codes, packed
from spikesieve.report.page_files import asset
from spikesieve.report.sorting.advice import advice
from spikesieve.report.sorting.columns import AXIS_LABELS, COLUMNS, Column
from spikesieve.report.sorting.numbers import CORRELOGRAM_MS, LABELS, Histogram, Numbers

SCRIPTS = ("numbers.js", "plot.js", "unit_pictures.js", "table.js", "overview.js", "drift.js", "detail.js", "start.js")


def page_html(sorting: Sorting, facts: Mapping[str, Any], numbers: Numbers) -> str:
    """The whole page.

    facts    what `provenance.json` of the result holds: recording, settings, versions, cost, notes
    numbers  what `numbers_of(sorting)` gives
    """
    uv = "µV" if facts["recording"]["gain_is_known"] else "raw"
    shanks = np.unique(sorting.probe.shanks).tolist()
    columns = _columns(uv, len(shanks))
    labels: list[str] = [unit.label for unit in sorting.units]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(asset("page.html.j2")).render(
        generator=f"spikesieve {facts['versions'].get('spikesieve', '')}",
        name=facts["recording"]["name"],
        sentence=_sentence(sorting, facts),
        counts={label: labels.count(label) for label in LABELS},
        totals=_totals(sorting, facts),
        advice=advice(sorting, facts),
        shanks=shanks,
        files=_links,
        columns=columns,
        rows=[_row(unit, columns) for unit in sorting.units],
        histograms=[_histogram_text(histogram) for histogram in numbers.histograms],
        drift=None if numbers.drift is None else drift_texts(numbers.drift),
        facts=_fact_tables(facts),
        style=Markup(asset("page.css")),
        script=Markup("\n".join(asset(name) for name in SCRIPTS)),
        numbers=Markup(_script_json(_data(sorting, numbers, uv, len(shanks)))),
    )


def _script_json(data: object) -> str:
    """JSON that may stand in a script element: no text in it can end the element."""
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _columns(uv: str, n_shanks: int) -> list[Column]:
    return [
        Column(
            column.name,
            column.heading.format(uv=uv),
            column.meaning,
            column.format,
            column.extra and not (column.name == "shank" and n_shanks > 1),
        )
        for column in COLUMNS
    ]


def _row(unit: Unit, columns: Sequence[Column]) -> dict[str, Any]:
    return {"unit": unit.unit, "label": unit.label, "cells": [(column, column.text(unit)) for column in columns]}


def _sentence(sorting: Sorting, facts: Mapping[str, Any]) -> str:
    finished = datetime.fromisoformat(facts["finished"])
    seconds = (finished - datetime.fromisoformat(facts["started"])).total_seconds()
    speed = f", {sorting.duration_s / seconds:.2g} times as fast as it was recorded" if seconds > 0 else ""
    n, shanks = sorting.probe.n_contacts, len(np.unique(sorting.probe.shanks))
    where = f"{n} contact{'s' if n != 1 else ''}" + (f" on {shanks} shanks" if shanks > 1 else "")
    when = finished.strftime("%Y-%m-%d %H:%M")
    return f"{where}, sorted with {facts['method']} on {when} in {duration_text(seconds)}{speed}."


def _totals(sorting: Sorting, facts: Mapping[str, Any]) -> dict[str, str]:
    length_s = facts["recording"]["n_samples"] / sorting.sampling_hz
    part = f" of {duration_text(length_s)}" if length_s - sorting.duration_s > 1 else ""
    return {"spikes": f"{len(sorting.spikes):,}", f"sorted{part}": duration_text(sorting.duration_s)}


def duration_text(seconds: float) -> str:
    """Seconds as people say them: "12.3 s", "4 min 05 s", "2 h 07 min"."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {math.floor(seconds % 60):02d} s"
    return f"{seconds // 3600:.0f} h {math.floor(seconds % 3600 / 60):02d} min"


def _links(picture: str, what: str = "", table: str = "") -> Markup:
    """Links to the picture and the numbers of a figure in the folder beside the page."""
    link = Markup('<a href="figures/{}">{}</a>')
    both = link.format(f"{picture}.png", "PNG"), link.format(f"{table or picture}.csv", "CSV")
    return Markup('<span class="files">{} {} {}</span>').format(what, *both)


def _histogram_text(histogram: Histogram) -> dict[str, str]:
    """Caption, and for those who cannot see it, what the histogram shows."""
    title = AXIS_LABELS[histogram.name].partition(" (")[0].capitalize().replace("Snr", "SNR")
    per_bin = np.sum(list(histogram.counts.values()), axis=0)
    says = f"Histogram of {int(per_bin.sum())} units by {title}."
    if per_bin.any():
        low, high = histogram.edges[int(np.argmax(per_bin)) :][:2]
        says += f" The fullest bin goes from {low:.3g} to {high:.3g}."
    return {"title": title + (f", {histogram.unknown} unknown" if histogram.unknown else ""), "says": says}


def _fact_tables(facts: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles and rows of what is known about the run: recording, cost, settings by stage, versions, inputs."""
    costs = {name: (cost["seconds"], cost["peak_memory_mb"]) for name, cost in facts["stages"].items()}
    stages = [(name, f"{seconds:.1f} s, {megabytes:,.0f} MB") for name, (seconds, megabytes) in costs.items()]
    groups = {name: group for name, group in facts["settings"].items() if isinstance(group, Mapping)}
    single = {name: value for name, value in facts["settings"].items() if name not in groups}
    tables = [
        ("Recording", _rows(facts["recording"])),
        ("Time and peak memory by stage", stages),
        ("Result", _rows(facts["result"])),
        *((f"Settings: {name}", _rows(group)) for name, group in {"general": single, **groups}.items() if group),
        ("Seeds", _rows(facts["seeds"])),
        ("Versions", _rows(facts["versions"])),
        *((f"Input {i + 1}", _rows(entry)) for i, entry in enumerate(facts["inputs"])),
        ("Times", _rows({"started": facts["started"], "finished": facts["finished"]})),
    ]
    return [(title, table) for title, table in tables if table]


def _rows(group: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in group.items()]


def _data(sorting: Sorting, numbers: Numbers, uv: str, n_shanks: int) -> dict[str, Any]:
    """Everything that the scripts draw."""
    probe = sorting.probe
    span_s = (sorting.segments[0][0] / sorting.sampling_hz, sorting.segments[-1][1] / sorting.sampling_hz)
    depth_um = _depth_range(sorting, numbers)
    return {
        "uv": uv,
        "n_spikes": len(sorting.spikes),
        "n_shanks": n_shanks,
        "lag_ms": CORRELOGRAM_MS,
        "sample_ms": 1000 / sorting.sampling_hz,
        "span_s": span_s,
        "segments_s": [[start / sorting.sampling_hz, stop / sorting.sampling_hz] for start, stop in sorting.segments],
        "depth_um": depth_um,
        "colours": [to_hex(rgb) for rgb in colormaps["viridis"](np.linspace(0, 1, 17))],
        "units": _unit_columns(sorting.units),
        "probe": {
            "x_um": _short(probe.positions_um[:, 0]),
            "y_um": _short(probe.positions_um[:, 1]),
            "channel": probe.channels.tolist(),
        },
        "histograms": [_histogram_data(histogram, uv) for histogram in numbers.histograms],
        "drift": None if numbers.drift is None else drift_data(numbers.drift),
        **_spike_data(numbers, len(sorting.units), span_s, depth_um),
    }


def _spike_data(
    numbers: Numbers, n_units: int, span_s: tuple[float, float], depth_um: tuple[float, float]
) -> dict[str, Any]:
    raster, amplitudes, templates = numbers.raster, numbers.amplitudes, numbers.templates
    colour_codes, colour_range = _colour_codes(raster.amplitude_uv)
    offsets = np.searchsorted(amplitudes.unit, np.arange(n_units + 1))
    by_unit = [amplitudes.amplitude_uv[start:stop] for start, stop in pairwise(offsets)]
    ranges = [_range(mine) for mine in by_unit]
    amplitude_codes = [codes(mine, *limits) for mine, limits in zip(by_unit, ranges, strict=True)]
    peak_uv = np.abs(templates.uv).max(axis=(1, 2), initial=0)
    scaled = templates.uv / np.maximum(peak_uv, 1e-9)[:, None, None] * 32_767
    return {
        "raster_amplitude_uv": colour_range,
        "amplitude_offsets": offsets.tolist(),
        "amplitude_ranges_uv": ranges,
        "template_peak_uv": _short(peak_uv),
        "arrays": {
            "raster_time": packed(codes(raster.time_s, *span_s)),
            "raster_depth": packed(codes(raster.depth_um, *depth_um)),
            "raster_amplitude": packed(colour_codes),
            "raster_unit": packed(raster.unit.astype(np.uint16 if n_units < 2**16 else np.uint32)),
            "amplitude_time": packed(codes(amplitudes.time_s, *span_s)),
            "amplitude_uv": packed(np.concatenate([np.empty(0, np.uint16), *amplitude_codes])),
            "template_uv": packed(np.round(scaled).astype(np.int16)),
            "template_contacts": packed(templates.contacts.astype(np.int16)),
            "acgs": packed(numbers.acgs.astype(np.uint32)),
            "ccgs": packed(numbers.ccgs.astype(np.uint32)),
            "rates_hz": packed(numbers.rates_hz.astype(np.float32)),
            **({} if numbers.drift is None else drift_arrays(numbers.drift, depth_um)),
        },
    }


def _colour_codes(amplitude_uv: NDArray[np.float32]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Amplitudes as 0..255 on a logarithmic scale between their 1st and 99th percentile, and these two."""
    positive = amplitude_uv[amplitude_uv > 0]
    low, high = (float(p) for p in np.percentile(positive, [1, 99])) if positive.size else (1.0, 10.0)
    high = max(high, 1.1 * low)
    share = np.log(np.maximum(np.nan_to_num(amplitude_uv, nan=low), low) / low) / np.log(high / low)
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8), (low, high)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _depth_range(sorting: Sorting, numbers: Numbers) -> tuple[float, float]:
    """From below the lowest contact and spike to above the highest; single spikes far out do not count."""
    depth = numbers.raster.depth_um
    if numbers.drift is not None:
        depth = np.concatenate([depth, numbers.drift.on_probe_um])
    depth = depth[np.isfinite(depth)]
    spikes = np.percentile(depth, [0.1, 99.9]) if depth.size else np.empty(0)
    both: F64 = np.concatenate([sorting.probe.positions_um[:, 1], spikes])
    pad = max(10.0, 0.03 * float(np.ptp(both)))
    return float(both.min()) - pad, float(both.max()) + pad


def _unit_columns(units: Sequence[Unit]) -> dict[str, list[Any]]:
    """The unit table by column, null for what is not known."""
    rows = [asdict(unit) for unit in units]
    return {field.name: [_plain(row[field.name]) for row in rows] for field in fields(Unit)}


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _short(values: NDArray[Any]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _histogram_data(histogram: Histogram, uv: str) -> dict[str, Any]:
    return {
        "label": AXIS_LABELS[histogram.name].replace("µV", uv),
        "edges": _short(histogram.edges),
        "counts": {label: counts.tolist() for label, counts in histogram.counts.items()},
        "log": histogram.log,
    }
