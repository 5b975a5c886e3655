"""Scores at every second sample: what lies between follows from its neighbours, because spikes are smooth.

The spectrum of a score is that of its template. Spikes have nearly nothing above 7.5 kHz, so that at 30 kHz every
second score tells the others. See docs/match.md.
"""

from __future__ import annotations

import numpy as np

from spikesieve.model import F32

# Scores on either side of which one between is the sum. More did not lower its error.
N_BETWEEN = 3
# With a larger error, as a share of the variance of noise, all samples are scored. It is 0.015 at 30 kHz.
MAX_ERROR = 0.03


def weights_between(components: F32) -> F32:
    """Compute how a score follows from those before and after it.

    Parameters
    ----------
    components : ndarray of float32, shape (n_components, n_samples)
        Temporal components.

    Returns
    -------
    ndarray of float32, shape (3,) or (0,)
        Weights of the scores 1, 3 and 5 samples away, on both sides. None if the error were too large.

    Notes
    -----
    White noise projected on a component has the autocorrelation r of the component. With r averaged over components,
    the weights w minimise the mean squared error r(0) - 4 sum_i w_i r(i) + 2 sum_ij w_i w_j (r(i - j) + r(i + j)), for
    i, j = 1, 3, 5 (Wiener's interpolation).

    Examples
    --------
    >>> smooth = np.exp(-0.5 * ((np.arange(61.0) - 20) / 3) ** 2)[None].astype(np.float32)
    >>> weights_between(smooth).round(1), weights_between(smooth[:, ::3]).size
    (array([ 0.6, -0.1,  0. ], dtype=float32), 0)
    """
    away = np.arange(1, 2 * N_BETWEEN, 2)
    n_samples = components.shape[1]
    if n_samples <= 2 * away[-1]:
        return np.empty(0, np.float32)
    r = np.zeros(2 * n_samples - 1)
    for component in components.astype(np.float64):
        r += np.correlate(component, component, "full")
    r = r[n_samples - 1 :]
    if r[0] == 0:
        return np.empty(0, np.float32)
    r /= r[0]
    among = r[np.abs(away[:, None] - away)] + r[away[:, None] + away]
    # A smooth component tells the same with many sets of weights; the least squares take the smallest.
    weights = np.linalg.lstsq(among, r[away], rcond=1e-6)[0]
    error = 1 - 4 * weights @ r[away] + 2 * weights @ among @ weights
    return np.asarray(weights if error <= MAX_ERROR else np.empty(0), dtype=np.float32)
