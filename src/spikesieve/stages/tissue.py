"""Drift in the templates: from the waveforms seen at some displacements to those at any other.

The tissue drifts along the probe, so a neuron is seen by other contacts. Nothing is interpolated in the traces. A
neuron's footprint (its amplitude at each place in the tissue) is taken as a draw of a Gaussian process with a Matern
3/2 kernel. Contact c sees it at (x_c, y_c - p), where p is the displacement, and the whitening mixes the contacts. So
the whitened scores at all displacements are jointly Gaussian, with white noise of variance 1 on top, and the means over
the spikes at the displacements that occurred predict those at any other. See docs/tissue.md.

References
----------
Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equation 2.25 (kriging).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy

from spikesieve.geometry import distances_um
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.templates import LearnedTemplates

NO_CONTACT_UM = 1.0
# Added to a covariance, relative to its diagonal, so that its Cholesky factor exists.
JITTER = 1e-6
# Largest number of covariances that are kept, about 2 kB each.
MAX_TABLES = 20_000
# Kilosort4's: added to the diagonal of the kernel that moves traces.
TRACES_RIDGE = 0.01
# Contacts of two shanks are infinitely far apart; this many kernel lengths are as good.
MAX_LENGTHS = 1e3


@dataclass(frozen=True, eq=False)
class Tissue:
    """The model of drifting footprints: how the scores on one set of contacts covary with those on another.

    Attributes
    ----------
    probe : Probe
        The contacts that are sorted.
    whitening : ndarray of float32, shape (n_contacts, n_contacts)
        Whitening matrix.
    params : TissueParams
        Length scale of footprints, and the steps of the displacement.

    Notes
    -----
    Covariances are kept, because few sets of contacts and few displacements occur, again and again. A pickled copy
    starts without them.
    """

    probe: Probe
    whitening: F32
    params: TissueParams
    _tables: dict[tuple[bytes, bytes, float], F64] = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": {}}

    def covariance(self, a: I64, b: I64, displacement_um: float) -> F64:
        """Compute the covariance of scores on two sets of contacts.

        Parameters
        ----------
        a, b : ndarray of int64, shape (n_a,) and (n_b,)
            Contacts; -1 marks an unused entry, which covaries with nothing.
        displacement_um : float
            How much farther up the tissue was when it was seen on contacts a, in um.

        Returns
        -------
        ndarray of float64, shape (n_a, n_b)
            Covariances, for a footprint of prior variance 1 uV^2.
        """
        key = a.tobytes(), b.tobytes(), round(displacement_um, 3)
        table = self._tables.get(key)
        if table is None:
            if len(self._tables) >= MAX_TABLES:
                self._tables.clear()
            table = self._tables[key] = self._covariance(a, b, displacement_um)
        return table

    def _covariance(self, a: I64, b: I64, displacement_um: float) -> F64:
        rows, columns = self.whitening[np.maximum(a, 0)], self.whitening[np.maximum(b, 0)]
        mixed_a, mixed_b = np.flatnonzero(rows.any(axis=0)), np.flatnonzero(columns.any(axis=0))
        xy, shanks = self.probe.positions_um, self.probe.shanks
        distance_um = distances_um(xy[mixed_a] - (0.0, displacement_um), shanks[mixed_a], xy[mixed_b], shanks[mixed_b])
        scaled = np.sqrt(3.0) * np.minimum(distance_um / self.params.length_scale_um, MAX_LENGTHS)
        kernel = (1 + scaled) * np.exp(-scaled)
        covariance = rows[:, mixed_a] @ kernel @ columns[:, mixed_b].T
        covariance[a < 0], covariance[:, b < 0] = 0.0, 0.0
        return np.asarray(covariance, dtype=np.float64)

    def to_rest(self, seen_on: I64, at_rest_on: I64, displacement_um: float) -> F32:
        """Compute the matrix that corrects features for drift.

        Parameters
        ----------
        seen_on : ndarray of int64, shape (n_seen,)
            Contacts on which a spike was measured.
        at_rest_on : ndarray of int64, shape (n_rest,)
            Contacts on which it is wanted with the tissue at rest.
        displacement_um : float
            Displacement of the tissue at the time of the spike in um.

        Returns
        -------
        ndarray of float32, shape (n_rest, n_seen)
            Multiplies the scores on `seen_on` to give those on `at_rest_on`.
        """
        prior = self.covariance(seen_on, seen_on, 0.0)
        noise = self.params.noise_variance_ratio * np.trace(prior) / max(1, (seen_on >= 0).sum())
        across = self.covariance(seen_on, at_rest_on, displacement_um)
        weights = np.linalg.solve(prior + noise * np.eye(len(seen_on)), across)
        return np.asarray(weights.T, dtype=np.float32)

    def contacts_at(self, displacement_um: float) -> I64:
        """Find the contact that sees, with the tissue displaced, what each contact sees at rest.

        Parameters
        ----------
        displacement_um : float
            Displacement of the tissue in um, upwards positive.

        Returns
        -------
        ndarray of int64, shape (n_contacts,)
            The contact that takes over from each contact, none twice; -1 where none is close enough.

        Notes
        -----
        The assignment has the least sum of squared distances. A contact only takes over what comes as near to it as the
        displacement or the largest gap between neighbours, whichever is smaller.

        Examples
        --------
        >>> line = Probe(np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 40.0]]), np.arange(3), np.zeros(3, np.int64))
        >>> Tissue(line, np.eye(3, dtype=np.float32), TissueParams()).contacts_at(20.0)
        array([ 1,  2, -1])
        """
        xy = self.probe.positions_um
        contacts = np.full(len(xy), -1, np.int64)
        for shank in np.unique(self.probe.shanks):
            on_shank = np.flatnonzero(self.probe.shanks == shank)
            squared = scipy.spatial.distance.cdist(xy[on_shank] + (0.0, displacement_um), xy[on_shank], "sqeuclidean")
            between = scipy.spatial.distance.cdist(xy[on_shank], xy[on_shank], "sqeuclidean") + np.diag(
                np.full(len(on_shank), np.inf)
            )
            gap = between.min(axis=1).max() if len(on_shank) > 1 else 0.0
            # Having no contact costs a little more than standing still, or than the largest gap between contacts.
            cost_of_none = min(displacement_um**2, gap) + NO_CONTACT_UM**2
            rows, columns = scipy.optimize.linear_sum_assignment(np.minimum(squared, cost_of_none))
            close = squared[rows, columns] < cost_of_none
            contacts[on_shank[rows[close]]] = on_shank[columns[close]]
        return contacts


def traces_to_rest(probe: Probe, displacement_um: F64, length_um: float) -> F32:
    """Compute the matrix that corrects traces for drift, as Kilosort4 does it.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    displacement_um : ndarray of float64, shape (n_contacts,)
        Displacement of the tissue at each contact in um.
    length_um : float
        Length scale of the kernel in um.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_contacts)
        Multiplies the traces to give those with the tissue at rest.

    Notes
    -----
    ``k(X, X - p) [k(X - p, X - p) + 0.01]^-1`` with ``k = exp(-(distance / length_um)^2)`` (kriging).

    Examples
    --------
    >>> line = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64))
    >>> traces_to_rest(line, np.full(2, 20.0), 10.0).round(1) + 0.0
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    seen_at = probe.positions_um - np.stack([np.zeros_like(displacement_um), displacement_um], axis=1)
    prior, across = (
        np.exp(-((distances_um(xy, probe.shanks, seen_at, probe.shanks) / length_um) ** 2))
        for xy in (seen_at, probe.positions_um)
    )
    return np.linalg.solve(prior + TRACES_RIDGE * np.eye(len(prior)), across.T).T.astype(np.float32)


@dataclass(frozen=True, eq=False)
class MovingTemplates:
    """Every template at every step of displacement: what the probe sees of a neuron wherever the tissue is.

    Attributes
    ----------
    rest : LearnedTemplates
        The templates with the tissue at rest (displacement 0).
    steps_um : ndarray of float64, shape (n_steps,)
        Displacements in um, ascending and evenly spaced.
    contacts : ndarray of int64, shape (n_steps, n_templates, n_near)
        Contacts that see each template at each step; -1 marks an unused entry.
    scores : ndarray of float32, shape (n_steps, n_templates, n_near, n_pcs)
        Whitened PC scores on these contacts in noise SD.
    """

    rest: LearnedTemplates
    steps_um: F64
    contacts: I64
    scores: F32

    def step_of(self, displacement_um: F64) -> I64:
        """Find the step nearest to each displacement.

        Parameters
        ----------
        displacement_um : ndarray of float64
            Displacements in um.

        Returns
        -------
        ndarray of int64, same shape
            Indices of steps; the lower one half-way between two.
        """
        between_um = (self.steps_um[:-1] + self.steps_um[1:]) / 2
        return np.asarray(np.searchsorted(between_um, displacement_um), dtype=np.int64)

    def take(self, rows: I64, n_spikes: I64) -> MovingTemplates:
        """Select templates.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Indices of templates.
        n_spikes : ndarray of int64, shape (n,)
            The number of spikes that each selected template is to have.

        Returns
        -------
        MovingTemplates
            The selected templates in the order of `rows`.
        """
        rest = LearnedTemplates(self.rest.contacts[rows], self.rest.scores[rows], n_spikes)
        return MovingTemplates(rest, self.steps_um, self.contacts[:, rows], self.scores[:, rows])

    def at(self, step: I64) -> LearnedTemplates:
        """Look up each template at its own step.

        Parameters
        ----------
        step : ndarray of int64, shape (n_templates,)
            Step of each template.

        Returns
        -------
        LearnedTemplates
            All templates, as the probe sees them there.
        """
        rows = np.arange(len(self.rest))
        return LearnedTemplates(self.contacts[step, rows], self.scores[step, rows], self.rest.n_spikes)


@dataclass(frozen=True, eq=False)
class Observed:
    """What was measured of one template: the mean of its spikes at each displacement at which it fired.

    Attributes
    ----------
    displacement_um : ndarray of float64, shape (n_bins,)
        Displacement of each bin in um.
    contacts : ndarray of int64, shape (n_bins, n_near)
        Contacts on which the spikes of each bin were measured; -1 marks an unused entry.
    means : ndarray of float64, shape (n_bins, n_near, n_pcs)
        Mean whitened PC scores of the spikes of each bin in noise SD.
    n_spikes : ndarray of int64, shape (n_bins,)
        Number of spikes of each bin.
    """

    displacement_um: F64
    contacts: I64
    means: F64
    n_spikes: I64


def predict(tissue: Tissue, observed: Observed, contacts: I64, steps_um: F64) -> F32:
    """Predict a template at every step of displacement from its spikes at some.

    Parameters
    ----------
    tissue : Tissue
        The covariance of scores.
    observed : Observed
        Mean scores of the template's spikes at the displacements that occurred.
    contacts : ndarray of int64, shape (n_steps, n_near)
        Contacts on which the template is wanted at each step; -1 marks an unused entry.
    steps_um : ndarray of float64, shape (n_steps,)
        Displacement of each step in um.

    Returns
    -------
    ndarray of float32, shape (n_steps, n_near, n_pcs)
        Posterior means of the scores; 0 if the observed means are no larger than their noise.

    Notes
    -----
    The prior variance of the footprint is the one that explains the observed energy less that of the noise.
    """
    n_bins, n_near, n_pcs = observed.means.shape
    places, prior, noise = _prior_of(tissue, observed)
    means = observed.means.reshape(n_bins * n_near, n_pcs)
    if noise is None:
        return np.zeros((len(steps_um), n_near, n_pcs), np.float32)
    weights = scipy.linalg.cho_solve(scipy.linalg.cho_factor(prior + np.diag(noise)), means)
    rows = ([tissue.covariance(to, b, p - q) for b, q in places] for to, p in zip(contacts, steps_um, strict=True))
    return np.stack([np.hstack(row) @ weights for row in rows]).astype(np.float32)


def expected_misfit(tissue: Tissue, observed: Observed, at: Observed) -> float:
    """Compute how much of a footprint cannot be known from what was observed of it elsewhere.

    Parameters
    ----------
    tissue : Tissue
        The covariance of scores.
    observed : Observed
        Mean scores at the displacements that occurred.
    at : Observed
        Where the prediction is compared; only its contacts, displacements and numbers of spikes are used.

    Returns
    -------
    float
        Variance that is left, as a share of the prior variance: 0 is known, 1 is unknown. A mean over displacements,
        weighted by spikes.
    """
    places, prior, noise = _prior_of(tissue, observed)
    if noise is None:
        return 1.0
    factor = scipy.linalg.cho_factor(prior + np.diag(noise))
    left, total = 0.0, 0.0
    for contacts, displacement_um, n_spikes in zip(at.contacts, at.displacement_um, at.n_spikes, strict=True):
        across = np.hstack([tissue.covariance(contacts, b, displacement_um - q) for b, q in places])
        before = np.trace(tissue.covariance(contacts, contacts, 0.0))
        known = float((across * scipy.linalg.cho_solve(factor, across.T).T).sum())
        left, total = left + n_spikes * (before - known), total + n_spikes * before
    return float(np.clip(left / total, 0.0, 1.0)) if total > 0 else 1.0


def _prior_of(tissue: Tissue, observed: Observed) -> tuple[list[tuple[I64, float]], F64, F64 | None]:
    """Places of the observed scores, their prior covariance, and relative noise; None where there is only noise."""
    n_near = observed.contacts.shape[1]
    places = list(zip(observed.contacts, observed.displacement_um, strict=True))
    prior = np.block([[tissue.covariance(a, b, p - q) for b, q in places] for a, p in places])
    noise = np.repeat(1.0 / observed.n_spikes, n_near)
    signal = max(0.0, float((observed.means**2).mean() - noise.mean()))
    if signal == 0.0:
        return places, prior, None
    mean_prior = np.trace(prior) / len(prior)
    return places, prior, noise * mean_prior / signal + JITTER * mean_prior
