"""Cluster spikes by label propagation on the graph that links spikes to landmarks."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def ascend(
    links: I64, landmark_of: I64, labels: I64, n_labels: int, resolution: float, max_rounds: int
) -> tuple[I64, I64]:
    """Raise the modularity by relabelling landmarks and spikes in turn, until nothing changes.

    Parameters
    ----------
    links : ndarray of int64, shape (n_spikes, n_neighbours)
        Landmarks that each spike is linked to; -1: none.
    landmark_of : ndarray of int64, shape (n_landmarks,)
        The spike that each landmark is; a landmark starts with its label.
    labels : ndarray of int64, shape (n_spikes,)
        Initial labels, 0..n_labels-1; not changed.
    n_labels : int
        Number of labels.
    resolution : float
        Weight of the links expected by chance: larger values give more clusters.
    max_rounds : int
        Largest number of rounds.

    Returns
    -------
    spike_label : ndarray of int64, shape (n_spikes,)
        Labels of the spikes.
    landmark_label : ndarray of int64, shape (n_landmarks,)
        Labels of the landmarks.

    Notes
    -----
    With m links in all, degrees d and N_c the summed degree of the spikes of label c, a landmark takes the label with
    the largest (links to spikes of label c) - resolution / m d N_c. Then each spike does the same with its landmarks.
    Ties go to the lower label.
    """
    n_spikes, n_neighbours = links.shape
    n_landmarks = landmark_of.size
    offsets, members = _reverse(links, n_landmarks)
    spike_label = labels.copy()
    landmark_label = labels[landmark_of]
    degree = np.zeros(n_spikes, np.float64)
    for i in range(n_spikes):
        for j in range(n_neighbours):
            degree[i] += links[i, j] >= 0
    total = max(1.0, degree.sum())
    counts, mass = np.zeros(n_labels, np.int64), np.zeros(n_labels, np.float64)
    touched = np.empty(n_labels + 1, np.int64)
    for _ in range(max_rounds):
        changed = 0
        mass[:] = 0.0
        for i in range(n_spikes):
            mass[spike_label[i]] += degree[i]
        for k in range(n_landmarks):
            size = offsets[k + 1] - offsets[k]
            n_touched = 0
            for q in range(offsets[k], offsets[k + 1]):
                n_touched = _count(counts, touched, n_touched, spike_label[members[q]])
            best = _best(counts, touched, n_touched, mass, resolution * size / total, landmark_label[k])
            changed += best != landmark_label[k]
            landmark_label[k] = best
        mass[:] = 0.0
        for k in range(n_landmarks):
            mass[landmark_label[k]] += offsets[k + 1] - offsets[k]
        for i in range(n_spikes):
            n_touched = 0
            for j in range(n_neighbours):
                if links[i, j] >= 0:
                    n_touched = _count(counts, touched, n_touched, landmark_label[links[i, j]])
            best = _best(counts, touched, n_touched, mass, resolution * degree[i] / total, spike_label[i])
            changed += best != spike_label[i]
            spike_label[i] = best
        if changed == 0:
            break
    return spike_label, landmark_label


@nb.njit(cache=True, nogil=True)
def _reverse(links: I64, n_landmarks: int) -> tuple[I64, I64]:
    """Sort links by landmark: offsets (n_landmarks + 1,), members (n_links,)."""
    offsets = np.zeros(n_landmarks + 1, np.int64)
    for k in links.ravel():
        if k >= 0:
            offsets[k + 1] += 1
    offsets = np.cumsum(offsets)
    fill = offsets[:-1].copy()
    members = np.empty(offsets[-1], np.int64)
    for i in range(links.shape[0]):
        for k in links[i]:
            if k >= 0:
                members[fill[k]] = i
                fill[k] += 1
    return offsets, members


@nb.njit(cache=True, nogil=True)
def _count(counts: I64, touched: I64, n_touched: int, label: np.int64) -> int:
    """Count a link. Without a branch: the processor cannot guess which labels are new."""
    touched[n_touched] = label
    n_touched += counts[label] == 0
    counts[label] += 1
    return n_touched


@nb.njit(cache=True, nogil=True)
def _best(counts: I64, touched: I64, n_touched: int, mass: F64, penalty: float, current: np.int64) -> np.int64:
    """Return the touched label with the largest count - penalty * mass, or the current one. Clears the counts."""
    best, best_score = current, -np.inf
    for q in range(n_touched):
        label = touched[q]
        value = counts[label] - penalty * mass[label]
        if value > best_score or (value == best_score and label < best):
            best, best_score = label, value
        counts[label] = 0
    return best
