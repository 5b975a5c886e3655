"""The numbers in the page of a sorting: what its scripts draw, as JSON with arrays in base64."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import F64, Sorting
from spikesieve.report.drift.page import drift_arrays, drift_data
from spikesieve.report.packing import codes, packed
from spikesieve.report.sorting.columns import AXIS_LABELS, COLUMNS, unit_rows
from spikesieve.report.sorting.histograms import Histogram
from spikesieve.report.sorting.numbers import CORRELOGRAM_MS, FigureNumbers


def page_data(sorting: Sorting, numbers: FigureNumbers, amplitude_unit: str) -> dict[str, Any]:
    """Collect the numbers that the scripts of the page draw.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    numbers : FigureNumbers
        Numbers of its figures.
    amplitude_unit : str
        Unit of the amplitudes: "µV", or "raw" where no gain is known.

    Returns
    -------
    dict
        Values for JSON. The names are those that the scripts read.
    """
    probe = sorting.probe
    span_s = (sorting.segments[0][0] / sorting.sampling_hz, sorting.segments[-1][1] / sorting.sampling_hz)
    raster_label = "depth (µm)"
    if probe.n_contacts == 1:
        # All spikes have one depth: the raster shows amplitudes instead.
        raster_label = f"amplitude ({amplitude_unit})"
        numbers = replace(numbers, raster=replace(numbers.raster, depth_um=numbers.raster.amplitude_uv))
    depth_um = _depth_range(sorting, numbers)
    return {
        "uv": amplitude_unit,
        "n_spikes": len(sorting.spikes),
        "n_shanks": len(np.unique(probe.shanks)),
        "lag_ms": CORRELOGRAM_MS,
        "sample_ms": 1000 / sorting.sampling_hz,
        "span_s": span_s,
        "segments_s": [[start / sorting.sampling_hz, stop / sorting.sampling_hz] for start, stop in sorting.segments],
        "depth_um": depth_um,
        "raster_label": raster_label,
        "units": _unit_columns(sorting),
        "probe": {
            "x_um": _short(probe.positions_um[:, 0]),
            "y_um": _short(probe.positions_um[:, 1]),
            "channel": probe.channels.tolist(),
            "shank": probe.shanks.tolist(),
        },
        "histograms": [_histogram_data(histogram, amplitude_unit) for histogram in numbers.histograms],
        "drift": None if numbers.measured_drift is None else drift_data(numbers.measured_drift),
        **_spike_data(numbers, len(sorting.units), span_s, depth_um),
    }


def _spike_data(
    numbers: FigureNumbers, n_units: int, span_s: tuple[float, float], depth_um: tuple[float, float]
) -> dict[str, Any]:
    raster, amplitudes, templates = numbers.raster, numbers.amplitudes, numbers.templates
    colour_codes, colour_range = _colour_codes(raster.amplitude_uv)
    offsets = np.searchsorted(amplitudes.unit, np.arange(n_units + 1))
    by_unit = [amplitudes.amplitude_uv[start:stop] for start, stop in pairwise(offsets)]
    ranges = [_range(own) for own in by_unit]
    amplitude_codes = [codes(own, *limits) for own, limits in zip(by_unit, ranges, strict=True)]
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
            **({} if numbers.measured_drift is None else drift_arrays(numbers.measured_drift, depth_um)),
        },
    }


def _colour_codes(amplitude_uv: NDArray[np.float32]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Amplitudes coded as 0..255, logarithmic between their 1st and 99th percentile, and these percentiles."""
    positive = amplitude_uv[amplitude_uv > 0]
    low, high = (float(p) for p in np.percentile(positive, [1, 99])) if positive.size else (1.0, 10.0)
    high = max(high, 1.1 * low)
    share = np.log(np.maximum(np.nan_to_num(amplitude_uv, nan=low), low) / low) / np.log(high / low)
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8), (low, high)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _depth_range(sorting: Sorting, numbers: FigureNumbers) -> tuple[float, float]:
    """Range of the depths with a margin. Spikes beyond the 0.1st and 99.9th percentile do not count."""
    depth = numbers.raster.depth_um
    if numbers.measured_drift is not None:
        depth = np.concatenate([depth, numbers.measured_drift.depth_on_probe_um])
    depth = depth[np.isfinite(depth)]
    spikes = np.percentile(depth, [0.1, 99.9]) if depth.size else np.empty(0)
    both: F64 = np.concatenate([sorting.probe.positions_um[:, 1], spikes])
    pad = max(10.0, 0.03 * float(np.ptp(both)))
    return float(both.min()) - pad, float(both.max()) + pad


def _unit_columns(sorting: Sorting) -> dict[str, list[Any]]:
    """The unit table by column; null where a value is not known."""
    rows = unit_rows(sorting)
    return {column.name: [_plain(row[column.name]) for row in rows] for column in COLUMNS}


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _short(values: NDArray[Any]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _histogram_data(histogram: Histogram, amplitude_unit: str) -> dict[str, Any]:
    return {
        "label": AXIS_LABELS[histogram.name].replace("µV", amplitude_unit),
        "edges": _short(histogram.edges),
        "counts": {label: counts.tolist() for label, counts in histogram.counts.items()},
        "log": histogram.log,
    }
