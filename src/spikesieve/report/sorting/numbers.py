"""The numbers behind the figures of a sorting, of limited size however many spikes there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.model import F32, F64, I32, I64, Probe, Sorting, Templates, Unit
from spikesieve.report.drift.numbers import DriftNumbers, drift_numbers
from spikesieve.report.sorting.histograms import Histogram, quality_histograms
from spikesieve.report.thinning import ThinnedSpikes, evenly_spaced_rows

MAX_RASTER_SPIKES = 200_000
"""Spikes drawn in the raster. More would overlap and be slow."""
MAX_CONTACTS, MIN_CONTACTS = 16, 6
"""Contacts on which a template is shown, nearest to the best contact first. Fewer where there are many units."""
MAX_TRACES = 8_000
"""Traces of all templates together."""
MAX_AMPLITUDES = 300_000
"""Spikes of all units together that are drawn by amplitude."""
MAX_AMPLITUDES_OF_UNIT = 2_000
"""Spikes of one unit that are drawn by amplitude."""
CORRELOGRAM_MS = 50
"""Largest lag of the correlograms in ms."""
N_TIME_BINS = 60
"""Bins of the firing rate over time."""
MIN_SPIKES_OF_MEDIAN = 20
"""Spikes that a median amplitude needs."""


@dataclass(frozen=True, eq=False)
class LocalTemplates:
    """Templates on the contacts nearest to their best contact.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_units, n_near, n_samples)
        Templates in uV.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts, nearest first; -1 for none.
    """

    uv: F32
    contacts: I64


@dataclass(frozen=True, eq=False)
class FigureNumbers:
    """The numbers behind the figures of a sorting.

    Attributes
    ----------
    raster : ThinnedSpikes
        Spikes of the raster, in order of time.
    amplitudes : ThinnedSpikes
        Spikes drawn by amplitude, in order of unit and time.
    templates : LocalTemplates
        Templates near the best contact.
    acgs : ndarray of int64, shape (n_units, 50)
        Autocorrelograms: counts at lags of 0.5-1.5, 1.5-2.5, ... ms.
    ccgs : ndarray of int64, shape (n_units, 101)
        Cross-correlograms: counts at lags of -50 to 50 ms of the spikes of the nearest unit around those of the unit.
        The middle bin is empty.
    rate_edges_s : ndarray of float64, shape (n_bins + 1,)
        Edges of the time bins in s.
    rates_hz : ndarray of float32, shape (n_units, n_bins)
        Firing rate in each time bin in Hz; NaN where nothing was used.
    histograms : tuple of Histogram
        Quality of the units.
    drift : DriftNumbers or None
        Drift; None where it was not asked for.
    """

    raster: ThinnedSpikes
    amplitudes: ThinnedSpikes
    templates: LocalTemplates
    acgs: I64
    ccgs: I64
    rate_edges_s: F64
    rates_hz: F32
    histograms: tuple[Histogram, ...]
    drift: DriftNumbers | None

    @property
    def measured_drift(self) -> DriftNumbers | None:
        """Drift to draw; None where none could be measured."""
        return self.drift if self.drift is not None and self.drift.is_measured else None


def figure_numbers(sorting: Sorting) -> FigureNumbers:
    """Compute the numbers behind the figures of a sorting.

    Parameters
    ----------
    sorting : Sorting
        The sorting.

    Returns
    -------
    FigureNumbers
        Arrays of limited size.
    """
    spikes, units = sorting.spikes, sorting.units
    rows = rows_by_unit(spikes.unit, len(units))
    edges_s, rates_hz = rates_over_time(sorting, rows)
    raster_rows = evenly_spaced_rows(len(spikes), MAX_RASTER_SPIKES)
    return FigureNumbers(
        raster=ThinnedSpikes.from_rows(spikes, raster_rows, sorting.sampling_hz),
        amplitudes=ThinnedSpikes.from_rows(spikes, _amplitude_rows(rows), sorting.sampling_hz),
        templates=local_templates(sorting.templates, sorting.probe, units),
        acgs=sorting.acgs[:, :CORRELOGRAM_MS],
        ccgs=ccgs_with_nearest(sorting, rows),
        rate_edges_s=edges_s,
        rates_hz=rates_hz,
        histograms=quality_histograms(units),
        drift=drift_numbers(sorting, raster_rows, rows),
    )


def rows_by_unit(unit: I32, n_units: int) -> list[I64]:
    """Find the spikes of each unit.

    Parameters
    ----------
    unit : ndarray of int32, shape (n_spikes,)
        Unit of each spike, from 0 to n_units - 1, in order of time.
    n_units : int
        Number of units.

    Returns
    -------
    list of ndarray of int64
        For each unit the rows of its spikes, in order of time.

    Examples
    --------
    >>> rows_by_unit(np.array([1, 0, 1], np.int32), 2)
    [array([1]), array([0, 2])]
    """
    order = np.argsort(unit, kind="stable")
    ends = np.cumsum(np.bincount(unit, minlength=n_units))[:-1]
    return np.split(order, ends) if n_units else []


def local_templates(templates: Templates, probe: Probe, units: Sequence[Unit]) -> LocalTemplates:
    """Cut each template to the contacts nearest to its best contact.

    Parameters
    ----------
    templates : Templates
        Templates of all units.
    probe : Probe
        Contacts of the probe.
    units : sequence of Unit
        The unit table.

    Returns
    -------
    LocalTemplates
        Up to 16 contacts a unit, nearest first; fewer from 500 units on.
    """
    n_units, n_samples, n_columns = templates.uv.shape
    n_near = min(MAX_CONTACTS, n_columns, max(MIN_CONTACTS, MAX_TRACES // max(1, n_units)))
    uv = np.zeros((n_units, n_near, n_samples), np.float32)
    contacts = np.full((n_units, n_near), -1, np.int64)
    for row, unit in enumerate(units):
        used = np.flatnonzero(templates.contacts[row] >= 0)
        offset_um = probe.positions_um[templates.contacts[row, used]] - probe.positions_um[unit.chan_best]
        nearest = used[np.argsort(np.linalg.norm(offset_um, axis=1), kind="stable")[:n_near]]
        uv[row, : len(nearest)] = templates.uv[row][:, nearest].T
        contacts[row, : len(nearest)] = templates.contacts[row, nearest]
    return LocalTemplates(uv, contacts)


def ccgs_with_nearest(sorting: Sorting, rows: Sequence[I64]) -> I64:
    """Compute the cross-correlogram of each unit with the most similar unit.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    rows : sequence of ndarray of int64
        Rows of the spikes of each unit.

    Returns
    -------
    ndarray of int64, shape (n_units, 101)
        Counts at lags of -50 to 50 ms; zeros for a unit without a nearest one.
    """
    ccgs = np.zeros((len(rows), 2 * CORRELOGRAM_MS + 1), np.int64)
    shown = slice(refractory.HALF_BINS - CORRELOGRAM_MS, refractory.HALF_BINS + CORRELOGRAM_MS + 1)
    time = sorting.sorted_time
    row_of = {unit.unit: row for row, unit in enumerate(sorting.units)}
    for row, unit in enumerate(sorting.units):
        if unit.nearest_unit is not None:
            pair = sorting.spikes.sample[rows[row]], sorting.spikes.sample[rows[row_of[unit.nearest_unit]]]
            ccgs[row] = refractory.correlogram_1ms(*pair, time, False)[shown]
    return ccgs


def rates_over_time(sorting: Sorting, rows: Sequence[I64]) -> tuple[F64, F32]:
    """Compute the firing rate of each unit in 60 equal bins from the first to the last sorted sample.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    rows : sequence of ndarray of int64
        Rows of the spikes of each unit.

    Returns
    -------
    edges_s : ndarray of float64, shape (61,)
        Edges of the bins in s.
    rates_hz : ndarray of float32, shape (n_units, 60)
        Rates in Hz of the time that was used; NaN in bins in which nothing was.
    """
    edges = np.linspace(sorting.segments[0][0], sorting.segments[-1][1], N_TIME_BINS + 1)
    used_s = np.diff(sorting.sorted_time.elapsed_s(edges))
    counts = [np.histogram(sorting.spikes.sample[spikes], edges)[0] for spikes in rows]
    counted = np.array(counts, np.float64).reshape(-1, N_TIME_BINS)
    rates = np.divide(counted, used_s, out=np.full_like(counted, np.nan), where=used_s > 0)
    return edges / sorting.sampling_hz, rates.astype(np.float32)


def amplitude_changes(sorting: Sorting) -> F64:
    """Compare the median amplitude of each unit in the last third of the used time with that in the first third.

    Parameters
    ----------
    sorting : Sorting
        The sorting.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        Last third over first third; NaN for units with fewer than 20 spikes in one of them.
    """
    spikes, n_units = sorting.spikes, len(sorting.units)
    share = sorting.sorted_time.elapsed_s(spikes.sample) / max(sorting.sorted_time.used_s, 1e-9)
    changes = np.full(n_units, np.nan)
    for row, own in enumerate(rows_by_unit(spikes.unit, n_units)):
        third = (3 * share[own]).astype(np.int64)
        early, late = spikes.amplitude_uv[own[third == 0]], spikes.amplitude_uv[own[third >= 2]]
        if min(len(early), len(late)) >= MIN_SPIKES_OF_MEDIAN:
            before, after = float(np.median(early)), float(np.median(late))
            changes[row] = after / before if min(before, after) > 0 else np.nan
    return changes


def _amplitude_rows(rows: Sequence[I64]) -> I64:
    n_each = max(1, min(MAX_AMPLITUDES_OF_UNIT, MAX_AMPLITUDES // max(1, len(rows))))
    return np.concatenate([np.empty(0, np.int64), *(own[evenly_spaced_rows(len(own), n_each)] for own in rows)])
