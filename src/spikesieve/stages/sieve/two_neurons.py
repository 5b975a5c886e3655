"""Whether two units that look alike are two neurons: their spikes, taken together, fall into the same two parts again.

See docs/sieve.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, group_by_contacts
from spikesieve.stages.sieve.merge_across_drift import MAX_OVERLAP
from spikesieve.stages.sieve.mixtures import MIN_POINTS
from spikesieve.stages.sieve.same_neuron import without_amplitude, without_jitter
from spikesieve.stages.sieve.splits import SplitTest, second_neuron
from spikesieve.stages.templates import component_lags

# Two units are two neurons where each has at least this share of its spikes on its own side of the split. Of two
# Gaussians 3 SD apart, the one that is 6 times as rare has a fifth of its points on the other side.
MIN_OWN_SIDE = 0.8
# More spikes of a unit tell no more.
MAX_SPIKES = 1000


@dataclass(frozen=True, eq=False)
class AlikeUnits:
    """Spikes of units, of which some look alike.

    Attributes
    ----------
    spikes : DescribedSpikes
        The spikes.
    unit : ndarray of int64, shape (n_spikes,)
        Their units; -1 = none.
    displacement_bin : ndarray of int64, shape (n_spikes,)
        Where the tissue was at each spike.
    params : RefineParams
        When spikes are those of two neurons.
    """

    spikes: DescribedSpikes
    unit: I64
    displacement_bin: I64
    params: RefineParams

    def may_be_one(self, a: int, b: int) -> bool:
        """Decide whether two units may be one neuron.

        Parameters
        ----------
        a, b : int
            The units.

        Returns
        -------
        bool
            False where both were seen at the same displacements, and two Gaussians explain their spikes better than
            one and part them as the units do. The size and the time of a spike do not count: one neuron's vary.
        """
        rows = [np.flatnonzero(self.unit == k) for k in (a, b)]
        if min(map(len, rows)) < MIN_POINTS or self._overlap(*rows) < MAX_OVERLAP:
            return True
        found = [self._main_group(of_unit[:: -(-len(of_unit) // MAX_SPIKES)]) for of_unit in rows]
        (contacts_a, x_a, rows_a), (contacts_b, x_b, rows_b) = found
        _, in_a, in_b = np.intersect1d(contacts_a, contacts_b, return_indices=True)
        x = np.concatenate([x_a[:, in_a], x_b[:, in_b]]).astype(np.float64)
        test = SplitTest(component_lags(self.spikes.pcs), self.spikes.time, self.params)
        upper = second_neuron(_shapes(x, test), self.spikes.sample[np.concatenate([rows_a, rows_b])], test)
        return upper is None or not _parts_as(upper, len(rows_a))

    def _overlap(self, a: I64, b: I64) -> float:
        """Share of the rarer unit's spikes at displacements where the other one has as many; rows of their spikes."""
        n = int(self.displacement_bin.max()) + 1
        of_a, of_b = (np.bincount(self.displacement_bin[rows], minlength=n) for rows in (a, b))
        return float(np.minimum(of_a, of_b).sum() / min(len(a), len(b)))

    def _main_group(self, rows: I64) -> tuple[I64, F32, I64]:
        """The contacts that most spikes are described on, the scores on them, and the rows of these spikes."""
        group = max(group_by_contacts(self.spikes, rows), key=lambda one: len(one.rows))
        x = group.flat_features(self.spikes)
        return group.contacts, x.reshape(len(x), len(group.contacts), -1), group.rows


def _shapes(x: F64, test: SplitTest) -> F64:
    """Scores (n, n_contacts, n_pcs) as rows, without what varies in one neuron: the time and the size of its spikes."""
    mean, flat = x.mean(axis=0), x.reshape(len(x), -1)
    return without_amplitude(
        without_jitter(flat, mean, test.lags), without_jitter(mean.reshape(1, -1), mean, test.lags)
    )


def _parts_as(upper: Bool, n_first: int) -> bool:
    """Whether a split parts the first `n_first` spikes from the others."""
    first, second = upper[:n_first].mean(), upper[n_first:].mean()
    return bool(max(min(1 - first, second), min(first, 1 - second)) >= MIN_OWN_SIDE)
