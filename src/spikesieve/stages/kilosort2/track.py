"""Templates that follow their spikes from batch to batch: running means, new ones from the residual, rare ones dropped.

Kilosort2's template learning in the space of whitened PC scores; see "Template learning" in docs/kilosort2.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.features import dense, on_contacts
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity

MAX_CONTACTS = 16
# Factor by which the count of recent spikes decays in each batch.
DECAY = 0.95
# A template is judged by its rate after this many batches.
GRACE_BATCHES = 5
# The running mean spans at most this share of the batches on either side, so that it does not lag behind the drift of a
# short recording, but never fewer spikes than this.
MAX_SPAN, MIN_SPAN_SPIKES = 1 / 16, 20.0
# Templates with a larger correlation and a smaller difference of their norms (in noise SD) are duplicates.
SAME_SHAPE, SAME_NORM = 0.9, 4 * np.sqrt(10.0)
# Residual spikes are compared on this many contacts and components.
LEADER_CONTACTS, LEADER_COMPONENTS = 7, 3
# A new template needs this many similar spikes; those of one neuron differ by this share of their norm besides noise.
MIN_SPIKES, SPREAD = 4, 0.2
FAMILY_ROUNDS = 3
# Residual spikes per contact that are kept until similar ones come.
MAX_WAITING = 16


@dataclass(frozen=True, eq=False)
class TrackedTemplates:
    """Templates while they are learned.

    Attributes
    ----------
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1 marks an unused entry.
    mean : ndarray of float32, shape (n_templates, n_near, n_pcs)
        Running mean of the whitened PC scores of its spikes in noise SD.
    n_spikes : ndarray of float64, shape (n_templates,)
        Number of spikes so far.
    recent : ndarray of float64, shape (n_templates,)
        Spikes since it was new, every batch counting 0.95 times the next one.
    age : ndarray of float64, shape (n_templates,)
        Batches since it was new; what was blanked of them does not count.
    """

    contacts: I64
    mean: F32
    n_spikes: F64
    recent: F64
    age: F64

    def __len__(self) -> int:
        return len(self.age)

    @property
    def spikes_per_batch(self) -> F64:
        """Recent number of spikes in a batch: (n_templates,) float64."""
        batches = (1.0 - DECAY ** np.maximum(self.age, 1)) / (1.0 - DECAY)
        return np.asarray(self.recent / batches)

    def take(self, rows: I64) -> TrackedTemplates:
        """Select templates.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Indices of templates.

        Returns
        -------
        TrackedTemplates
            The selected templates in the order of `rows`.
        """
        return TrackedTemplates(
            self.contacts[rows], self.mean[rows], self.n_spikes[rows], self.recent[rows], self.age[rows]
        )


@dataclass(frozen=True, eq=False)
class ResidualSpikes:
    """Spikes that no template explains.

    Attributes
    ----------
    contact : ndarray of int64, shape (n,)
        Largest contact of each spike.
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts near it (`near_contacts`), in noise SD.
    """

    contact: I64
    features: F32

    def __len__(self) -> int:
        return len(self.contact)


def concatenate_residuals(parts: list[ResidualSpikes]) -> ResidualSpikes:
    """Concatenate residual spikes.

    Parameters
    ----------
    parts : list of ResidualSpikes
        At least one.

    Returns
    -------
    ResidualSpikes
        All of them.
    """
    return ResidualSpikes(np.concatenate([p.contact for p in parts]), np.concatenate([p.features for p in parts]))


def near_contacts(probe: Probe, params: Kilosort2Params) -> I64:
    """Choose the contacts of a template by its largest one.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    params : Kilosort2Params
        Largest distance of a contact.

    Returns
    -------
    ndarray of int64, shape (n_contacts, n_near)
        Contacts, the largest one first; -1 marks an unused entry.
    """
    xy, shanks = probe.positions_um, probe.shanks
    return nearest(distances_um(xy, shanks, xy, shanks), MAX_CONTACTS, params.template_radius_um)


def no_templates(n_near: int, n_pcs: int) -> TrackedTemplates:
    """Start without templates.

    Parameters
    ----------
    n_near : int
        Number of contacts of a template.
    n_pcs : int
        Number of temporal components.

    Returns
    -------
    TrackedTemplates
        No templates.
    """
    none = np.empty(0)
    contacts, mean = np.empty((0, n_near), np.int64), np.empty((0, n_near, n_pcs), np.float32)
    return TrackedTemplates(contacts, mean, none, none, none)


def matched_templates(tracked: TrackedTemplates, params: Kilosort2Params) -> LearnedTemplates:
    """Make the templates that are matched: the running means, reduced to a low rank.

    Parameters
    ----------
    tracked : TrackedTemplates
        Running means.
    params : Kilosort2Params
        Rank of a template.

    Returns
    -------
    LearnedTemplates
        Sums of `rank` products of a time course and a footprint.
    """
    return LearnedTemplates(
        tracked.contacts, low_rank(tracked.mean, params.rank), np.rint(tracked.n_spikes).astype(np.int64)
    )


def low_rank(scores: F32, rank: int) -> F32:
    """Find the nearest scores of a given rank, by SVD of each template.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_templates, n_near, n_pcs)
        PC scores.
    rank : int
        Largest rank of each template.

    Returns
    -------
    ndarray of float32, shape (n_templates, n_near, n_pcs)
        Scores of that rank.

    Examples
    --------
    >>> low_rank(np.array([[[3.0, 0.0], [0.0, 1.0]]], np.float32), 1)
    array([[[3., 0.],
            [0., 0.]]], dtype=float32)
    """
    if rank >= min(scores.shape[1:]) or len(scores) == 0:
        return scores
    u, s, v = np.linalg.svd(scores.astype(np.float64), full_matrices=False)
    return np.asarray((u[:, :, :rank] * s[:, None, :rank]) @ v[:, :rank], dtype=np.float32)


def update(
    tracked: TrackedTemplates,
    template: I64,
    features: F32,
    momentum: float,
    n_batches: int | None,
    used_batches: float = 1.0,
) -> TrackedTemplates:
    """Update the running means with the spikes of one batch.

    Parameters
    ----------
    tracked : TrackedTemplates
        Templates before the batch.
    template : ndarray of int64, shape (n_spikes,)
        Template of each spike of the batch.
    features : ndarray of float32, shape (n_spikes, n_near, n_pcs)
        PC scores on the template's contacts in noise SD.
    momentum : float
        Number of spikes that the running mean spans.
    n_batches : int or None
        Number of batches over which the tissue drifts. The mean then spans at most what the template fires in a
        sixteenth of them. None: nothing drifts.
    used_batches : float, optional
        How much of the batch was not blanked, in batches: a silent one says nothing about the rate of a template.

    Returns
    -------
    TrackedTemplates
        Templates after the batch.

    Notes
    -----
    ``mean <- p mean + (1 - p) (mean of the batch's n spikes)`` with ``p = exp(-n / momentum)``.
    """
    n = np.bincount(template, minlength=len(tracked)).astype(np.float64)
    sums = np.zeros(tracked.mean.shape)
    np.add.at(sums, template, features)
    recent = DECAY**used_batches * tracked.recent + n
    age = tracked.age + used_batches
    aged = TrackedTemplates(tracked.contacts, tracked.mean, tracked.n_spikes + n, recent, age)
    span = np.inf if n_batches is None else np.maximum(aged.spikes_per_batch * n_batches * MAX_SPAN, MIN_SPAN_SPIKES)
    p = np.exp(-n / np.minimum(momentum, span))[:, None, None]
    mean = p * tracked.mean + (1.0 - p) * sums / np.maximum(n, 1.0)[:, None, None]
    return TrackedTemplates(aged.contacts, mean.astype(np.float32), aged.n_spikes, aged.recent, aged.age)


def without_rare(tracked: TrackedTemplates, batch_s: float, params: Kilosort2Params) -> TrackedTemplates:
    """Drop templates that fire too rarely or are smaller than the spikes they are learned from.

    Parameters
    ----------
    tracked : TrackedTemplates
        Templates.
    batch_s : float
        Duration of a batch in s.
    params : Kilosort2Params
        Lowest rate in Hz, and smallest norm in noise SD (``learn_threshold``).

    Returns
    -------
    TrackedTemplates
        The others, and those that are too young to tell.

    Notes
    -----
    A template below the threshold only matches spikes that noise made large, of neurons too small to be told apart.
    """
    rate_hz = tracked.spikes_per_batch / batch_s
    large = matched_templates(tracked, params).norms >= params.learn_threshold
    return tracked.take(np.flatnonzero(((rate_hz >= params.min_rate_hz) & large) | (tracked.age < GRACE_BATCHES)))


def without_duplicates(
    tracked: TrackedTemplates, n_contacts: int, pcs: F32, params: Kilosort2Params
) -> TrackedTemplates:
    """Keep of templates of nearly the same shape and size only the one that fires most.

    Parameters
    ----------
    tracked : TrackedTemplates
        Templates.
    n_contacts : int
        Number of contacts of the probe.
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components.
    params : Kilosort2Params
        Rank of a template.

    Returns
    -------
    TrackedTemplates
        The remaining templates.

    Notes
    -----
    Kilosort2 keeps the larger one. That is often made of a few spikes of the other, which noise made large.
    """
    if len(tracked) == 0:
        return tracked
    templates = matched_templates(tracked, params)
    correlation, _ = similarity(overlaps(templates, n_contacts, pcs), len(templates))
    norms = templates.norms.astype(np.float64)
    same = (correlation > SAME_SHAPE) & (np.abs(norms[:, None] - norms) < SAME_NORM)
    dropped = np.zeros(len(templates), np.bool_)
    for k in np.argsort(-tracked.spikes_per_batch, kind="stable"):
        if not dropped[k]:
            duplicates = same[k].copy()
            duplicates[k] = False
            dropped |= duplicates
    return tracked.take(np.flatnonzero(~dropped))


def add_templates(
    tracked: TrackedTemplates, residual: ResidualSpikes, near: I64, params: Kilosort2Params
) -> tuple[TrackedTemplates, ResidualSpikes]:
    """Make new templates from similar residual spikes, the largest spike first.

    Parameters
    ----------
    tracked : TrackedTemplates
        Templates so far.
    residual : ResidualSpikes
        Spikes that no template explains.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact (`near_contacts`).
    params : Kilosort2Params
        Largest number of templates per contact.

    Returns
    -------
    tracked : TrackedTemplates
        Old and new templates.
    waiting : ResidualSpikes
        Spikes that have not become a template: the last 16 per contact.
    """
    n_contacts = len(near)
    n_free = params.templates_per_contact * n_contacts - len(tracked)
    spikes = dense(residual.features, near[residual.contact], n_contacts)
    norm = np.sqrt((spikes[:, :, :LEADER_COMPONENTS] ** 2).sum(axis=(1, 2)))
    free, used = np.ones(len(residual), np.bool_), np.zeros(len(residual), np.bool_)
    means: list[F32] = []
    counts: list[int] = []
    for leader in np.argsort(-norm, kind="stable"):
        if not free[leader] or len(means) >= n_free:
            continue
        similar = _similar_spikes(int(leader), spikes, residual.contact, free, near)
        free[leader] = False
        if len(similar) >= MIN_SPIKES:
            free[similar], used[similar] = False, True
            means.append(spikes[similar].mean(axis=0))
            counts.append(len(similar))
    waiting = np.flatnonzero(~used)[-MAX_WAITING * n_contacts :]
    left = ResidualSpikes(residual.contact[waiting], residual.features[waiting])
    return _append(tracked, means, counts, near), left


def _similar_spikes(leader: int, spikes: F32, contact: I64, free: Bool, near: I64) -> I64:
    """Find free spikes that differ from the leader, then from their mean, by no more than noise and the spread."""
    around = near[contact[leader]][:LEADER_CONTACTS]
    around = around[around >= 0]
    close = np.flatnonzero(free & np.isin(contact, near[contact[leader]]))
    local = spikes[np.ix_(close, around)][:, :, :LEADER_COMPONENTS].reshape(len(close), -1).astype(np.float64)
    centre, noise = spikes[leader, around, :LEADER_COMPONENTS].ravel().astype(np.float64), 2.0
    inside = np.zeros(len(close), np.bool_)
    for _ in range(1 + FAMILY_ROUNDS):
        # A sum of squares of n Gaussians of variance v has mean n v and standard deviation v sqrt(2 n).
        n = local.shape[1]
        limit = noise * (n + 3.0 * np.sqrt(2.0 * n)) + SPREAD**2 * (centre**2).sum()
        inside = ((local - centre) ** 2).sum(axis=1) < limit
        if not inside.any():
            break
        centre, noise = local[inside].mean(axis=0), 1.0 + 1.0 / np.count_nonzero(inside)
    return close[inside]


def _append(tracked: TrackedTemplates, means: list[F32], counts: list[int], near: I64) -> TrackedTemplates:
    if not means:
        return tracked
    everywhere = np.stack(means)
    contacts = near[(everywhere**2).sum(axis=2).argmax(axis=1)]
    mean = on_contacts(everywhere, contacts)
    n = np.array(counts, np.float64)
    return TrackedTemplates(
        np.concatenate([tracked.contacts, contacts]),
        np.concatenate([tracked.mean, mean]),
        np.concatenate([tracked.n_spikes, n]),
        np.concatenate([tracked.recent, np.zeros(len(n))]),
        np.concatenate([tracked.age, np.zeros(len(n), np.int64)]),
    )
