"""Templates that follow their spikes from batch to batch: running means, new ones from the residual, rare ones dropped.

Kilosort2's learning (part "Template learning" of docs/kilosort2.md), in the space of whitened PC scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.features import dense, on_contacts
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity

MOST_CONTACTS = 16
# What is left of the count of a template's spikes after a batch.
DECAY = 0.95
# A template is old enough to be judged by its rate after this many batches.
GRACE_BATCHES = 5
# The running mean spans at most this share of the batches on either side, so that it does not lag behind the drift of a
# short recording, but never fewer spikes than the second number.
SPAN, FEWEST_SPIKES = 1 / 16, 20.0
SAME_SHAPE, SAME_SIZE = 0.9, 4 * np.sqrt(10.0)
# Leftover spikes are compared on this many contacts and components.
LEADER_CONTACTS, LEADER_COMPONENTS = 7, 3
# Leftover spikes that must look alike to become a template, and how much spikes of one neuron differ beside noise.
ALIKE, SPREAD = 4, 0.2
ROUNDS = 3
# Leftover spikes that wait for others of their kind, per contact.
WAITING = 16


@dataclass(frozen=True, eq=False)
class Tracked:
    """Templates under way.

    contacts  (n_templates, n_near) int64, -1 = unused
    mean      (n_templates, n_near, n_pcs) float32, running mean of their spikes' whitened PC scores
    n_spikes  (n_templates,) float64, spikes so far
    recent    (n_templates,) float64, those since it was new, every batch counting 0.95 times the next
    age       (n_templates,) int64, batches since it was new
    """

    contacts: I64
    mean: F32
    n_spikes: F64
    recent: F64
    age: I64

    def __len__(self) -> int:
        return len(self.age)

    @property
    def spikes_a_batch(self) -> F64:
        """Spikes in a batch of late, (n_templates,) float64."""
        batches = (1.0 - DECAY ** np.maximum(self.age, 1)) / (1.0 - DECAY)
        return np.asarray(self.recent / batches)

    def take(self, rows: I64) -> Tracked:
        """The templates `rows`, in that order."""
        return Tracked(self.contacts[rows], self.mean[rows], self.n_spikes[rows], self.recent[rows], self.age[rows])


@dataclass(frozen=True, eq=False)
class Leftovers:
    """Spikes that no template explains: contact (n,) int64, features (n, n_near, n_pcs) float32 on near[contact]."""

    contact: I64
    features: F32

    def __len__(self) -> int:
        return len(self.contact)


def joined(parts: list[Leftovers]) -> Leftovers:
    """All of them."""
    return Leftovers(np.concatenate([p.contact for p in parts]), np.concatenate([p.features for p in parts]))


def near_contacts(probe: Probe, params: Kilosort2Params) -> I64:
    """The contacts of a template by its largest one, which comes first: (n_contacts, n_near) int64, -1 = none."""
    xy, shanks = probe.positions_um, probe.shanks
    return nearest(distances_um(xy, shanks, xy, shanks), MOST_CONTACTS, params.template_radius_um)


def nothing(n_near: int, n_pcs: int) -> Tracked:
    """No template yet."""
    none = np.empty(0)
    return Tracked(
        np.empty((0, n_near), np.int64), np.empty((0, n_near, n_pcs), np.float32), none, none, none.astype(np.int64)
    )


def templates(tracked: Tracked, params: Kilosort2Params) -> LearnedTemplates:
    """The templates as they are matched: the running means as `rank` products of a time course and a footprint."""
    return LearnedTemplates(
        tracked.contacts, of_rank(tracked.mean, params.rank), np.rint(tracked.n_spikes).astype(np.int64)
    )


def of_rank(scores: F32, rank: int) -> F32:
    """The nearest scores of that rank, by SVD of each: (n_templates, n_near, n_pcs) float32."""
    if rank >= min(scores.shape[1:]) or len(scores) == 0:
        return scores
    u, s, v = np.linalg.svd(scores.astype(np.float64), full_matrices=False)
    return np.asarray((u[:, :, :rank] * s[:, None, :rank]) @ v[:, :rank], dtype=np.float32)


def followed(tracked: Tracked, template: I64, features: F32, momentum: float, n_batches: int | None) -> Tracked:
    """The templates after a batch: mean <- p mean + (1 - p) (mean of the batch's n spikes), p = exp(-n / momentum).

    template  (n_spikes,) int64, features (n_spikes, n_near, n_pcs) float32 on the template's contacts
    momentum  spikes; at most what the template fires in a sixteenth of all n_batches batches, which drift between
              them; None: nothing drifts
    """
    n = np.bincount(template, minlength=len(tracked)).astype(np.float64)
    sums = np.zeros(tracked.mean.shape)
    np.add.at(sums, template, features)
    aged = Tracked(tracked.contacts, tracked.mean, tracked.n_spikes + n, DECAY * tracked.recent + n, tracked.age + 1)
    lag = np.inf if n_batches is None else np.maximum(aged.spikes_a_batch * n_batches * SPAN, FEWEST_SPIKES)
    p = np.exp(-n / np.minimum(momentum, lag))[:, None, None]
    mean = p * tracked.mean + (1.0 - p) * sums / np.maximum(n, 1.0)[:, None, None]
    return Tracked(aged.contacts, mean.astype(np.float32), aged.n_spikes, aged.recent, aged.age)


def without_rare(tracked: Tracked, batch_s: float, params: Kilosort2Params) -> Tracked:
    """The templates that fire often enough and are larger than what they are learned from, or are too young to tell.

    A template below the threshold is matched by nothing but lucky spikes, of neurons too small to be told from others.
    """
    rate_hz = tracked.spikes_a_batch / batch_s
    large = templates(tracked, params).norms >= params.learn_threshold
    return tracked.take(np.flatnonzero(((rate_hz >= params.min_rate_hz) & large) | (tracked.age < GRACE_BATCHES)))


def without_duplicates(tracked: Tracked, n_contacts: int, pcs: F32, params: Kilosort2Params) -> Tracked:
    """Of templates of nearly one shape and size the one that fires more.

    Kilosort2 keeps the larger one; that is often a few lucky spikes of the other.
    """
    if len(tracked) == 0:
        return tracked
    now = templates(tracked, params)
    alike, _ = similarity(overlaps(now, n_contacts, pcs), len(now))
    norms = now.norms.astype(np.float64)
    same = (alike > SAME_SHAPE) & (np.abs(norms[:, None] - norms) < SAME_SIZE)
    gone = np.zeros(len(now), np.bool_)
    for k in np.argsort(-tracked.spikes_a_batch, kind="stable"):
        if not gone[k]:
            rivals = same[k].copy()
            rivals[k] = False
            gone |= rivals
    return tracked.take(np.flatnonzero(~gone))


def with_new(tracked: Tracked, left: Leftovers, near: I64, params: Kilosort2Params) -> tuple[Tracked, Leftovers]:
    """Leftover spikes that look alike become templates, the largest first; the others wait.

    near  `near_contacts`
    """
    n_contacts = len(near)
    room = params.templates_per_contact * n_contacts - len(tracked)
    spikes = dense(left.features, near[left.contact], n_contacts)
    norm = np.sqrt((spikes[:, :, :LEADER_COMPONENTS] ** 2).sum(axis=(1, 2)))
    free, used = np.ones(len(left), np.bool_), np.zeros(len(left), np.bool_)
    means: list[F32] = []
    counts: list[int] = []
    for leader in np.argsort(-norm, kind="stable"):
        if not free[leader] or len(means) >= room:
            continue
        family = _family(int(leader), spikes, left.contact, free, near)
        free[leader] = False
        if len(family) >= ALIKE:
            free[family], used[family] = False, True
            means.append(spikes[family].mean(axis=0))
            counts.append(len(family))
    waiting = np.flatnonzero(~used)[-WAITING * n_contacts :]
    return _appended(tracked, means, counts, near), Leftovers(left.contact[waiting], left.features[waiting])


def _family(leader: int, spikes: F32, contact: I64, free: Bool, near: I64) -> I64:
    """Free spikes like the leader: they differ from it, then from their mean, by no more than noise and a little."""
    around = near[contact[leader]][:LEADER_CONTACTS]
    around = around[around >= 0]
    close = np.flatnonzero(free & np.isin(contact, near[contact[leader]]))
    local = spikes[np.ix_(close, around)][:, :, :LEADER_COMPONENTS].reshape(len(close), -1).astype(np.float64)
    centre, noise = spikes[leader, around, :LEADER_COMPONENTS].ravel().astype(np.float64), 2.0
    inside = np.zeros(len(close), np.bool_)
    for _ in range(1 + ROUNDS):
        # A sum of squares of n Gaussians of variance v has mean n v and standard deviation v sqrt(2 n).
        n = local.shape[1]
        limit = noise * (n + 3.0 * np.sqrt(2.0 * n)) + SPREAD**2 * (centre**2).sum()
        inside = ((local - centre) ** 2).sum(axis=1) < limit
        if not inside.any():
            break
        centre, noise = local[inside].mean(axis=0), 1.0 + 1.0 / np.count_nonzero(inside)
    return close[inside]


def _appended(tracked: Tracked, means: list[F32], counts: list[int], near: I64) -> Tracked:
    if not means:
        return tracked
    everywhere = np.stack(means)
    contacts = near[(everywhere**2).sum(axis=2).argmax(axis=1)]
    mean = on_contacts(everywhere, contacts)
    n = np.array(counts, np.float64)
    return Tracked(
        np.concatenate([tracked.contacts, contacts]),
        np.concatenate([tracked.mean, mean]),
        np.concatenate([tracked.n_spikes, n]),
        np.concatenate([tracked.recent, np.zeros(len(n))]),
        np.concatenate([tracked.age, np.zeros(len(n), np.int64)]),
    )
