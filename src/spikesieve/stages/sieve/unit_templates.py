"""Units as templates, on the contacts on which most of their spikes are described."""

from __future__ import annotations

import numpy as np

from spikesieve.model import I64
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.unit_means import UnitMeans
from spikesieve.stages.templates import LearnedTemplates


def units_as_templates(
    spikes: DescribedSpikes, unit: I64, means: UnitMeans, kept: I64, n_spikes: I64
) -> tuple[LearnedTemplates, I64]:
    """Turn the means of some units into templates.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    unit : ndarray of int64, shape (n_matched,)
        The unit of each spike; -1 = none.
    means : UnitMeans
        Means of all units.
    kept : ndarray of int64, shape (n_kept,)
        The units to turn into templates.
    n_spikes : ndarray of int64, shape (n_units,)
        Number of spikes that each unit is said to have.

    Returns
    -------
    templates : LearnedTemplates
        The kept units, each on the contacts of its parent.
    parent : ndarray of int64, shape (n_kept,)
        The template that matched most spikes of each kept unit.
    """
    counts = np.full((len(means.norms), len(spikes.template_contacts)), 0, np.int64)
    np.add.at(counts, (unit[unit >= 0], spikes.template[unit >= 0]), 1)
    parent = counts[kept].argmax(axis=1) if len(kept) else kept
    contacts = spikes.template_contacts[parent]
    scores = means.scores[kept[:, None], np.maximum(contacts, 0)]
    scores[contacts < 0] = 0.0
    return LearnedTemplates(contacts, scores.astype(np.float32), n_spikes[kept]), parent


def renumbered(unit: I64, kept: I64) -> I64:
    """Number the kept units 0, 1, 2, ... and take all other units away.

    Parameters
    ----------
    unit : ndarray of int64, shape (n,)
        The unit of each spike; -1 = none.
    kept : ndarray of int64, shape (n_kept,)
        Units to keep; kept[i] gets the number i.

    Returns
    -------
    ndarray of int64, shape (n,)
        New units; -1 = none.

    Examples
    --------
    >>> renumbered(np.array([5, 2, 3, -1, 5]), np.array([2, 5]))
    array([ 1,  0, -1, -1,  1])
    """
    number = np.full(max(unit.max(initial=-1), kept.max(initial=-1)) + 2, -1)
    number[kept] = np.arange(len(kept))
    return np.asarray(number[unit], dtype=np.int64)
