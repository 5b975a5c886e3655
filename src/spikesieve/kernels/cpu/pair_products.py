"""Products of the scores of templates on the contacts that they share."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def pair_products(contacts: I64, scores: F32, n_contacts: int, offsets: I64, neighbours: I64) -> F32:
    """Sum the products of the component scores of two templates over the contacts that both have.

    Parameters
    ----------
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1: unused.
    scores : ndarray of float32, shape (n_templates, n_near, n_components)
        Scores of the components on these contacts.
    n_contacts : int
        Number of contacts.
    offsets : ndarray of int64, shape (n_templates + 1,)
        Template k is paired with neighbours[offsets[k]:offsets[k + 1]].
    neighbours : ndarray of int64, shape (n_pairs,)
        The other template of each pair.

    Returns
    -------
    ndarray of float32, shape (n_pairs, n_components, n_components)
        Element [q, p, r] is the sum over contacts of score p of template k and score r of the neighbour.

    Examples
    --------
    >>> contacts, scores = np.array([[0, 1], [1, -1]]), np.array([[[2.0], [3.0]], [[5.0], [0.0]]], np.float32)
    >>> pair_products(contacts, scores, 2, np.array([0, 2, 2]), np.array([0, 1])).ravel()
    array([13., 15.], dtype=float32)
    """
    n_near, n_components = scores.shape[1:]
    out = np.zeros((neighbours.size, n_components, n_components), np.float32)
    row_of = np.full(n_contacts, -1)
    for k in range(offsets.size - 1):
        for i in range(n_near):
            if contacts[k, i] >= 0:
                row_of[contacts[k, i]] = i
        for q in range(offsets[k], offsets[k + 1]):
            j = neighbours[q]
            for d in range(n_near):
                i = row_of[contacts[j, d]] if contacts[j, d] >= 0 else -1
                if i >= 0:
                    for p in range(n_components):
                        for r in range(n_components):
                            out[q, p, r] += scores[k, i, p] * scores[j, d, r]
        for i in range(n_near):
            if contacts[k, i] >= 0:
                row_of[contacts[k, i]] = -1
    return out
