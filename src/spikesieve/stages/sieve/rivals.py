"""Find templates whose spikes another template explains nearly as well: they are that neuron's spikes.

A cluster of a few spikes of a neuron, which noise made alike, becomes a template of its own. It then takes those spikes
of the neuron that noise makes likelier from it. They pile up where the two templates are equally likely; the spikes of
a neuron of its own do not. See docs/sieve.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spikesieve.model import F32, F64, I32, I64
from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import sure_excess
from spikesieve.stages.sieve.unit_means import COMPARABLE_ENERGY
from spikesieve.stages.templates import advanced, component_lags, unit_norm
from spikesieve.stages.tissue import MovingTemplates

# A template may explain the spikes of another one where their correlation, at a lag up to the second, exceeds the
# first: more than a third of the energy. Half of a waveform at another lag may be unseen, and counts as if it fitted.
MIN_CORRELATION, MAX_LAG_MS = 0.6, 0.5
# More spikes of a template tell no more.
MAX_SPIKES = 500
# Templates that one worker judges before it asks for more.
TEMPLATES_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class SpikesAsSeen:
    """Where the tissue was when spikes were matched.

    Attributes
    ----------
    templates : MovingTemplates
        The templates that matched the spikes.
    steps : ndarray of int64, shape (n_blocks, n_templates)
        Step of displacement of each template in each block of the recording.
    block : ndarray of int64, shape (n_spikes,)
        The block of each spike.
    """

    templates: MovingTemplates
    steps: I64
    block: I64

    def at(self, rows: I64, template: int) -> tuple[I64, F32]:
        """Look up what a template looks like at some spikes.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            The spikes.
        template : int
            The template.

        Returns
        -------
        contacts : ndarray of int64, shape (n, n_near)
            Contacts that see it then; -1 marks an unused entry.
        scores : ndarray of float32, shape (n, n_near, n_pcs)
            Its scores there.
        """
        step = self.steps[self.block[rows], template]
        return self.templates.contacts[step, template], self.templates.scores[step, template]


@dataclass(frozen=True, eq=False)
class Rivals:
    """For each template the one that explains its spikes nearly as well, if there is one.

    Attributes
    ----------
    template : ndarray of int64, shape (n_templates,)
        That template; -1 where there is none.
    lag_samples : ndarray of int64, shape (n_templates,)
        How much later the spikes are as spikes of that template.
    """

    template: I64
    lag_samples: I64

    def own(self, template: I32) -> I64:
        """Find the spikes of templates without a rival.

        Parameters
        ----------
        template : ndarray of int32, shape (n_spikes,)
            The template of each spike.

        Returns
        -------
        ndarray of int64, shape (n,)
            Rows of these spikes.
        """
        return np.flatnonzero(self.template[template] < 0)

    def hand_over(self, spikes: DescribedSpikes, unit: I64, sample: I64) -> tuple[I64, I64]:
        """Give the spikes of each template that has a rival to the unit of that rival.

        Parameters
        ----------
        spikes : DescribedSpikes
            All spikes.
        unit : ndarray of int64, shape (n_spikes,)
            The unit of each spike; -1 = none.
        sample : ndarray of int64, shape (n_spikes,)
            Spike times in samples.

        Returns
        -------
        unit, sample : ndarray of int64, shape (n_spikes,)
            The same with the spikes handed over. The unit of a rival is the one that most of its spikes have.
        """
        unit, sample = unit.copy(), sample.copy()
        for k in np.flatnonzero(self.template >= 0):
            of_rival = unit[spikes.template == self.template[k]]
            rows = np.flatnonzero(spikes.template == k)
            unit[rows] = np.bincount(of_rival + 1).argmax() - 1 if len(of_rival) else -1
            sample[rows] += self.lag_samples[k]
        return unit, sample


def find_rivals(
    spikes: DescribedSpikes, seen: SpikesAsSeen, fit: FitParams, params: RefineParams, share: Share = map
) -> Rivals:
    """Find the templates whose spikes a more frequent template explains nearly as well.

    Matching gives a spike to the rarer of two templates if that is likelier by more than the price of its rarity. Half
    of a neuron's spikes exceed this limit by `min_median_excess_sd`, as they exceed that of noise. A template has a
    rival if this is false with 97.5 % confidence.

    Parameters
    ----------
    spikes : DescribedSpikes
        All matched spikes.
    seen : SpikesAsSeen
        Where the tissue was at each spike.
    fit : FitParams
        Variation of the amplitudes.
    params : RefineParams
        How much half of the spikes must exceed the limit.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    Rivals
        No template that has a rival is one.
    """
    n = len(seen.templates.rest)
    n_spikes = np.bincount(spikes.template, minlength=n)
    order = np.argsort(n_spikes, kind="stable")
    judged = order[n_spikes[order] > 0]
    rows_of, first = np.argsort(spikes.template, kind="stable"), np.append(0, np.cumsum(n_spikes))
    some = [(int(k), rows_of[first[k] : first[k + 1]][:: -(-n_spikes[k] // MAX_SPIKES)]) for k in judged]
    some.sort()  # neighbours together: what they read of the templates is the same
    batches = [some[i : i + TEMPLATES_AT_ONCE] for i in range(0, len(some), TEMPLATES_AT_ONCE)]
    found = Rivals(np.full(n, -1), np.zeros(n, np.int64))
    for batch, verdicts in zip(batches, share(_Judge(spikes, seen, n_spikes, fit, params), batches), strict=True):
        for (k, _), (rival, lag_samples) in zip(batch, verdicts, strict=True):
            found.template[k], found.lag_samples[k] = rival, lag_samples
    # A rival is more frequent, and may have one in turn.
    for k in order[::-1]:
        rival = found.template[k]
        if rival >= 0 and found.template[rival] >= 0:
            found.template[k] = found.template[rival]
            found.lag_samples[k] += found.lag_samples[rival]
    return found


@dataclass(frozen=True, eq=False)
class _Judge:
    """Finds the rivals of templates from some of their spikes. It can be pickled."""

    spikes: DescribedSpikes
    seen: SpikesAsSeen
    n_spikes: I64
    fit: FitParams
    params: RefineParams

    def __call__(self, batch: list[tuple[int, I64]]) -> list[tuple[int, int]]:
        """Return the rival of each and how much later its spikes are as the rival's; -1 and 0 if there is none."""
        # Spikes of several templates lie closer together in the file than those of one.
        edges = np.cumsum([0, *(len(rows) for _, rows in batch)]).tolist()
        features = self.spikes.features_of(np.concatenate([rows for _, rows in batch]))
        return [
            self._rival(_Spikes.of(self.spikes, self.seen, rows, k, features[a:b]))
            for (k, rows), (a, b) in zip(batch, pairwise(edges), strict=True)
        ]

    def _rival(self, one: _Spikes) -> tuple[int, int]:
        k = one.template
        correlation, lag = one.correlations()
        others = np.flatnonzero((correlation > MIN_CORRELATION) & (self.n_spikes > self.n_spikes[k])).tolist()
        excess = {j: one.largest_excess_over(j, int(lag[j]), self.fit) for j in others}
        best = min(others, key=lambda j: excess[j], default=-1)
        if best < 0 or excess[best] >= self.params.min_median_excess_sd:
            return -1, 0
        return best, int(lag[best])


@dataclass(frozen=True, eq=False)
class _Spikes:
    """Spikes of one template as the contacts saw them, with all other spikes subtracted."""

    seen: SpikesAsSeen
    rows: I64
    template: int
    contacts: I64
    own: F32
    scores: F32
    pcs: F32
    sampling_hz: float

    @classmethod
    def of(cls, spikes: DescribedSpikes, seen: SpikesAsSeen, rows: I64, template: int, features: F32) -> _Spikes:
        """Undo what describes the spikes as they would be at rest."""
        contacts, own = seen.at(rows, template)
        moved = spikes.amplitude[rows, None, None] * (own - seen.templates.rest.scores[template])
        scores = features + moved
        return cls(seen, rows, template, contacts, own, scores, spikes.pcs, spikes.time.sampling_hz)

    def correlations(self) -> tuple[F32, I64]:
        """Correlate the template with all others, where the tissue was at half of the spikes.

        Returns the largest correlation over lags, and its lag: by how many samples the other one is placed later.
        """
        steps = self.seen.steps[self.seen.block[self.rows]]
        templates = self.seen.templates.at(steps[np.argsort(steps[:, self.template], kind="stable")[len(steps) // 2]])
        own = templates.contacts[self.template]
        near = np.flatnonzero(np.isin(templates.contacts, own[own >= 0]).any(axis=1))
        some = templates.take(near)
        dense = replace(some, scores=unit_norm(some)).dense(int(some.contacts.max()) + 1)
        lags = component_lags(self.pcs)
        middle, reach = lags.shape[2] // 2, round(MAX_LAG_MS * 1e-3 * self.sampling_hz)
        one = dense[np.searchsorted(near, self.template)]
        products = np.einsum("kcq,cp->kqp", dense, one, optimize=True).reshape(len(dense), -1)
        table = products @ lags[:, :, middle - reach : middle + reach + 1].reshape(products.shape[1], -1)
        correlation, lag = np.zeros(len(templates), np.float32), np.zeros(len(templates), np.int64)
        correlation[near], lag[near] = table.max(axis=1), reach - table.argmax(axis=1)
        return correlation, lag

    def largest_excess_over(self, rival: int, lag_samples: int, fit: FitParams) -> float:
        """How much half of the spikes may exceed the limit at which matching prefers a rival, in noise SD.

        With 97.5 % confidence it is not more. The rival's spike would be `lag_samples` later. Infinite where the
        contacts do not see most of the rival.
        """
        contacts, scores = self.seen.at(self.rows, rival)
        same = (contacts[:, :, None] == self.contacts[:, None, :]) & (contacts >= 0)[:, :, None]
        scores, total = scores * same.any(axis=2)[:, :, None], _energy(scores).sum()
        if _energy(scores).sum() < COMPARABLE_ENERGY * total:
            return np.inf
        column = same.argmax(axis=2)[:, :, None]
        of_spike, of_own = (np.take_along_axis(x, column, axis=1) for x in (self.scores, self.own))
        own_energy, no_energy = _energy(self.own), np.zeros(len(self.rows))
        # What of the rival's waveform lies outside the window.
        outside = np.maximum(_energy(scores) - _energy(advanced(scores, -lag_samples, self.pcs)), 0.0)
        gain, expected = np.full((2, len(self.rows)), -np.inf)
        for lag in (lag_samples - 1, lag_samples, lag_samples + 1):
            shifted = advanced(scores, -lag, self.pcs)
            inside = _energy(shifted)
            gain = np.maximum(gain, _gain((of_spike * shifted).sum(axis=(1, 2)), inside, outside, fit))
            expected = np.maximum(expected, _gain((of_own * shifted).sum(axis=(1, 2)), inside, outside, fit))
        gain = _gain((self.scores * self.own).sum(axis=(1, 2)), own_energy, no_energy, fit) - gain
        # Of spikes that are d SD from the rival, the log likelihood ratio has mean d^2 / 2 and SD d. This is twice it.
        apart_sd = np.sqrt(np.maximum(_gain(own_energy, own_energy, no_energy, fit) - expected, 1.0))
        n_spikes = np.maximum(self.seen.templates.rest.n_spikes, 1)
        price = 2 * np.log(n_spikes[rival] / n_spikes[self.template])
        excess = ((gain - price) / (2 * apart_sd)).astype(np.float32)
        return -float(sure_excess(-excess, np.zeros(len(excess), np.int64), 1)[0])


def _energy(scores: F32) -> F64:
    return np.asarray((scores.astype(np.float64) ** 2).sum(axis=(1, 2)))


def _gain(projection: F64, energy: F64, outside: F64, fit: FitParams) -> F64:
    """Twice the log likelihood that a template adds at the best amplitude, if what is outside the window fits too."""
    precision = fit.amplitude_cv**-2.0
    a = np.maximum((projection + precision) / (energy + precision), fit.min_amplitude_ratio)
    return np.asarray(2 * a * (projection + precision) - a**2 * (energy + precision - outside) - precision)
