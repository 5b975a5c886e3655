"""Metrics of one unit after a correction, while nothing else of the sorting is computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikesieve.curation.parts import Parts, evenly_spaced
from spikesieve.curation.recompute import means_of, measured_again
from spikesieve.metrics.spike_times import SYNCHRONY_SIZES, synchrony_of_train
from spikesieve.model import F32, F64, I32, I64, RowsOnDemand, Sorting, Spikes, Templates, Unit, UnitMetrics
from spikesieve.stages.echoes import name_echoes, partial_echoes
from spikesieve.stages.features import FeaturesOfUnits
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.unit_metrics import metrics_of_unit
from spikesieve.stages.units import autocorrelogram
from spikesieve.stages.waveforms import peak_to_peak_uv


@dataclass(frozen=True, eq=False)
class DescribedUnit:
    """A unit after a correction.

    Attributes
    ----------
    rows : ndarray of int32, shape (n,)
        Its spikes.
    row : Unit
        Its row of the unit table.
    uv : ndarray of float32, shape (n_contacts, n_waveform_samples)
        Its mean waveform on all contacts.
    """

    rows: I32
    row: Unit
    uv: F32


AT_ONCE = 1024
"""Spikes whose features are read between two pauses: each may be on a page of the file of its own."""
LOOKED_UP_AT_ONCE = 32_768
"""Spikes that are looked up among all spikes between two pauses."""


@dataclass(frozen=True, eq=False)
class ReadWithPauses(RowsOnDemand):
    """Features of which no part is read before a pause.

    Attributes
    ----------
    features : ndarray of float32, shape (n, n_near, n_pcs), or RowsOnDemand
        The features.
    pause : callable
        Called before each part.
    """

    features: F32 | RowsOnDemand
    pause: Callable[[], None]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the features."""
        return self.features.shape

    def rows(self, numbers: I64) -> F32:
        """Read rows, after a pause.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            Their numbers.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_pcs)
            The rows.
        """
        return self[numbers]

    def __getitem__(self, key: Any) -> F32:
        """Read what a key chooses, rows far apart a few at a time, after pauses."""
        self.pause()
        if not isinstance(key, np.ndarray) or key.dtype == np.bool_ or len(key) <= AT_ONCE:
            return np.asarray(self.features[key])
        return np.concatenate([self[key[at : at + AT_ONCE]] for at in range(0, len(key), AT_ONCE)])


def go_on() -> None:
    """Make no pause."""


def measured_after(
    sorting: Sorting, unit: DescribedUnit, near: Sequence[DescribedUnit], pause: Callable[[], None] = go_on
) -> tuple[Unit, UnitMetrics]:
    """Measure a unit that a correction made, and look for its echoes, as `curated` does.

    Parameters
    ----------
    sorting : Sorting
        The sorting before.
    unit : DescribedUnit
        The unit, with a spike at least.
    near : sequence of DescribedUnit
        The units after the correction from which it is told apart.
    pause : callable, optional
        Called every few hundredths of a second of the work, on which nothing else then waits. Default: go on.

    Returns
    -------
    Unit
        Its row of the unit table, with echoes of the units near it.
    UnitMetrics
        Its row of the metrics. How well it is isolated is measured on other random spikes than in `curated`, and spikes
        that were discarded count for the spikes at one sample.
    """
    small, means = _with_only(sorting, unit, near, pause)
    pause()
    trains = {k: np.asarray(sorting.spikes.sample[one.rows]) for k, one in enumerate((unit, *near)) if len(one.rows)}
    row = name_echoes(small.units, partial_echoes(trains, means, sorting.sorted_time, of={0}))[0][0]
    acg = autocorrelogram(trains[0], sorting.sorted_time)
    small = replace(small, acgs=np.stack([acg, *np.zeros((len(near), len(acg)), np.int64)]))
    synchrony = _synchrony(np.asarray(sorting.spikes.sample), trains[0], pause)
    pause()
    return row, metrics_of_unit(small, 0, synchrony)


def _synchrony(sample: I64, train: I64, pause: Callable[[], None]) -> F64:
    """The same as `synchrony_of_train`, with pauses. No cut is between two spikes at one sample."""
    cuts = np.searchsorted(train, train[LOOKED_UP_AT_ONCE::LOOKED_UP_AT_ONCE])
    counts = np.zeros(len(SYNCHRONY_SIZES))
    for part in np.split(train, cuts):
        pause()
        counts += np.rint(synchrony_of_train(sample, part) * len(part)) if len(part) else 0
    return counts / len(train)


def _with_only(
    sorting: Sorting, unit: DescribedUnit, near: Sequence[DescribedUnit], pause: Callable[[], None]
) -> tuple[Sorting, LearnedTemplates]:
    """A sorting of the unit, as row 0, and of some spikes of each of the others; the mean features of each."""
    units, old = (unit, *near), sorting.spikes
    parts = [unit.rows, *(evenly_spaced(other.rows) for other in near)]
    rows = np.concatenate(parts).astype(np.int64)
    order = np.argsort(rows, kind="stable")
    rows, row_of_unit = rows[order], np.repeat(np.arange(len(parts), dtype=np.int32), list(map(len, parts)))[order]
    n_spikes = np.stack([np.bincount(old.unit[part], minlength=len(sorting.units)) for part in parts])
    base = n_spikes.argmax(axis=1)
    wanted, template = sorting.feature_contacts[base], np.asarray(old.unit)
    read = ReadWithPauses(old.features, pause)
    features = FeaturesOfUnits(read, rows, template, sorting.feature_contacts, row_of_unit, wanted)
    taken = {name: getattr(old, name)[rows] for name in ("sample", "detection_template", "amplitude", "amplitude_uv")}
    spikes = Spikes(**taken, unit=row_of_unit, position_um=old.position_um[rows], features=features)
    near_contacts = sorting.templates.contacts[base]
    uv = np.stack([_on(one.uv, contacts) for one, contacts in zip(units, near_contacts, strict=True)])
    templates = Templates(uv, near_contacts, sorting.templates.peak_index)
    means = means_of(spikes, wanted)
    ids = np.array([one.row.unit for one in units], np.int64)
    changed = Parts(ids, n_spikes, base, np.arange(len(units)) == 0)
    small = replace(
        sorting,
        spikes=measured_again(sorting, spikes, means, changed, peak_to_peak_uv(templates)),
        templates=templates,
        units=tuple(one.row for one in units),
        feature_contacts=means.contacts,
        similarity=np.eye(len(units), dtype=np.float32),
        kept=np.ones(len(spikes), np.bool_),
        waveforms=None,
        metrics=(),
    )
    return small, means


def _on(uv: F32, contacts: I64) -> F32:
    """A mean waveform on some contacts, (n_waveform_samples, n_contacts); 0 for unused ones."""
    return np.where(contacts >= 0, uv[contacts].T, np.float32(0))
