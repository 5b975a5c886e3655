"""Footprints in tissue coordinates: what whitened contacts see of a neuron after the tissue has moved.

A neuron's footprint is a function of place in the tissue, held to be a draw of a Gaussian process with a Matern 3/2
kernel. Contact c at displacement p sees it at (x_c, y_c - p) and the whitening mixes what the contacts see, so whitened
scores at any displacement are jointly Gaussian too, with white noise of variance 1 on top: means over the spikes at the
displacements that were visited tell those at any other (kriging; Rasmussen & Williams 2006, eq. 2.25).
No voltage is interpolated. See docs/tissue.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spikesieve.geometry import distances_um
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.templates import LearnedTemplates

NO_CONTACT_UM = 1.0
# Added to the covariance, relative to its diagonal, so that its Cholesky factor exists.
JITTER = 1e-6
# Tables of covariances that are kept, about 2 kB each.
MOST_TABLES = 20_000
TRACES_RIDGE = 0.01


@dataclass(frozen=True, eq=False)
class Tissue:
    """Covariances of whitened scores. Tables are kept, since few contact sets and displacements recur.

    probe      contacts that are sorted
    whitening  (n_contacts, n_contacts) float32
    """

    probe: Probe
    whitening: F32
    params: TissueParams
    _known: dict[tuple[bytes, bytes, float], F64] = field(default_factory=dict)

    def covariance(self, a: I64, b: I64, moved_um: float) -> F64:
        """(len(a), len(b)) float64: of scores on contacts a, with the tissue `moved_um` farther up, and on contacts b.

        Contact -1 covaries with nothing. The prior variance of the footprint in uV is 1.
        """
        key = a.tobytes(), b.tobytes(), round(moved_um, 3)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_TABLES:
                self._known.clear()
            found = self._known[key] = self._covariance(a, b, moved_um)
        return found

    def _covariance(self, a: I64, b: I64, moved_um: float) -> F64:
        rows, columns = self.whitening[np.maximum(a, 0)], self.whitening[np.maximum(b, 0)]
        of_a, of_b = np.flatnonzero(rows.any(axis=0)), np.flatnonzero(columns.any(axis=0))
        xy, shanks = self.probe.positions_um, self.probe.shanks
        distance = distances_um(xy[of_a] - (0.0, moved_um), shanks[of_a], xy[of_b], shanks[of_b])
        # Contacts of two shanks are infinitely far apart; 1e3 lengths are enough for nothing.
        scaled = np.sqrt(3.0) * np.minimum(distance / self.params.length_scale_um, 1e3)
        kernel = (1 + scaled) * np.exp(-scaled)
        found = rows[:, of_a] @ kernel @ columns[:, of_b].T
        found[a < 0], found[:, b < 0] = 0.0, 0.0
        return np.asarray(found, dtype=np.float64)

    def to_rest(self, here: I64, rest: I64, displacement_um: float) -> F32:
        """(len(rest), len(here)) float32: scores on contacts `here` to those at rest on contacts `rest`."""
        prior = self.covariance(here, here, 0.0)
        noise = self.params.noise_variance_ratio * np.trace(prior) / max(1, (here >= 0).sum())
        weights = np.linalg.solve(prior + noise * np.eye(len(here)), self.covariance(here, rest, displacement_um))
        return np.asarray(weights.T, dtype=np.float32)

    def contacts_at(self, displacement_um: float) -> I64:
        """(n_contacts,) int64: the contact that then sees what each sees at rest, no contact twice; -1 beyond the ends.

        The assignment with the least sum of squared distances; no contact stands in for one farther away than the
        displacement or the largest gap between neighbours.
        """
        xy = self.probe.positions_um
        found = np.full(len(xy), -1, np.int64)
        for shank in np.unique(self.probe.shanks):
            mine = np.flatnonzero(self.probe.shanks == shank)
            squared = cdist(xy[mine] + (0.0, displacement_um), xy[mine], "sqeuclidean")
            apart = cdist(xy[mine], xy[mine], "sqeuclidean") + np.diag(np.full(len(mine), np.inf))
            gap = apart.min(axis=1).max() if len(mine) > 1 else 0.0
            # To have no contact costs a little more than to stand still, or than the largest gap between contacts.
            none = min(displacement_um**2, gap) + NO_CONTACT_UM**2
            rows, columns = linear_sum_assignment(np.minimum(squared, none))
            near = squared[rows, columns] < none
            found[mine[rows[near]]] = mine[columns[near]]
        return found


def traces_to_rest(probe: Probe, displacement_um: F64, length_um: float) -> F32:
    """(n_contacts, n_contacts) float32: traces of displaced contacts to those at rest, by kriging as Kilosort4 does it.

    displacement_um  (n_contacts,) float64, of the tissue at each contact
    k(X, X - p) [k(X - p, X - p) + 0.01]^-1 with k = exp(-(distance / length_um)^2).
    """
    here = probe.positions_um - np.stack([np.zeros_like(displacement_um), displacement_um], axis=1)
    prior, across = (
        np.exp(-((distances_um(at, probe.shanks, here, probe.shanks) / length_um) ** 2))
        for at in (here, probe.positions_um)
    )
    return np.linalg.solve(prior + TRACES_RIDGE * np.eye(len(prior)), across.T).T.astype(np.float32)


@dataclass(frozen=True, eq=False)
class MovingTemplates:
    """Templates at every step of displacement.

    rest       the templates at displacement 0
    steps_um   (n_steps,) float64, ascending, step_um apart
    contacts   (n_steps, n_templates, n_near) int64, -1 = none
    scores     (n_steps, n_templates, n_near, n_pcs) float32, whitened
    """

    rest: LearnedTemplates
    steps_um: F64
    contacts: I64
    scores: F32

    def step_of(self, displacement_um: F64) -> I64:
        """The nearest step of each displacement, the lower of two: int64 of the same shape."""
        between = (self.steps_um[:-1] + self.steps_um[1:]) / 2
        return np.asarray(np.searchsorted(between, displacement_um), dtype=np.int64)

    def take(self, rows: I64, n_spikes: I64) -> MovingTemplates:
        """The templates `rows`, in that order, said to have so many spikes each."""
        rest = LearnedTemplates(self.rest.contacts[rows], self.rest.scores[rows], n_spikes)
        return MovingTemplates(rest, self.steps_um, self.contacts[:, rows], self.scores[:, rows])

    def at(self, step: I64) -> LearnedTemplates:
        """Each template at its own step, (n_templates,) int64."""
        rows = np.arange(len(self.rest))
        return LearnedTemplates(self.contacts[step, rows], self.scores[step, rows], self.rest.n_spikes)


@dataclass(frozen=True, eq=False)
class Observed:
    """Mean scores of one template's spikes in bins of displacement.

    displacement_um  (n_bins,) float64
    contacts         (n_bins, n_near) int64
    means            (n_bins, n_near, n_pcs) float64
    n_spikes         (n_bins,) int64
    """

    displacement_um: F64
    contacts: I64
    means: F64
    n_spikes: I64


def predict(tissue: Tissue, seen: Observed, contacts: I64, steps_um: F64) -> F32:
    """Posterior mean scores at each step: (n_steps, n_near, n_pcs) float32.

    contacts  (n_steps, n_near) int64
    The prior variance is the one that explains the observed energy without its noise.
    """
    n_bins, n_near, n_pcs = seen.means.shape
    places = list(zip(seen.contacts, seen.displacement_um, strict=True))
    prior = np.block([[tissue.covariance(a, b, p - q) for b, q in places] for a, p in places])
    noise = np.repeat(1.0 / seen.n_spikes, n_near)
    means = seen.means.reshape(n_bins * n_near, n_pcs)
    signal = max(0.0, float((means**2).mean() - noise.mean()))
    if signal == 0.0:
        return np.zeros((len(steps_um), n_near, n_pcs), np.float32)
    variance = signal / (np.trace(prior) / len(prior))
    weights = cho_solve(cho_factor(prior + np.diag(noise / variance + JITTER * np.trace(prior) / len(prior))), means)
    rows = ([tissue.covariance(to, b, p - q) for b, q in places] for to, p in zip(contacts, steps_um, strict=True))
    return np.stack([np.hstack(row) @ weights for row in rows]).astype(np.float32)
