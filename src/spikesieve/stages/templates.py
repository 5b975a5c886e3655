"""Templates: mean whitened PC scores of clusters, aligned, denoised, duplicates joined; what one does to another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spikesieve.kernels import Overlaps
from spikesieve.model import F32, I64
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.features import dense
from spikesieve.stages.shapes import Shapes


@dataclass(frozen=True, eq=False)
class LearnedTemplates:
    """Templates in the space of whitened PC scores.

    contacts  (n_templates, n_near) int64, -1 = unused
    scores    (n_templates, n_near, n_pcs) float32: whitened waveform on a contact = scores @ pcs
    n_spikes  (n_templates,) int64
    """

    contacts: I64
    scores: F32
    n_spikes: I64

    def __len__(self) -> int:
        return len(self.n_spikes)

    @property
    def norms(self) -> F32:
        """(n_templates,) float32: template norms in noise SD."""
        return np.asarray(np.sqrt((self.scores**2).sum(axis=(1, 2))), dtype=np.float32)

    @property
    def peak_contacts(self) -> I64:
        """(n_templates,) int64: the contact with the largest summed square."""
        best = (self.scores**2).sum(axis=2).argmax(axis=1)
        return np.asarray(np.take_along_axis(self.contacts, best[:, None], axis=1)[:, 0], dtype=np.int64)

    def dense(self, n_contacts: int) -> F32:
        """(n_templates, n_contacts, n_pcs) float32."""
        return dense(self.scores, self.contacts, n_contacts)

    def take(self, rows: I64) -> LearnedTemplates:
        """The templates `rows`, in that order."""
        return LearnedTemplates(self.contacts[rows], self.scores[rows], self.n_spikes[rows])


def component_lags(pcs: F32) -> F32:
    """Shifted components' overlap: [q, p, reach + s] = sum_j pcs[p, j] pcs[q, j + s], (n, n, 2 reach + 1) float32."""
    n = pcs.shape[1]
    padded = np.pad(pcs.astype(np.float64), ((0, 0), (n - 1, n - 1)))
    shifted = np.lib.stride_tricks.sliding_window_view(padded, n, axis=1)
    return np.asarray(np.einsum("pj,qsj->qps", pcs, shifted), dtype=np.float32)


def from_labels(features: F32, labels: I64, n_labels: int, contacts: I64) -> LearnedTemplates:
    """Mean features of each label of one group, each contact shrunk towards 0 by its own noise (James-Stein).

    features  (n_spikes, n_near, n_pcs) float32;  contacts (n_near,) int64 of the group
    A mean over n spikes has noise of squared norm n_pcs / n on a contact; the contact is scaled by
    max(0, 1 - n_pcs / n / |mean|^2).
    """
    counts = np.bincount(labels, minlength=n_labels)
    means = np.zeros((n_labels, *features.shape[1:]), np.float64)
    for label in range(n_labels):
        means[label] = features[labels == label].mean(axis=0) if counts[label] else 0.0
    energy = (means**2).sum(axis=2)
    noise = features.shape[2] / np.maximum(counts, 1)[:, None]
    means *= np.maximum(0.0, 1.0 - noise / np.maximum(energy, 1e-12))[:, :, None]
    return LearnedTemplates(np.tile(contacts, (n_labels, 1)), means.astype(np.float32), counts.astype(np.int64))


def concatenate(parts: list[LearnedTemplates], n_near: int, n_pcs: int) -> LearnedTemplates:
    """All templates of all groups, contacts padded with -1 to n_near."""
    contacts, scores = [np.empty((0, n_near), np.int64)], [np.empty((0, n_near, n_pcs), np.float32)]
    for part in parts:
        short = n_near - part.contacts.shape[1]
        contacts.append(np.pad(part.contacts, ((0, 0), (0, short)), constant_values=-1))
        scores.append(np.pad(part.scores, ((0, 0), (0, short), (0, 0))))
    counts = [np.empty(0, np.int64), *(part.n_spikes for part in parts)]
    return LearnedTemplates(np.concatenate(contacts), np.concatenate(scores), np.concatenate(counts))


def aligned(templates: LearnedTemplates, shapes: Shapes) -> tuple[LearnedTemplates, I64]:
    """Every template shifted so that the largest deflection on its peak contact sits at the peak index.

    Kilosort4 aligns by the strongest response to a typical shape; where one of those is the later, positive phase of a
    spike, the few spikes that it detected 0.2 ms late then stay a unit of their own.
    Also returns the shifts in samples, (n_templates,) int64: the spikes' times move by as much.
    """
    if len(templates) == 0:
        return templates, np.empty(0, np.int64)
    limit = shapes.peak_index // 2
    peak = (templates.scores**2).sum(axis=2).argmax(axis=1)
    waveform = templates.scores[np.arange(len(templates)), peak] @ shapes.pcs
    near = np.abs(waveform[:, shapes.peak_index - limit : shapes.peak_index + limit + 1])
    best = near.argmax(axis=1) - limit
    moved = np.stack([advanced(s, int(d), shapes.pcs) for s, d in zip(templates.scores, best, strict=True)])
    return LearnedTemplates(templates.contacts, moved, templates.n_spikes), best.astype(np.int64)


def advanced(scores: F32, lag: int, pcs: F32) -> F32:
    """Scores (..., n_pcs) of the waveform moved `lag` samples earlier (what leaves the window is lost)."""
    if lag == 0:
        return scores
    waveform = scores @ pcs
    moved = np.zeros_like(waveform)
    if lag > 0:
        moved[..., :-lag] = waveform[..., lag:]
    else:
        moved[..., -lag:] = waveform[..., :lag]
    return moved @ pcs.T


def overlaps(templates: LearnedTemplates, n_contacts: int, pcs: F32) -> Overlaps:
    """All pairs that share a contact, with their normalised correlation at every lag."""
    lags = component_lags(pcs)
    n_pcs = len(pcs)
    unit = unit_norm(templates)
    dense = LearnedTemplates(templates.contacts, unit, templates.n_spikes).dense(n_contacts)
    used = (dense**2).sum(axis=2) > 0
    touch = used.astype(np.float32) @ used.T.astype(np.float32) > 0
    np.fill_diagonal(touch, True)
    offsets, neighbours = np.append(0, np.cumsum(touch.sum(axis=1))), np.nonzero(touch)[1]
    products = np.empty((len(neighbours), n_pcs, n_pcs), np.float32)
    by_component = np.ascontiguousarray(dense.transpose(0, 2, 1))
    for k, (first, last) in enumerate(pairwise(offsets.tolist())):
        mine = np.flatnonzero(used[k])
        np.matmul(by_component[neighbours[first:last]][:, :, mine], dense[k][mine], out=products[first:last])
    tables = products.transpose(0, 2, 1).reshape(len(neighbours), n_pcs**2) @ lags.reshape(n_pcs**2, -1)
    return Overlaps(offsets.astype(np.int64), neighbours.astype(np.int64), tables)


def similarity(pairs: Overlaps, n_templates: int) -> tuple[F32, I64]:
    """Largest correlation over lags and its lag in samples: two (n_templates, n_templates) arrays, float32 and int64.

    lag[k, j] = s means that template j placed s samples after template k resembles it most.
    """
    value = np.zeros((n_templates, n_templates), np.float32)
    lag = np.zeros((n_templates, n_templates), np.int64)
    rows = np.repeat(np.arange(n_templates), np.diff(pairs.offsets))
    if len(rows):
        best = pairs.tables.argmax(axis=1)
        value[rows, pairs.neighbours] = np.take_along_axis(pairs.tables, best[:, None], axis=1)[:, 0]
        lag[rows, pairs.neighbours] = best - pairs.tables.shape[1] // 2
    return value, lag


@dataclass(frozen=True, eq=False)
class Families:
    """Clusters joined to templates.

    templates        one of each family
    member           (n_clusters,) int64, the template of each cluster, -1 = none
    advance_samples  (n_clusters,) int64, how much earlier the waveforms of a cluster must be read to be its template's
    """

    templates: LearnedTemplates
    member: I64
    advance_samples: I64


def without_duplicates(means: LearnedTemplates, n_contacts: int, pcs: F32, params: TemplatesParams) -> Families:
    """From the most populous down, its duplicates in shape and size join a template: its scores stay, spikes add up."""
    member, lead = np.full(len(means), -1, np.int64), np.zeros(len(means), np.int64)
    if len(means) == 0:
        return Families(means, member, lead)
    alike, lag = similarity(overlaps(means, n_contacts, pcs), len(means))
    norms = means.norms.astype(np.float64)
    difference = 2 * np.abs(norms[:, None] - norms) / np.maximum(norms[:, None] + norms, 1e-12)
    same = (alike > params.duplicate_correlation) & (difference < params.duplicate_norm_difference)
    keep: list[int] = []
    for k in np.argsort(-means.n_spikes, kind="stable"):
        if member[k] < 0:
            family = (member < 0) & same[k]
            family[k] = True
            member[family], lead[family] = len(keep), np.where(np.flatnonzero(family) == k, 0, lag[k, family])
            keep.append(int(k))
    rows = np.array(keep, np.int64)
    totals = np.bincount(member, weights=means.n_spikes, minlength=len(keep)).astype(np.int64)
    return Families(LearnedTemplates(means.contacts[rows], means.scores[rows], totals), member, -lead)


def unit_norm(templates: LearnedTemplates) -> F32:
    """Scores of unit norm, (n_templates, n_near, n_pcs) float32."""
    unit = templates.scores / np.maximum(templates.norms, 1e-12)[:, None, None]
    return np.ascontiguousarray(unit, dtype=np.float32)


def learn_templates(means: LearnedTemplates, n_contacts: int, shapes: Shapes, params: TemplatesParams) -> Families:
    """Cluster means to templates for matching: large enough, aligned, no duplicates."""
    enough = np.flatnonzero((means.n_spikes >= params.min_spikes) & (means.norms > 0))
    moved, shifts = aligned(means.take(enough), shapes)
    found = without_duplicates(moved, n_contacts, shapes.pcs, params)
    member, advance = np.full(len(means), -1, np.int64), np.zeros(len(means), np.int64)
    member[enough], advance[enough] = found.member, shifts + found.advance_samples
    return Families(found.templates, member, advance)
