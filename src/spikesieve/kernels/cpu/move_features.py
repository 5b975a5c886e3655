"""Put the features of the spikes of some units on other contacts, and what is summed over them."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def move_features(features: F32, first: I64, contacts: I64, units: I64, wanted: I64) -> F32:
    """Put the features of the spikes of some units on the same contacts.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_near, n_pcs)
        Features of the spikes of all units, unit after unit.
    first : ndarray of int64, shape (n_units + 1,)
        The spikes of unit k are those from first[k] to before first[k + 1].
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit; -1 marks an unused entry.
    units : ndarray of int64, shape (n_some,)
        Units whose spikes are taken, in this order.
    wanted : ndarray of int64, shape (n_wanted,)
        Contacts to put the features on.

    Returns
    -------
    ndarray of float32, shape (n, n_wanted, n_pcs)
        The features; 0 where they were not measured.

    Examples
    --------
    >>> features = np.array([[[1.0], [2.0]], [[3.0], [4.0]]], np.float32)
    >>> contacts = np.array([[5, 6], [6, 7]])
    >>> move_features(features, np.array([0, 1, 2]), contacts, np.array([1, 0]), np.array([6, 5]))[:, :, 0]
    array([[3., 0.],
           [2., 1.]], dtype=float32)
    """
    n = 0
    for unit in units:
        n += first[unit + 1] - first[unit]
    moved = np.empty((n, wanted.size, features.shape[2]), np.float32)
    column, row = np.empty(wanted.size, np.int64), 0
    for unit in units:
        _find(contacts[unit], wanted, column)
        for spike in range(first[unit], first[unit + 1]):
            for w in range(wanted.size):
                for p in range(features.shape[2]):
                    moved[row, w, p] = features[spike, column[w], p] if column[w] >= 0 else 0.0
            row += 1
    return moved


@nb.njit(cache=True, nogil=True)
def sum_scatter(scatter: F32, contacts: I64, units: I64, wanted: I64) -> F64:
    """Sum the scatter of the features of some units on the same contacts.

    Parameters
    ----------
    scatter : ndarray of float32, shape (n_units, n_near, n_pcs, n_near, n_pcs)
        Sums of the products of every two features of the spikes of each unit.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit; -1 marks an unused entry.
    units : ndarray of int64, shape (n_some,)
        Units that are summed.
    wanted : ndarray of int64, shape (n_wanted,)
        Contacts to put the features on.

    Returns
    -------
    ndarray of float64, shape (n_wanted, n_pcs, n_wanted, n_pcs)
        The sums; 0 where nothing was measured.

    Examples
    --------
    >>> scatter = np.array([[2.0, 1.0], [1.0, 3.0]], np.float32).reshape(1, 2, 1, 2, 1)
    >>> sum_scatter(scatter, np.array([[5, 6]]), np.array([0]), np.array([6, 7]))[:, 0, :, 0]
    array([[3., 0.],
           [0., 0.]])
    """
    n_pcs = scatter.shape[2]
    sums, column = np.zeros((wanted.size, n_pcs, wanted.size, n_pcs)), np.empty(wanted.size, np.int64)
    for unit in units:
        _find(contacts[unit], wanted, column)
        for v in range(wanted.size):
            for w in range(wanted.size):
                if column[v] >= 0 and column[w] >= 0:
                    for p in range(n_pcs):
                        for q in range(n_pcs):
                            sums[v, p, w, q] += scatter[unit, column[v], p, column[w], q]
    return sums


@nb.njit(cache=True, nogil=True)
def _find(contacts: I64, wanted: I64, column: I64) -> None:
    """Write where each wanted contact is among those of a unit; -1 if it is not."""
    for w in range(wanted.size):
        column[w] = -1
        for c in range(contacts.size):
            if wanted[w] >= 0 and contacts[c] == wanted[w]:
                column[w] = c
