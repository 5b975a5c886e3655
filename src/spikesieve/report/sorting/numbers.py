"""The numbers behind the figures: what a Sorting boils down to before anything is drawn. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.metrics import refractory
from spikesieve.model import F32, F64, I32, I64, Probe, Sorting, Spikes, Templates, Unit
from spikesieve.report.drift.numbers import DriftNumbers, drift_numbers
from spikesieve.report.thinning import evenly

LABELS = ("good", "mua", "noise")
MOST_POINTS = 200_000
"""Spikes drawn in the raster; more would be one blot, and slow."""
NEAR_CONTACTS, LEAST_CONTACTS = 16, 6
"""Contacts on which a template is shown, nearest to its best one first; fewer where there are many units."""
MOST_TRACES = 8_000
"""Traces of all templates together."""
MOST_AMPLITUDES = 300_000
"""Spikes of all units together that are shown by their amplitude."""
MOST_AMPLITUDES_OF_A_UNIT = 2_000
CORRELOGRAM_MS = 50
TIME_BINS = 60
HISTOGRAM_BINS = 24
SHARES = ("contamination", "presence")
"""Quantities between 0 and 1."""


@dataclass(frozen=True, eq=False)
class SomeSpikes:
    """Some of the spikes, evenly taken.

    time_s        (n,) float64, seconds since the first sample of the first file
    depth_um      (n,) float32
    amplitude_uv  (n,) float32, peak to peak on the best contact of its unit
    unit          (n,) int32
    """

    time_s: F64
    depth_um: F32
    amplitude_uv: F32
    unit: I32

    def __len__(self) -> int:
        return len(self.unit)

    def every(self, step: int) -> SomeSpikes:
        """The first spike and every step-th after it."""
        return SomeSpikes(self.time_s[::step], self.depth_um[::step], self.amplitude_uv[::step], self.unit[::step])


@dataclass(frozen=True, eq=False)
class NearTemplates:
    """Templates on a few contacts.

    uv        (n_units, n_near, n_samples) float32
    contacts  (n_units, n_near) int64, -1 = none
    """

    uv: F32
    contacts: I64


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many units of each label lie in each bin of one quantity.

    name      column of the unit table
    edges     (n_bins + 1,) float64; the outer bins also hold what lies beyond them
    counts    by label (n_bins,) int64
    unknown   units for which the quantity cannot be told
    log       whether the bins are equal in logarithm
    """

    name: str
    edges: F64
    counts: dict[str, I64]
    unknown: int
    log: bool


@dataclass(frozen=True, eq=False)
class Numbers:
    """Everything that the page draws.

    raster      spikes for the picture of depth against time, in order of time
    amplitudes  spikes for the pictures of amplitude against time, in order of unit and time
    templates   mean waveforms near the best contact
    acgs        (n_units, 50) int64, counts at lags 0.5-1.5, 1.5-2.5 ... ms
    ccgs        (n_units, 101) int64, counts at lags -50..50 ms of the nearest unit's spikes around those of the unit;
                the middle bin is empty
    rate_edges_s, rates_hz  (n_bins + 1,) float64 and (n_units, n_bins) float32: firing rate over time, NaN where
                nothing was sorted
    histograms  of the quality of all units
    drift       how the tissue moved, or None where it was not looked at
    """

    raster: SomeSpikes
    amplitudes: SomeSpikes
    templates: NearTemplates
    acgs: I64
    ccgs: I64
    rate_edges_s: F64
    rates_hz: F32
    histograms: tuple[Histogram, ...]
    drift: DriftNumbers | None


def numbers_of(sorting: Sorting) -> Numbers:
    """Boil a sorting down; the size of what comes out has a bound however many spikes there are."""
    spikes, units = sorting.spikes, sorting.units
    rows = rows_by_unit(spikes.unit, len(units))
    edges_s, rates_hz = rates_over_time(sorting, rows)
    raster_rows = evenly(len(spikes), MOST_POINTS)
    return Numbers(
        raster=_some(spikes, raster_rows, sorting.sampling_hz),
        amplitudes=_some(spikes, _amplitude_rows(rows), sorting.sampling_hz),
        templates=near_templates(sorting.templates, sorting.probe, units),
        acgs=sorting.acgs[:, :CORRELOGRAM_MS],
        ccgs=ccgs_with_nearest(sorting, rows),
        rate_edges_s=edges_s,
        rates_hz=rates_hz,
        histograms=quality_histograms(units),
        drift=drift_numbers(sorting, raster_rows, rows),
    )


def rows_by_unit(unit: I32, n_units: int) -> list[I64]:
    """The rows of each unit's spikes, in order of time.

    unit  (n_spikes,) int32, 0..n_units-1
    """
    order = np.argsort(unit, kind="stable")
    ends = np.cumsum(np.bincount(unit, minlength=n_units))[:-1]
    return np.split(order, ends) if n_units else []


def near_templates(templates: Templates, probe: Probe, units: Sequence[Unit]) -> NearTemplates:
    """Each template on the contacts nearest to its best one, that one first."""
    n_units, n_samples, n_columns = templates.uv.shape
    n_near = min(NEAR_CONTACTS, n_columns, max(LEAST_CONTACTS, MOST_TRACES // max(1, n_units)))
    uv = np.zeros((n_units, n_near, n_samples), np.float32)
    contacts = np.full((n_units, n_near), -1, np.int64)
    for row, unit in enumerate(units):
        used = np.flatnonzero(templates.contacts[row] >= 0)
        apart_um = probe.positions_um[templates.contacts[row, used]] - probe.positions_um[unit.chan_best]
        nearest = used[np.argsort(np.linalg.norm(apart_um, axis=1), kind="stable")[:n_near]]
        uv[row, : len(nearest)] = templates.uv[row][:, nearest].T
        contacts[row, : len(nearest)] = templates.contacts[row, nearest]
    return NearTemplates(uv, contacts)


def ccgs_with_nearest(sorting: Sorting, rows: Sequence[I64]) -> I64:
    """Cross-correlograms of each unit with the unit most similar to it: (n_units, 101) int64, zeros without one."""
    ccgs = np.zeros((len(rows), 2 * CORRELOGRAM_MS + 1), np.int64)
    wanted = slice(refractory.HALF_BINS - CORRELOGRAM_MS, refractory.HALF_BINS + CORRELOGRAM_MS + 1)
    for row, unit in enumerate(sorting.units):
        if unit.nearest_unit is not None:
            pair = sorting.spikes.sample[rows[row]], sorting.spikes.sample[rows[unit.nearest_unit]]
            ccgs[row] = refractory.correlogram_1ms(*pair, sorting.sampling_hz, False)[wanted]
    return ccgs


def rates_over_time(sorting: Sorting, rows: Sequence[I64]) -> tuple[F64, F32]:
    """Firing rates in 60 equal bins of the time from the first to the last sorted sample.

    Returns the edges in s, (61,) float64, and the rates in Hz, (n_units, 60) float32, NaN in bins without sorted time.
    """
    segments = np.array(sorting.segments, np.float64).reshape(-1, 2) / sorting.sampling_hz
    edges = np.linspace(segments.min(), segments.max(), TIME_BINS + 1)
    overlap = np.minimum(edges[1:, None], segments[:, 1]) - np.maximum(edges[:-1, None], segments[:, 0])
    sorted_s = np.maximum(overlap, 0).sum(axis=1)
    counts = [np.histogram(sorting.spikes.sample[mine] / sorting.sampling_hz, edges)[0] for mine in rows]
    counted = np.array(counts, np.float64).reshape(-1, TIME_BINS)
    rates = np.divide(counted, sorted_s, out=np.full_like(counted, np.nan), where=sorted_s > 0)
    return edges, rates.astype(np.float32)


def amplitude_changes(sorting: Sorting) -> F64:
    """Median amplitude in the last third of the sorted time over that in the first: (n_units,) float64.

    NaN for units with less than 20 spikes in one of the two.
    """
    spikes, n_units = sorting.spikes, len(sorting.units)
    start, stop = sorting.segments[0][0], sorting.segments[-1][1]
    changes = np.full(n_units, np.nan)
    for row, mine in enumerate(rows_by_unit(spikes.unit, n_units)):
        third = 3 * (spikes.sample[mine] - start) // max(1, stop - start)
        early, late = spikes.amplitude_uv[mine[third == 0]], spikes.amplitude_uv[mine[third == 2]]
        if min(len(early), len(late)) >= 20:
            before, after = float(np.median(early)), float(np.median(late))
            changes[row] = after / before if min(before, after) > 0 else np.nan
    return changes


def quality_histograms(units: Sequence[Unit]) -> tuple[Histogram, ...]:
    """Histograms of SNR, firing rate, amplitude (logarithmic), contamination and presence, by label."""
    return tuple(_histogram(name, units) for name in ("snr", "firing_rate_hz", "amplitude_uv", *SHARES))


def _histogram(name: str, units: Sequence[Unit]) -> Histogram:
    log = name not in SHARES
    given = [getattr(unit, name) for unit in units]
    values = np.array([np.nan if value is None else value for value in given], np.float64)
    known = np.isfinite(values) & ((values > 0) | (not log))
    # A contamination is seldom above a fifth, but all of it is shown.
    highest = 1.0 if name == "presence" else max(0.2, values[known].max(initial=0))
    edges = _log_edges(values[known]) if log else np.linspace(0, highest, HISTOGRAM_BINS + 1)
    counts = {}
    for label in LABELS:
        mine = np.array([unit.label == label for unit in units], np.bool_)
        inside = np.clip(values[known & mine], edges[0], edges[-1])
        counts[label] = np.histogram(inside, edges)[0].astype(np.int64)
    return Histogram(name, edges, counts, int((~known).sum()), log)


def _log_edges(values: NDArray[np.float64]) -> F64:
    low, high = (values.min(), values.max()) if values.size else (1.0, 10.0)
    # At least a factor of 4, so that equal units make one bar and not a picture of nothing.
    middle, half = np.sqrt(low * high), max(np.sqrt(high / low), 2.0)
    return np.asarray(np.geomspace(middle / half, middle * half, HISTOGRAM_BINS + 1), dtype=np.float64)


def _amplitude_rows(rows: Sequence[I64]) -> I64:
    share = max(1, min(MOST_AMPLITUDES_OF_A_UNIT, MOST_AMPLITUDES // max(1, len(rows))))
    return np.concatenate([np.empty(0, np.int64), *(mine[evenly(len(mine), share)] for mine in rows)])


def _some(spikes: Spikes, rows: I64, sampling_hz: float) -> SomeSpikes:
    return SomeSpikes(
        time_s=spikes.sample[rows] / sampling_hz,
        depth_um=spikes.position_um[rows, 1],
        amplitude_uv=spikes.amplitude_uv[rows],
        unit=spikes.unit[rows],
    )
