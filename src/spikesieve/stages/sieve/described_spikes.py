"""Spikes as template matching left them, and groups of spikes that are described on the same contacts.

Template matching describes each spike by its PC scores, with all other spikes subtracted. The noise of these features
has SD 1 in every score and is independent between scores. The log likelihood of a spike under a unit therefore
follows from its squared distance to the unit's mean. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F32, F64, I32, I64, Bool, SortedTime

# Spikes that are read at a time.
SPIKES_AT_ONCE = 10_000


@dataclass(frozen=True, eq=False)
class DescribedSpikes:
    """Spikes as template matching left them, with what is needed to assign them to units.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples.
    template : ndarray of int32, shape (n_spikes,)
        The template that matched each spike.
    features : ndarray of float32, shape (n_described, n_near, n_pcs)
        PC scores with all other spikes subtracted; noise SD 1. `n_described` is `n_spikes` unless `feature_row` is set.
    excess : ndarray of float32, shape (n_spikes,)
        Score of each spike above the smallest score that matching would have accepted, in noise SD.
    amplitude : ndarray of float32, shape (n_spikes,)
        Multiple of the template that was subtracted for the spike, and then added again as it is at rest.
    norm_ratio : ndarray of float32, shape (n_spikes,)
        Norm of the template where the spike was matched, divided by its norm at rest.
    template_contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts on which the spikes of each template are described; -1 marks an unused column.
    template_scores : ndarray of float32, shape (n_templates, n_near, n_pcs)
        The templates at rest (displacement 0).
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components of the features.
    time : SortedTime
        The time that was sorted.
    duration_s : float
        Length in s of what was matched.
    whole : ndarray of bool, shape (n_spikes,), optional
        False for spikes of which too much is blanked to learn from them. None: all are whole.
    seen_share : ndarray of float64, shape (n_templates,), optional
        Share of the time in which spikes of each template are seen. None: all of it.
    feature_row : ndarray of int64, shape (n_spikes,), optional
        Row of `features` of each spike, where `features` holds more spikes than these. None: row i is spike i.
    """

    sample: I64
    template: I32
    features: F32
    excess: F32
    amplitude: F32
    norm_ratio: F32
    template_contacts: I64
    template_scores: F32
    pcs: F32
    time: SortedTime
    duration_s: float
    whole: Bool | None = None
    seen_share: F64 | None = None
    feature_row: I64 | None = None

    def take(self, rows: I64) -> DescribedSpikes:
        """Select spikes without copying their features.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Spikes to keep, in this order.

        Returns
        -------
        DescribedSpikes
            The selected spikes. They share `features` with the original.
        """
        per_spike = ("sample", "template", "excess", "amplitude", "norm_ratio")
        columns = {name: getattr(self, name)[rows] for name in per_spike}
        whole = None if self.whole is None else self.whole[rows]
        return replace(self, **columns, whole=whole, feature_row=self._feature_rows(rows))

    def seen_share_of_units(self, unit: I64, n_units: int) -> F64:
        """Compute in which share of the time spikes of each unit are seen.

        Parameters
        ----------
        unit : ndarray of int64, shape (n_spikes,)
            The unit of each spike; -1 = none.
        n_units : int
            Number of units.

        Returns
        -------
        ndarray of float64, shape (n_units,)
            The mean over its spikes; 1 for units without spikes.
        """
        share = np.ones(n_units)
        if self.seen_share is not None:
            inside = unit >= 0
            total = np.bincount(unit[inside], self.seen_share[self.template[inside]], n_units)
            np.divide(total, np.bincount(unit[inside], minlength=n_units), out=share, where=total > 0)
        return share

    def features_of(self, rows: I64) -> F32:
        """Read the features of some spikes.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Spikes to read.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_pcs)
            Their PC scores.
        """
        return np.asarray(self.features[self._feature_rows(rows)])

    def _feature_rows(self, rows: I64) -> I64:
        return rows if self.feature_row is None else self.feature_row[rows]


@dataclass(frozen=True, eq=False)
class SpikeGroup:
    """Spikes that are described on the same contacts.

    Attributes
    ----------
    contacts : ndarray of int64, shape (n_used,)
        The contacts.
    is_used : ndarray of bool, shape (n_near,)
        Which columns of the features belong to these contacts; the others are padding.
    rows : ndarray of int64, shape (n,)
        The spikes, as rows of a `DescribedSpikes`.
    in_memory : ndarray of float32, shape (n, n_used * n_pcs), optional
        Their features. None: they are read each time they are needed.
    """

    contacts: I64
    is_used: Bool
    rows: I64
    in_memory: F32 | None = None

    def flat_features(self, spikes: DescribedSpikes) -> F32:
        """Read the features, one row a spike.

        Parameters
        ----------
        spikes : DescribedSpikes
            What `rows` counts.

        Returns
        -------
        ndarray of float32, shape (n, n_used * n_pcs)
            PC scores, contact after contact.
        """
        if self.in_memory is not None:
            return self.in_memory
        return _flat(spikes.features_of(self.rows), self.is_used)

    def chunks(self, max_spikes: int) -> list[SpikeGroup]:
        """Divide the group into chunks of at most `max_spikes` spikes, in order.

        Parameters
        ----------
        max_spikes : int
            Largest number of spikes of a chunk.

        Returns
        -------
        list of SpikeGroup
            The chunks; none for an empty group.

        Examples
        --------
        >>> group = SpikeGroup(np.array([4, 5]), np.array([True, True]), np.arange(5))
        >>> [chunk.rows.tolist() for chunk in group.chunks(2)]
        [[0, 1], [2, 3], [4]]
        """
        parts = [slice(start, start + max_spikes) for start in range(0, len(self.rows), max_spikes)]
        x = self.in_memory
        return [SpikeGroup(self.contacts, self.is_used, self.rows[p], None if x is None else x[p]) for p in parts]


def group_by_contacts(spikes: DescribedSpikes, rows: I64) -> list[SpikeGroup]:
    """Group spikes by the contacts on which they are described.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    rows : ndarray of int64, shape (n,)
        The spikes to group.

    Returns
    -------
    list of SpikeGroup
        One group for each set of contacts that has spikes.
    """
    sets, set_of_template = np.unique(spikes.template_contacts, axis=0, return_inverse=True)
    set_of_spike = set_of_template.ravel()[spikes.template[rows]]
    parts = [(contacts, contacts >= 0, rows[set_of_spike == i]) for i, contacts in enumerate(sets)]
    return [SpikeGroup(contacts[is_used], is_used, members) for contacts, is_used, members in parts if len(members)]


def load_features(spikes: DescribedSpikes, groups: Sequence[SpikeGroup]) -> tuple[DescribedSpikes, list[SpikeGroup]]:
    """Read the features of all groups into memory, with one look at the file.

    Parameters
    ----------
    spikes : DescribedSpikes
        The spikes.
    groups : sequence of SpikeGroup
        Groups of these spikes, each spike in one of them.

    Returns
    -------
    spikes : DescribedSpikes
        The same spikes with their features in memory, those of a group beside each other.
    groups : list of SpikeGroup
        The same groups with their features in memory: the same memory where no column is padding.
    """
    n, ends = len(spikes.sample), np.cumsum([len(group.rows) for group in groups])
    place = np.empty(n, np.int64)
    place[np.concatenate([np.empty(0, np.int64), *(group.rows for group in groups)])] = np.arange(n)
    features = np.empty((n, *spikes.features.shape[1:]), np.float32)
    for start in range(0, n, SPIKES_AT_ONCE):
        rows = np.arange(start, min(start + SPIKES_AT_ONCE, n))
        features[place[rows]] = spikes.features_of(rows)
    flat = [
        _flat(features[end - len(group.rows) : end], group.is_used) for group, end in zip(groups, ends, strict=True)
    ]
    loaded = [replace(group, in_memory=x) for group, x in zip(groups, flat, strict=True)]
    return replace(spikes, features=features, feature_row=place), loaded


def _flat(features: F32, is_used: Bool) -> F32:
    """One row a spike, without padding; a copy only where there is padding."""
    x = features if is_used.all() else features[:, is_used]
    return np.ascontiguousarray(x.reshape(len(x), x.shape[1] * x.shape[2]), dtype=np.float32)
