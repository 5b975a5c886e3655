"""Complete templates that lack a part of their waveform, because another template explains it.

While two neurons share a template, each spike of the one that fits it less leaves a rest. A smaller template that
resembles this rest is matched to it, and subtracted before the neuron's own template is learned. The two then always
fire together. See docs/sieve.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.metrics.echoes import JITTER_MS, echo
from spikesieve.model import F32, F64, I64, Bool
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.echoes import coincident_share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.templates import advanced
from spikesieve.stages.tissue import MovingTemplates

# A template is incomplete if more than this share of its spikes come at one lag of a smaller template's.
MIN_SHARE = 0.5
# A smaller template with fewer spikes of its own is left out.
MIN_SPIKES = 8


def complete_templates(
    templates: MovingTemplates, spikes: DescribedSpikes, unit: I64, matched_by: MovingTemplates
) -> MovingTemplates:
    """Add to each template what was matched, and subtracted, nearly always when its neuron fired.

    Parameters
    ----------
    templates : MovingTemplates
        Templates that were learned from the spikes.
    spikes : DescribedSpikes
        The spikes.
    unit : ndarray of int64, shape (n_spikes,)
        The template that each spike was learned as; -1 = none.
    matched_by : MovingTemplates
        The templates that matched the spikes.

    Returns
    -------
    MovingTemplates
        As many templates. Spikes that a smaller one had of a larger one are no longer counted; those of which too
        few are left have no spikes.

    Examples
    --------
    The second template was matched to the rest of all spikes of the first one, and as often alone.

    >>> from spikesieve.model import SortedTime
    >>> from spikesieve.stages.templates import LearnedTemplates
    >>> contacts, scores = np.tile([0, 1], (2, 1)), np.array([[9, 1], [0, 4]], np.float32)[:, :, None]
    >>> rest = LearnedTemplates(contacts, scores, np.array([100, 200]))
    >>> both = MovingTemplates(rest, np.zeros(1), contacts[None], scores[None])
    >>> first = np.sort(np.random.default_rng(0).integers(0, 3_000_000, 100))
    >>> sample, unit = np.concatenate([first, first, first + 9999]), np.repeat([0, 1, 1], 100)
    >>> one, time = np.ones(300, np.float32), SortedTime(((0, 4_000_000),), 30_000.0)
    >>> spikes = DescribedSpikes(
    ...     sample, unit, np.zeros((300, 2, 1), np.float32), one, one / 2, one, contacts, scores,
    ...     np.full((1, 4), 0.5, np.float32), time, 100.0)
    >>> found = complete_templates(both, spikes, unit, both).rest
    >>> found.scores[:, :, 0].tolist(), found.n_spikes.tolist()
    ([[9.0, 3.0], [0.0, 4.0]], [100, 100])
    """
    rows = rows_of_units(unit, len(templates.rest))
    rows = [of_unit[np.argsort(spikes.sample[of_unit], kind="stable")] for of_unit in rows]
    trains = [spikes.sample[of_unit] for of_unit in rows]
    norms, scores, n_spikes = templates.rest.norms, templates.scores.copy(), templates.rest.n_spikes.copy()
    for a, b in np.argwhere(_share_contacts(templates.rest.contacts)).tolist():
        if (
            norms[a] <= norms[b]
            or not len(trains[a])
            or coincident_share(trains[a], trains[b], spikes.time) <= MIN_SHARE
        ):
            continue
        found = echo(trains[a], trains[b], spikes.time)
        if found.share > MIN_SHARE:
            is_rest = _near(trains[b] + found.lag_samples, trains[a], JITTER_MS * 1e-3 * spikes.time.sampling_hz)
            subtracted = _Subtracted.for_spikes(spikes, rows[b][is_rest], len(trains[a]), found.lag_samples)
            scores[:, a] += subtracted.on(templates.contacts[:, a], matched_by, spikes.pcs)
            n_own = np.count_nonzero(~is_rest)
            n_spikes[b] = round(n_spikes[b] * n_own / len(is_rest)) if n_own >= MIN_SPIKES else 0
    still = int(np.abs(templates.steps_um).argmin())
    return replace(templates, rest=replace(templates.rest, scores=scores[still], n_spikes=n_spikes), scores=scores)


@dataclass(frozen=True, eq=False)
class _Subtracted:
    """What matching subtracted beside each spike of a neuron, on average."""

    amplitude_of_template: F64
    lag_samples: int

    @classmethod
    def for_spikes(cls, spikes: DescribedSpikes, rows: I64, n_spikes: int, lag_samples: int) -> _Subtracted:
        """Of the spikes in `rows`, `lag_samples` before `n_spikes` spikes of the neuron."""
        return cls(np.bincount(spikes.template[rows], spikes.amplitude[rows]) / n_spikes, lag_samples)

    def on(self, contacts: I64, matched_by: MovingTemplates, pcs: F32) -> F64:
        """Its scores at each step of displacement, on the contacts (n_steps, n_near) of the neuron then."""
        total = np.zeros((*contacts.shape, len(pcs)))
        for k in np.flatnonzero(self.amplitude_of_template):
            same = (contacts[:, :, None] == matched_by.contacts[:, k, None, :]) & (contacts >= 0)[:, :, None]
            moved = advanced(matched_by.scores[:, k], self.lag_samples, pcs)
            total += self.amplitude_of_template[k] * np.einsum("sij,sjp->sip", same, moved)
        return total


def _near(sample: I64, others: I64, reach_samples: float) -> Bool:
    """Which samples have another one within reach; both ascending."""
    first = np.searchsorted(others, sample - reach_samples, "left")
    return np.asarray(np.searchsorted(others, sample + reach_samples, "right") > first)


def _share_contacts(contacts: I64) -> Bool:
    """Pairs of templates (n, n) that have a contact in common; `contacts` (n, n_near) is -1 where unused."""
    used = np.zeros((len(contacts), int(contacts.max(initial=-1)) + 2), np.float32)
    np.put_along_axis(used, contacts, 1.0, axis=1)
    shared = used[:, :-1] @ used[:, :-1].T > 0
    np.fill_diagonal(shared, False)
    return shared
