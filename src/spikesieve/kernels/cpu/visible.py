"""What is visible of templates where samples are blanked: norms, and correlations with other templates."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.pursuit import Overlaps, Visible, Worth

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Kept = dict[int, F32]

TABLE = nb.float32[:, ::1]
# Tables that are kept. Those of one spike and its replacements are needed again at once, others only in later rounds.
MOST_KEPT = 512


@nb.njit(cache=True, nogil=True)
def hidden_energy(blanked: Bool, contacts: I64, waveforms: F32, peak_index: int, out: F32) -> None:
    """Compute the energy of each template that lies in blanked samples.

    Parameters
    ----------
    blanked : ndarray of bool, shape (n_contacts, n_samples)
        Blanked samples.
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1: unused.
    waveforms : ndarray of float32, shape (n_templates, n_near, n_window)
        Waveforms of the templates.
    peak_index : int
        Sample of the waveforms at which a spike's time lies.
    out : ndarray of float32, shape (n_templates, n_samples)
        out[k, t] = sum of waveforms[k, c, j]^2 over all c and j for which blanked[contacts[k, c], t - peak_index + j].

    Examples
    --------
    >>> zero, out = np.zeros((1, 1), np.int64), np.empty((1, 5), np.float32)
    >>> hidden_energy(np.arange(5)[None] == 2, zero, np.array([[[1.0, 2.0]]], np.float32), 0, out)
    >>> out
    array([[0., 4., 1., 0., 0.]], dtype=float32)
    """
    n_samples, n_window = blanked.shape[1], waveforms.shape[2]
    out[:] = 0.0
    before = np.zeros(n_window + 1)
    runs = [_runs(row) for row in blanked]
    for k in range(contacts.shape[0]):
        for c in range(contacts.shape[1]):
            for j in range(n_window):
                before[j + 1] = before[j] + np.float64(waveforms[k, c, j]) ** 2
            if contacts[k, c] < 0:
                continue
            found = runs[contacts[k, c]]
            for i in range(found.shape[0]):
                a, b = found[i, 0] + peak_index, found[i, 1] + peak_index
                for t in range(max(0, a - n_window + 1), min(n_samples, b)):
                    out[k, t] += before[min(n_window, b - t)] - before[max(0, a - t)]


@nb.njit(cache=True, nogil=True)
def _runs(row: Bool) -> I64:
    """Return the first sample of each run of True, and the one after its last: (n_runs, 2)."""
    found = [0 for _ in range(0)]
    for t in range(row.size):
        if row[t] != (t > 0 and row[t - 1]):
            found.append(t)
    if len(found) % 2:
        found.append(row.size)
    return np.array(found, np.int64).reshape(-1, 2)


@nb.njit(cache=True, nogil=True)
def norm_at(worth: Worth, visible: Visible, k: int, t: int) -> np.float32:
    """Return the norm of what is visible of template k at sample t.

    Parameters
    ----------
    worth : Worth
        Holds the norms of whole templates.
    visible : Visible
        What is visible.
    k, t : int
        Template and sample.

    Returns
    -------
    float32
        In noise SD.
    """
    if visible.norms.shape[1] == 0:
        return np.float32(worth.norms[k])
    return np.float32(worth.norms[k] * visible.norms[k, t])


@nb.njit(cache=True, nogil=True)
def nothing_kept() -> Kept:
    """Make an empty dictionary for `tables_at`.

    Returns
    -------
    dict of int to ndarray of float32
        Tables by template and sample.
    """
    kept: Kept = nb.typed.Dict.empty(nb.int64, TABLE)
    return kept


@nb.njit(cache=True, nogil=True)
def tables_at(pairs: Overlaps, visible: Visible, kept: Kept, k: int, t: int) -> F32:
    """Return the correlations of template k at sample t with its neighbours, of what is visible of each.

    Parameters
    ----------
    pairs : Overlaps
        Correlations of whole templates.
    visible : Visible
        What is visible.
    kept : dict of int to ndarray of float32
        Tables that were computed before; the last ones are kept.
    k, t : int
        Template and sample.

    Returns
    -------
    ndarray of float32, shape (n_neighbours, 2 reach + 1)
        Rows and columns as in `Overlaps.tables`. Read only: where all is visible these are the tables themselves.

    Notes
    -----
    The product of what is visible of two templates is that of the whole ones without that in the blanked samples. So
    the time this takes grows with what is blanked of template k.
    """
    whole = pairs.tables[pairs.offsets[k] : pairs.offsets[k + 1]]
    n_samples = visible.norms.shape[1]
    if n_samples == 0:
        return whole
    key = np.int64(k) * n_samples + t
    if key in kept:
        return kept[key]
    neighbours = pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]]
    reach = whole.shape[1] // 2
    low, high = max(0, t - reach), min(n_samples, t + reach + 1)
    if _all_visible(visible.norms, neighbours, low, high):
        return whole
    out = whole.copy()
    is_hidden, projected = _hidden_part(visible, k, t, reach)
    own = visible.norms[k, t]
    for q in range(neighbours.size):
        j = neighbours[q]
        _subtract_products(visible, k, j, is_hidden, projected, out[q])
        for s in range(low, high):
            both = own * visible.norms[j, s]
            out[q, s - t + reach] *= np.float32(1.0) / both if both > 0 else np.float32(0.0)
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = out
    return out


@nb.njit(cache=True, nogil=True)
def _all_visible(norms: F32, rows: I64, low: int, high: int) -> bool:
    for k in rows:
        for t in range(low, high):
            if norms[k, t] != 1.0:
                return False
    return True


@nb.njit(cache=True, nogil=True)
def _hidden_part(visible: Visible, k: int, t: int, reach: int) -> tuple[Bool, F32]:
    """Whether anything is hidden of template k at t, on each of its contacts; components of it in windows at each lag.

    The components have the shape (n_near, n_components, 2 reach + 1).
    """
    contacts, components = visible.contacts[k], visible.components
    n_components, n_window = components.shape
    first = t - visible.peak_index
    is_hidden = np.zeros(contacts.size, np.bool_)
    out = np.zeros((contacts.size, n_components, 2 * reach + 1), np.float32)
    for c in range(contacts.size):
        if contacts[c] < 0:
            continue
        blanked = visible.blanked[contacts[c]]
        for j in range(max(0, -first), min(n_window, blanked.size - first)):
            if not blanked[first + j]:
                continue
            is_hidden[c] = True
            x = np.float32(0.0)
            for p in range(n_components):
                x += visible.weights[k, c, p] * components[p, j]
            # In the window that begins `lag` samples later, this is sample j - lag.
            for p in range(n_components):
                row = out[c, p]
                for lag in range(max(-reach, j - n_window + 1), min(reach, j) + 1):
                    row[reach + lag] += x * components[p, j - lag]
    return is_hidden, out


@nb.njit(cache=True, nogil=True)
def _subtract_products(visible: Visible, k: int, j: int, is_hidden: Bool, projected: F32, row: F32) -> None:
    """Subtract the products of template j with what is hidden of template k, on the contacts that both have."""
    for c in range(visible.contacts.shape[1]):
        if not is_hidden[c]:
            continue
        for d in range(visible.contacts.shape[1]):
            if visible.contacts[k, c] != visible.contacts[j, d]:
                continue
            for p in range(projected.shape[1]):
                weight = visible.weights[j, d, p]
                of_component = projected[c, p]
                for lag in range(row.size):
                    row[lag] -= weight * of_component[lag]
