"""Which spikes belong to which unit, and the mean waveform of each unit in PC scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, SpikeGroup

# A spike is compared with a unit, or a unit with another one, on the contacts that both have. These must hold at least
# this share of the unit's energy.
COMPARABLE_ENERGY = 0.8
# The mean of a unit is measured on the contacts on which at least this share of its spikes is described.
MEASURED_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Assignment:
    """The unit of each spike.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_spikes,)
        The unit that explains each spike best; -1 = none.
    amplitude : ndarray of float32, shape (n_spikes,)
        Size of each spike as a multiple of the unit's mean.
    score : ndarray of float32, shape (n_spikes,)
        Projection of each spike on the unit's mean, in noise SD.
    accepted : ndarray of bool, shape (n_spikes,)
        True for spikes of the unit. False where the spike is more likely noise, or another neuron's.
    """

    unit: I64
    amplitude: F32
    score: F32
    accepted: Bool

    @property
    def accepted_unit(self) -> I64:
        """The unit of each accepted spike, (n_spikes,) int64; -1 for all other spikes."""
        return np.where(self.accepted, self.unit, -1)

    def counts(self, n_units: int) -> I64:
        """Count the accepted spikes of each unit.

        Parameters
        ----------
        n_units : int
            Number of units.

        Returns
        -------
        ndarray of int64, shape (n_units,)
            Accepted spikes of units 0 to n_units - 1.

        Examples
        --------
        >>> one = np.ones(4, np.float32)
        >>> Assignment(np.array([0, 2, 2, -1]), one, one, np.array([True, True, False, True])).counts(3)
        array([1, 0, 1])
        """
        return np.bincount(self.unit[self.accepted & (self.unit >= 0)], minlength=n_units).astype(np.int64)


def unassigned(n_spikes: int) -> Assignment:
    """Describe spikes that have no unit yet.

    Parameters
    ----------
    n_spikes : int
        Number of spikes.

    Returns
    -------
    Assignment
        Read-only arrays. All spikes share the same few bytes, so this costs no memory.

    Examples
    --------
    >>> unassigned(3).unit
    array([-1, -1, -1])
    """
    unit, one = np.broadcast_to(np.int64(-1), n_spikes), np.broadcast_to(np.float32(1), n_spikes)
    return Assignment(unit, one, one, np.broadcast_to(np.False_, n_spikes))


@dataclass(frozen=True, eq=False)
class UnitMeans:
    """Mean PC scores of units on all contacts.

    Attributes
    ----------
    scores : ndarray of float64, shape (n_units, n_contacts, n_pcs)
        Means; 0 where not measured.
    measured : ndarray of bool, shape (n_units, n_contacts)
        Contacts on which the mean was measured.
    n_spikes : ndarray of float64, shape (n_units,)
        Spikes of each unit; an estimate where only some spikes were used.
    energy : ndarray of float64, shape (n_units, n_contacts)
        Squared norms of the means on each contact. Computed here and not when first asked for, because workers share
        the object.
    norms : ndarray of float64, shape (n_units,)
        Norms of the means in noise SD.
    """

    scores: F64
    measured: Bool
    n_spikes: F64
    energy: F64 = field(init=False)
    norms: F64 = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy", np.einsum("ucp,ucp->uc", self.scores, self.scores))
        object.__setattr__(self, "norms", np.asarray(np.sqrt(self.energy.sum(axis=1))))

    def comparable_on(self, contacts: I64) -> tuple[I64, F64, F64]:
        """Find the units that can be told apart on some contacts: most of their energy is there.

        Parameters
        ----------
        contacts : ndarray of int64, shape (n_some,)
            The contacts.

        Returns
        -------
        units : ndarray of int64, shape (n,)
            These units.
        scores : ndarray of float64, shape (n, n_some * n_pcs)
            Their means on these contacts.
        energy : ndarray of float64, shape (n,)
            Squared norms of these.
        """
        # The energy sums up other numbers than those below, so a little less is let through here.
        likely = np.flatnonzero(self.energy[:, contacts].sum(axis=1) >= 0.999 * COMPARABLE_ENERGY * self.norms**2)
        scores = self.scores[likely][:, contacts].reshape(len(likely), len(contacts) * self.scores.shape[2])
        energy = (scores**2).sum(axis=1)
        enough = (energy > 0) & (energy >= COMPARABLE_ENERGY * self.norms[likely] ** 2)
        return likely[enough], scores[enough], energy[enough]


@dataclass(frozen=True, eq=False)
class WeightedSpikes:
    """Spikes that units are learned from. Each can stand for several spikes of the recording.

    Attributes
    ----------
    spikes : DescribedSpikes
        The spikes.
    groups : sequence of SpikeGroup
        The same spikes by the contacts on which they are described.
    weight : ndarray of float64, shape (n_spikes,)
        How many spikes of the recording each spike stands for.
    """

    spikes: DescribedSpikes
    groups: Sequence[SpikeGroup]
    weight: F64


def mean_scores(learn_from: WeightedSpikes, assignment: Assignment, n_units: int, share: Share = map) -> UnitMeans:
    """Average the accepted spikes of each unit, each divided by its amplitude.

    Parameters
    ----------
    learn_from : WeightedSpikes
        Spikes to average.
    assignment : Assignment
        Their units.
    n_units : int
        Number of units.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    UnitMeans
        Means on the contacts where at least half of the unit's spikes are described. Each contact is shrunk
        towards 0 by the noise of its own mean.

    References
    ----------
    James, W. and Stein, C. (1961), Estimation with quadratic loss. The positive part of their estimator is used:
    with n spikes and n_pcs scores a contact is scaled by max(0, 1 - n_pcs / n / |mean|^2).
    """
    spikes = learn_from.spikes
    n_pcs = spikes.features.shape[2]
    n_contacts = int(spikes.template_contacts.max(initial=-1)) + 1
    sums = np.zeros((n_units, n_contacts, n_pcs))
    amplitude_sums, n_described = np.zeros((n_units, n_contacts)), np.zeros((n_units, n_contacts))
    parts = share(partial(_sums_of_units, spikes=spikes, assignment=assignment), learn_from.groups)
    for group, (units, products, amplitudes, n_rows) in zip(learn_from.groups, parts, strict=True):
        at = np.ix_(units, group.contacts)
        sums[at] += products.reshape(len(units), len(group.contacts), n_pcs)
        amplitude_sums[at] += amplitudes[:, None]
        n_described[at] += n_rows[:, None]
    counts = assignment.counts(n_units)
    measured = (n_described >= MEASURED_SHARE * counts[:, None]) & (n_described > 0)
    # A unit is measured on few of the contacts.
    means = sums[measured] / np.maximum(amplitude_sums[measured], 1e-9)[:, None]
    noise = n_pcs / n_described[measured]
    means *= np.maximum(0.0, 1 - noise / np.maximum((means**2).sum(axis=1), 1e-12))[:, None]
    scores = np.zeros_like(sums)
    scores[measured] = means
    inside = assignment.accepted & (assignment.unit >= 0)
    estimated = np.bincount(assignment.unit[inside], weights=learn_from.weight[inside], minlength=n_units)
    return UnitMeans(scores, measured, estimated.astype(np.float64))


def _sums_of_units(group: SpikeGroup, spikes: DescribedSpikes, assignment: Assignment) -> tuple[I64, F32, F32, F32]:
    """The units with spikes in a group; of each the summed features and amplitudes, and the number of spikes."""
    rows = np.flatnonzero(assignment.accepted[group.rows] & (assignment.unit[group.rows] >= 0))
    units, column = np.unique(assignment.unit[group.rows[rows]], return_inverse=True)
    member = np.zeros((len(units), len(rows)), np.float32)
    member[column, np.arange(len(rows))] = 1.0
    features = group.flat_features(spikes)
    sums = member @ (features if len(rows) == len(features) else features[rows])
    return units, sums, member @ assignment.amplitude[group.rows[rows]], member.sum(axis=1)
