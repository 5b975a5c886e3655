"""Learned templates: mean whitened PC scores of clusters, aligned, without duplicates. See docs/templates.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve import kernels
from spikesieve.kernels.pursuit import Overlaps
from spikesieve.model import F32, I64
from spikesieve.stages.features import dense
from spikesieve.stages.shapes import Shapes, advance
from spikesieve.stages.spike_time import shifts_to_spike_time

# Correlations below this are not subtracted: a spike of 300 SD of noise then leaves less than one in another score.
LEAST_CORRELATION = 0.003
# Correlations that are subtracted at once.
LAGS_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class LearnedTemplates:
    """Templates as whitened PC scores on the contacts near each.

    Attributes
    ----------
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1 marks an unused entry.
    scores : ndarray of float32, shape (n_templates, n_near, n_pcs)
        PC scores in noise SD; ``scores @ pcs`` is the whitened waveform.
    n_spikes : ndarray of int64, shape (n_templates,)
        Number of spikes that each template was learned from.

    Examples
    --------
    >>> pair = LearnedTemplates(np.array([[0, 1], [1, -1]]), np.ones((2, 2, 1), np.float32), np.array([30, 20]))
    >>> len(pair), pair.peak_contacts
    (2, array([0, 1]))
    """

    contacts: I64
    scores: F32
    n_spikes: I64

    def __len__(self) -> int:
        return len(self.n_spikes)

    @property
    def norms(self) -> F32:
        """Norm of each template in noise SD: (n_templates,) float32."""
        return np.asarray(np.sqrt((self.scores**2).sum(axis=(1, 2))), dtype=np.float32)

    @property
    def peak_contacts(self) -> I64:
        """Contact with the largest summed square of each template: (n_templates,) int64."""
        best = (self.scores**2).sum(axis=2).argmax(axis=1)
        return np.asarray(np.take_along_axis(self.contacts, best[:, None], axis=1)[:, 0], dtype=np.int64)

    def dense(self, n_contacts: int) -> F32:
        """Write the scores on all contacts.

        Parameters
        ----------
        n_contacts : int
            Number of contacts of the probe.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_contacts, n_pcs)
            The scores; 0 on contacts that a template does not use.
        """
        return dense(self.scores, self.contacts, n_contacts)

    def take(self, rows: I64) -> LearnedTemplates:
        """Select templates.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Indices of templates.

        Returns
        -------
        LearnedTemplates
            The selected templates in the order of `rows`.
        """
        return LearnedTemplates(self.contacts[rows], self.scores[rows], self.n_spikes[rows])


def component_lags(pcs: F32) -> F32:
    """Compute the overlap of every two components at every lag.

    Parameters
    ----------
    pcs : ndarray of float32, shape (n_pcs, n_samples)
        Temporal components.

    Returns
    -------
    ndarray of float32, shape (n_pcs, n_pcs, 2 n_samples - 1)
        Element ``[q, p, n_samples - 1 + s]`` is ``sum_j pcs[p, j] pcs[q, j + s]``.

    Examples
    --------
    >>> component_lags(np.array([[1.0, 2.0]], np.float32))
    array([[[2., 5., 2.]]], dtype=float32)
    """
    n = pcs.shape[1]
    padded = np.pad(pcs.astype(np.float64), ((0, 0), (n - 1, n - 1)))
    shifted = np.lib.stride_tricks.sliding_window_view(padded, n, axis=1)
    return np.asarray(np.einsum("pj,qsj->qps", pcs, shifted), dtype=np.float32)


def from_labels(features: F32, labels: I64, n_labels: int, contacts: I64) -> LearnedTemplates:
    """Average the features of each cluster of one group and shrink noisy contacts towards 0.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_near, n_pcs)
        Whitened PC scores on the contacts of the group.
    labels : ndarray of int64, shape (n_spikes,)
        Cluster of each spike, 0 to ``n_labels - 1``.
    n_labels : int
        Number of clusters.
    contacts : ndarray of int64, shape (n_near,)
        Contacts of the group.

    Returns
    -------
    LearnedTemplates
        One template a cluster; zeros for a cluster without spikes.

    Notes
    -----
    The mean of n spikes has noise of squared norm ``n_pcs / n`` on each contact. The contact is scaled by
    ``max(0, 1 - n_pcs / n / |mean|^2)``, as in a James-Stein estimator.
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
    """Concatenate the templates of all groups.

    Parameters
    ----------
    parts : list of LearnedTemplates
        Templates of each group, on at most `n_near` contacts.
    n_near : int
        Number of contacts of each template in the result.
    n_pcs : int
        Number of temporal components.

    Returns
    -------
    LearnedTemplates
        All templates, padded with contact -1 and score 0.
    """
    contacts, scores = [np.empty((0, n_near), np.int64)], [np.empty((0, n_near, n_pcs), np.float32)]
    for part in parts:
        n_missing = n_near - part.contacts.shape[1]
        contacts.append(np.pad(part.contacts, ((0, 0), (0, n_missing)), constant_values=-1))
        scores.append(np.pad(part.scores, ((0, 0), (0, n_missing), (0, 0))))
    counts = [np.empty(0, np.int64), *(part.n_spikes for part in parts)]
    return LearnedTemplates(np.concatenate(contacts), np.concatenate(scores), np.concatenate(counts))


def aligned(templates: LearnedTemplates, shapes: Shapes) -> tuple[LearnedTemplates, I64]:
    """Shift every template so that its spike time lies at the peak index, as `stages.spike_time` defines it.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates in any alignment.
    shapes : Shapes
        Temporal components and peak index.

    Returns
    -------
    templates : LearnedTemplates
        The shifted templates.
    shifts : ndarray of int64, shape (n_templates,)
        How far each was moved earlier, in samples. The times of its spikes move later by as much.

    Notes
    -----
    Kilosort4 aligns by the response to a typical shape. Where that is a later phase, late spikes remain a unit.
    """
    if len(templates) == 0:
        return templates, np.empty(0, np.int64)
    waveforms = (templates.scores @ shapes.pcs).transpose(0, 2, 1)
    shifts = shifts_to_spike_time(waveforms, shapes.peak_index, shapes.peak_index // 2)
    moved = np.stack([advanced(s, int(d), shapes.pcs) for s, d in zip(templates.scores, shifts, strict=True)])
    return LearnedTemplates(templates.contacts, moved, templates.n_spikes), shifts


def advanced(scores: F32, lag: int, pcs: F32) -> F32:
    """Compute the scores of waveforms that are moved earlier.

    Parameters
    ----------
    scores : ndarray of float32, shape (..., n_pcs)
        PC scores.
    lag : int
        Number of samples by which the waveforms move earlier; negative moves them later.
    pcs : ndarray of float32, shape (n_pcs, n_samples)
        Temporal components.

    Returns
    -------
    ndarray of float32, shape (..., n_pcs)
        Scores of the moved waveforms.

    Examples
    --------
    >>> advanced(np.array([[1.0, 2.0, 3.0]], np.float32), 1, np.eye(3, dtype=np.float32))
    array([[2., 3., 0.]], dtype=float32)
    """
    if lag == 0:
        return scores
    return advance(scores @ pcs, lag) @ pcs.T


def overlaps(templates: LearnedTemplates, n_contacts: int, pcs: F32) -> Overlaps:
    """Correlate all pairs of templates that share a contact, at every lag.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates.
    n_contacts : int
        Number of contacts of the probe.
    pcs : ndarray of float32, shape (n_pcs, n_samples)
        Temporal components.

    Returns
    -------
    Overlaps
        The pairs, sorted, and their normalised correlations; each template is paired with itself.
    """
    lags = component_lags(pcs).reshape(len(pcs) ** 2, -1)
    unit_scores = unit_norm(templates)
    used = np.zeros((len(templates), n_contacts + 1), np.float32)
    has_energy = (templates.contacts >= 0) & (unit_scores != 0).any(axis=2)
    np.put_along_axis(used, np.where(has_energy, templates.contacts, n_contacts), 1.0, axis=1)
    share_contact = used[:, :-1] @ used[:, :-1].T > 0
    np.fill_diagonal(share_contact, True)
    offsets, neighbours = np.append(0, np.cumsum(share_contact.sum(axis=1))), np.nonzero(share_contact)[1]
    products = kernels.pair_products(templates.contacts, unit_scores, n_contacts, offsets, neighbours)
    tables = products.reshape(len(neighbours), len(lags)) @ lags
    return Overlaps(
        offsets.astype(np.int64),
        neighbours.astype(np.int64),
        tables,
        *kernels.extents(tables, LEAST_CORRELATION, LAGS_AT_ONCE),
    )


def similarity(pairs: Overlaps, n_templates: int) -> tuple[F32, I64]:
    """Find the largest correlation of every two templates, and its lag.

    Parameters
    ----------
    pairs : Overlaps
        Correlations of the pairs that share a contact, as `overlaps` computes them.
    n_templates : int
        Number of templates.

    Returns
    -------
    correlation : ndarray of float32, shape (n_templates, n_templates)
        Largest correlation over lags; 0 for templates that share no contact.
    lag : ndarray of int64, shape (n_templates, n_templates)
        ``lag[k, j] = s``: template j placed s samples after template k resembles it most.
    """
    value = np.zeros((n_templates, n_templates), np.float32)
    lag = np.zeros((n_templates, n_templates), np.int64)
    rows = np.repeat(np.arange(n_templates), np.diff(pairs.offsets))
    if len(rows):
        best = pairs.tables.argmax(axis=1)
        value[rows, pairs.neighbours] = np.take_along_axis(pairs.tables, best[:, None], axis=1)[:, 0]
        lag[rows, pairs.neighbours] = best - pairs.tables.shape[1] // 2
    return value, lag


def unit_norm(templates: LearnedTemplates) -> F32:
    """Normalise the scores for matching.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates.

    Returns
    -------
    ndarray of float32, shape (n_templates, n_near, n_pcs)
        Scores of unit norm; an empty template stays 0.
    """
    unit = templates.scores / np.maximum(templates.norms, 1e-12)[:, None, None]
    return np.ascontiguousarray(unit, dtype=np.float32)
