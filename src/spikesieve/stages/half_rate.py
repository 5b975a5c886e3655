"""Scores at every second sample: what lies between follows from its neighbours, because spikes are smooth.

The spectrum of a score is that of its template. Spikes have nearly nothing above 7.5 kHz, so that at 30 kHz every
second score tells the others, and every second sample of smoothed traces has the same scores. See docs/match.md and
docs/detect.md.
"""

from __future__ import annotations

import numpy as np

from spikesieve.model import F32

# Scores on either side of which one between is the sum. More did not lower its error.
N_BETWEEN = 3
# With a larger error, as a share of the variance of noise, all samples are scored. Of real shapes it is 0.004 to 0.015
# at 30 kHz, and 0.04 to 0.06 at 20 kHz.
MAX_ERROR = 0.03
# Samples on either side that smoothing reaches. With 5 to 21 the shapes of s64 lose 0.1 to 0.4 % of their energy.
SMOOTHED_OVER = 7


def weights_between(waveforms: F32) -> F32:
    """Compute how a score follows from those before and after it.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n, n_samples)
        Waveforms of typical shapes. Not temporal components: where few clear clips were seen, the last of these hold
        noise, though next to none of a template.

    Returns
    -------
    ndarray of float32, shape (3,) or (0,)
        Weights of the scores 1, 3 and 5 samples away, on both sides. None if the error were too large.

    Notes
    -----
    White noise projected on a waveform has the autocorrelation r of the waveform. With r averaged over waveforms,
    the weights w minimise the mean squared error r(0) - 4 sum_i w_i r(i) + 2 sum_ij w_i w_j (r(i - j) + r(i + j)), for
    i, j = 1, 3, 5 (Wiener's interpolation).

    Examples
    --------
    >>> smooth = np.exp(-0.5 * ((np.arange(61.0) - 20) / 3) ** 2)[None].astype(np.float32)
    >>> weights_between(smooth).round(1), weights_between(smooth[:, ::3]).size
    (array([ 0.6, -0.1,  0. ], dtype=float32), 0)
    """
    away = np.arange(1, 2 * N_BETWEEN, 2)
    n_samples = waveforms.shape[1]
    if n_samples <= 2 * away[-1]:
        return np.empty(0, np.float32)
    r = np.zeros(2 * n_samples - 1)
    for waveform in waveforms.astype(np.float64):
        r += np.correlate(waveform, waveform, "full")
    r = r[n_samples - 1 :]
    if r[0] == 0:
        return np.empty(0, np.float32)
    r /= r[0]
    among = r[np.abs(away[:, None] - away)] + r[away[:, None] + away]
    # A smooth waveform tells the same with many sets of weights; the least squares take the smallest.
    weights = np.linalg.lstsq(among, r[away], rcond=1e-6)[0]
    error = 1 - 4 * weights @ r[away] + 2 * weights @ among @ weights
    return np.asarray(weights if error <= MAX_ERROR else np.empty(0), dtype=np.float32)


def smoothing() -> F32:
    """Make the low-pass after which every second sample can be left out.

    Returns
    -------
    ndarray of float32, shape (15,)
        Weights, the sample itself in the middle. Half of the amplitude passes at a quarter of the sampling rate; every
        second weight is 0.

    Notes
    -----
    The sinc function of half the bandwidth, in a Kaiser window of shape 4.

    Examples
    --------
    >>> smoothing()[4:11].round(2)
    array([-0.08,  0.  ,  0.31,  0.5 ,  0.31,  0.  , -0.08], dtype=float32)
    """
    away = np.arange(-SMOOTHED_OVER, SMOOTHED_OVER + 1)
    weights = np.where(away % 2 | (away == 0), np.sinc(away / 2), 0.0) * np.kaiser(len(away), 4.0)
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def at_half_rate(waveforms: F32, peak_index: int) -> tuple[F32, int]:
    """Compute the waveforms whose scores on thinned traces are those of full waveforms on full traces.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n, n_samples)
        Waveforms.
    peak_index : int
        Sample of the waveforms at which a spike's time lies.

    Returns
    -------
    waveforms : ndarray of float32, shape (n, n_samples // 2 or one more)
        For every second sample of traces smoothed by `smoothing`.
    peak_index : int
        The same for these waveforms. The time of the spike is an even sample of the traces.

    Notes
    -----
    A score on thinned traces is one on full traces with the waveform M' b, where M smooths and thins out. b has the
    least squared error to the waveform. Of textbook spikes at 30 kHz less than a thousandth of the energy is lost.

    Examples
    --------
    >>> spike = np.exp(-0.5 * ((np.arange(61.0) - 20) / 4) ** 2)[None].astype(np.float32)
    >>> half, peak_index = at_half_rate(spike, 20)
    >>> half.shape, peak_index, float(half[0, 10].round(1))
    ((1, 31), 10, 2.0)
    """
    n_samples, weights = waveforms.shape[1], smoothing().astype(np.float64)
    kept = np.arange(peak_index % 2, n_samples, 2)
    away = np.arange(n_samples) - kept[:, None] + SMOOTHED_OVER
    smoothed = np.where((away >= 0) & (away < len(weights)), weights[np.clip(away, 0, len(weights) - 1)], 0.0)
    half = np.linalg.lstsq(smoothed.T, waveforms.T.astype(np.float64), rcond=1e-6)[0].T
    return np.ascontiguousarray(half, dtype=np.float32), peak_index // 2
