"""Choose the next centre of k-means++."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@nb.njit(cache=True, nogil=True)
def explained_more(products: F32, norm2: F32, explained: F32) -> F32:
    """Sum what each candidate for a centre explains of all spikes beyond what is explained already.

    Parameters
    ----------
    products : ndarray of float32, shape (n_spikes, n_candidates)
        Scalar product x.c of each spike x and each candidate c.
    norm2 : ndarray of float32, shape (n_candidates,)
        Squared norm of each candidate.
    explained : ndarray of float32, shape (n_spikes,)
        What is explained of each spike.

    Returns
    -------
    ndarray of float32, shape (n_candidates,)
        Sums of max(2 x.c - |c|^2 - explained, 0) over the spikes in their order.
    """
    n_spikes, n_candidates = products.shape
    total = np.zeros(n_candidates, np.float32)
    for i in range(n_spikes):
        for j in range(n_candidates):
            total[j] += max(np.float32(2) * products[i, j] - norm2[j] - explained[i], np.float32(0))
    return total
