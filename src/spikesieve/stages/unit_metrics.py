"""Makes the table of metrics by SpikeInterface's names from a sorting; nothing of the recording is read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from spikesieve import kernels
from spikesieve.geometry import places_on_probe_um
from spikesieve.metrics import amplitudes, footprint, isolation, published_labels, spike_times
from spikesieve.metrics.cell_type import cell_type, non_somatic_reason
from spikesieve.metrics.position_drift import position_drift
from spikesieve.metrics.waveform_shape import UPSAMPLING, baseline_flatness, upsampled, waveform_shape
from spikesieve.model import F32, F64, I64, Bool, RowsOnDemand, SortedTime, Sorting, UnitMetrics
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.share import Share
from spikesieve.stages.waveforms import best_columns

# SpikeInterface computes features of 500 spikes of a unit, chosen at random.
FEATURE_SPIKES, SEED = 500, 0
# Spikes whose features are read at a time.
SPIKES_AT_ONCE = 10_000
# bombcell takes the first third of a millisecond of a template of Kilosort4 for its baseline.
BOMBCELL_BASELINE_MS = 1 / 3
BOMBCELL_REFRACTORY_MS, BOMBCELL_CENSORED_MS = 2.0, 0.1


def unit_metrics(sorting: Sorting, share: Share = map) -> tuple[UnitMetrics, ...]:
    """Measure what SpikeInterface, bombcell and IBL would measure of each unit.

    Parameters
    ----------
    sorting : Sorting
        The spikes, templates and rows of the unit table.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    tuple of UnitMetrics
        One row a unit, in the order of the unit table.
    """
    spikes, n_units = sorting.spikes, len(sorting.units)
    rows = rows_of_units(sorting.spikes.unit, len(sorting.units))
    together = spike_times.synchrony(np.asarray(spikes.sample), spikes.unit, n_units)
    sample, best = _FeatureSample.of(sorting, rows, share), best_columns(sorting.templates).tolist()
    time = sorting.sorted_time
    return tuple(share(_row, [_Unit(sorting, time, k, rows[k], together[k], best[k], sample) for k in range(n_units)]))


def metrics_of_unit(sorting: Sorting, k: int, together: F64) -> UnitMetrics:
    """Measure one unit as `unit_metrics` does.

    Parameters
    ----------
    sorting : Sorting
        The spikes, templates and rows of the unit table; of other units only what the unit is told apart from.
    k : int
        Row of the unit.
    together : ndarray of float64, shape (3,)
        Share of its spikes at samples with at least 2, 4 and 8 spikes of all units.

    Returns
    -------
    UnitMetrics
        Its row.
    """
    rows, best = rows_of_units(sorting.spikes.unit, len(sorting.units)), best_columns(sorting.templates)
    return _row(
        _Unit(sorting, sorting.sorted_time, k, rows[k], together, int(best[k]), _FeatureSample.of(sorting, rows))
    )


def _row(unit: _Unit) -> UnitMetrics:
    return unit.row()


@dataclass(frozen=True, eq=False)
class _FeatureSample:
    """Features of some spikes of each unit: (n_some, n_feature_contacts, n_pcs), unit after unit.

    Those of unit k are from row `first[k]` to before `first[k + 1]`; `means` are their means, and `scatter` the sums of
    products of their deviations from it. `contacts` (n_units, n_feature_contacts) are -1 where nothing was measured;
    `best` is the best contact of each unit.
    """

    features: F32
    first: I64
    means: F32
    scatter: F32
    contacts: I64
    best: I64

    @classmethod
    def of(cls, sorting: Sorting, rows: list[I64], share: Share = map) -> _FeatureSample:
        """Choose spikes of the units, whose rows are given."""
        rng = np.random.default_rng(SEED)
        chosen = [
            own if len(own) <= FEATURE_SPIKES else np.sort(rng.choice(own, FEATURE_SPIKES, replace=False))
            for own in rows
        ]
        first = np.cumsum([0, *map(len, chosen)])
        features = _features_of(sorting, np.concatenate([np.empty(0, np.int64), *chosen]), share)
        contacts, (n_near, n_pcs) = sorting.feature_contacts, features.shape[1:]
        seen = np.zeros(contacts.shape, np.bool_)
        means = np.zeros((len(rows), n_near, n_pcs), np.float32)
        scatter = np.zeros((len(rows), n_near, n_pcs, n_near, n_pcs), np.float32)
        known = np.flatnonzero(np.diff(first)).tolist()
        measured = share(_moments, [features[first[k] : first[k + 1]] for k in known])
        for k, (mean, any_there, products) in zip(known, measured, strict=True):
            means[k], seen[k], scatter[k] = mean, any_there, products.reshape(scatter.shape[1:])
        best = np.array([unit.chan_best for unit in sorting.units], np.int64)
        return cls(features, first, means, scatter, np.where(seen, contacts, -1), best)

    def isolation(self, k: int) -> isolation.Isolation:
        """Compare a unit with those whose best contact is among its own."""
        wanted = self.contacts[k][self.contacts[k] >= 0]
        near = np.flatnonzero(np.isin(self.best, wanted) & (np.diff(self.first) > 0))
        near = near[near != k]
        foreign = self._moved(self.features, self.first, near, wanted)
        neighbors = isolation.Neighbors(
            foreign,
            np.diff(self.first)[near],
            self._moved(self.means, np.arange(len(self.means) + 1), near, wanted),
            kernels.sum_scatter(self.scatter, self.contacts, near, wanted).reshape(2 * foreign.shape[1:]),
        )
        return isolation.isolation(self._moved(self.features, self.first, np.array([k]), wanted), neighbors)

    def _moved(self, features: F32, first: I64, units: I64, wanted: I64) -> F32:
        """Features of some units on the same contacts: (n, n_features)."""
        moved = kernels.move_features(features, first, self.contacts, units, wanted)
        return moved.reshape(len(moved), moved.shape[1] * moved.shape[2])

    def norm(self, k: int) -> float:
        """Size of a unit's mean features, in noise SD."""
        return float(np.linalg.norm(self.means[k]))


def _features_of(sorting: Sorting, rows: I64, share: Share) -> F32:
    """Features of some spikes, which are read in the order of time."""
    features, order = sorting.spikes.features, np.argsort(rows)
    out = np.empty((len(rows), *features.shape[1:]), np.float32)
    parts = [order[start : start + SPIKES_AT_ONCE] for start in range(0, len(rows), SPIKES_AT_ONCE)]
    for part, found in zip(parts, share(partial(_read, features), [rows[part] for part in parts]), strict=True):
        out[part] = found
    return out


def _read(features: F32 | RowsOnDemand, rows: I64) -> F32:
    return np.asarray(features[rows], np.float32)


def _moments(features: F32) -> tuple[F32, Bool, F32]:
    """Mean of the features of a unit's spikes, contacts where there are any, and scatter around the mean."""
    mean = features.mean(axis=0)
    away = (features - mean).reshape(len(features), -1)
    return mean, np.asarray(features.any(axis=(0, 2))), away.T @ away


@dataclass(frozen=True, eq=False)
class _Unit:
    """One unit of a sorting; `best` is the column of its template with the best contact."""

    sorting: Sorting
    time: SortedTime
    k: int
    rows: I64
    together: F64
    best: int
    features: _FeatureSample

    @cached_property
    def train(self) -> I64:
        """Its spike times in samples."""
        return np.asarray(self.sorting.spikes.sample[self.rows], np.int64)

    def row(self) -> UnitMetrics:
        """Return its row of the table."""
        unit, hz = self.sorting.units[self.k], self.sorting.sampling_hz * UPSAMPLING
        waveform = upsampled(self.sorting.templates.uv[self.k, :, self.best])
        shape = waveform_shape(waveform, hz)
        measured = {**self._of_times(), **self._of_amplitudes(), **self._of_places(), **shape._asdict()}
        row = UnitMetrics(unit=unit.unit, **{name: _known(value) for name, value in measured.items()})
        kind, axonal = cell_type(shape, self.sorting.acgs[self.k]), non_somatic_reason(shape)
        hill = spike_times.hill_contamination(self.train, self.time, BOMBCELL_REFRACTORY_MS, BOMBCELL_CENSORED_MS)
        flatness = baseline_flatness(waveform, hz, BOMBCELL_BASELINE_MS)
        inputs = published_labels.Measured(row, unit.amplitude_uv, _known(flatness), _known(hill))
        bombcell, ibl = published_labels.bombcell_label(inputs, axonal), published_labels.ibl_label(inputs)
        return replace(
            row,
            non_somatic=bool(axonal),
            cell_type=kind.kind,
            cell_type_why=kind.why,
            bombcell_label=bombcell.label,
            bombcell_why=bombcell.why,
            ibl_label=ibl.share,
            ibl_why=ibl.why,
        )

    def _of_times(self) -> dict[str, Any]:
        train, time = self.train, self.time
        isi, pairs = spike_times.isi_violations(train, time), spike_times.rp_violations(train, time)
        return {
            "num_spikes": len(train),
            "firing_rate": len(train) / max(time.used_s, 1e-9),
            "presence_ratio": spike_times.presence_ratio(train, time),
            "isi_violations_ratio": isi.share,
            "isi_violations_count": isi.n,
            "rp_contamination": pairs.share,
            "rp_violations": pairs.n,
            "sliding_rp_violation": spike_times.sliding_rp_violation(train, time),
            "firing_range": spike_times.firing_range(train, time),
            **{f"sync_spike_{n}": share for n, share in zip(spike_times.SYNCHRONY_SIZES, self.together, strict=True)},
        }

    def _of_amplitudes(self) -> dict[str, Any]:
        """Amplitudes are multiples of the template, whose extremum on the best contact gives them a voltage."""
        relative = self.sorting.spikes.amplitude[self.rows].astype(np.float64)
        template = self.sorting.templates.uv[self.k, :, self.best]
        extremum_uv = float(template[np.abs(template).argmax()])
        time, norm = self.time, self.features.norm(self.k)
        cv, noise = amplitudes.amplitude_cv(relative, self.train, time), amplitudes.noise_cutoff(relative)
        return {
            "amplitude_median": extremum_uv * float(np.median(relative)) if len(relative) else None,
            "amplitude_cv_median": cv.median,
            "amplitude_cv_range": cv.range,
            "amplitude_cutoff": amplitudes.amplitude_cutoff(relative),
            "noise_cutoff": noise.cutoff,
            "noise_ratio": noise.ratio,
            "sd_ratio": amplitudes.sd_ratio(relative, 1 / norm if norm else 0.0, self.train, time),
            "snr": self.sorting.units[self.k].snr,
        }

    def _of_places(self) -> dict[str, Any]:
        templates, probe = self.sorting.templates, self.sorting.probe
        y_um = places_on_probe_um(self.sorting, self.rows)[:, 1].astype(np.float64)
        drift = position_drift(y_um, self.train, self.time)
        near = templates.contacts[self.k]
        columns = np.argsort(near)[np.count_nonzero(near < 0) :]
        waveforms, places = upsampled(templates.uv[self.k][:, columns]), probe.positions_um[near[columns]]
        speed = footprint.velocities(waveforms, places, self.sorting.sampling_hz * UPSAMPLING)
        return {
            "drift_ptp": drift.ptp,
            "drift_std": drift.std,
            "drift_mad": drift.mad,
            "velocity_above": speed.above,
            "velocity_below": speed.below,
            "exp_decay": footprint.exp_decay(waveforms, places),
            "spread": footprint.spread(waveforms, places),
            **self.features.isolation(self.k)._asdict(),
        }


def _known(value: float | int | None) -> Any:
    """A plain number; None if it is none."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if np.isfinite(value) else None
