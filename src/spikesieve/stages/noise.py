"""The robust measure of noise."""

from __future__ import annotations

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, F64, Bool

MAD_TO_SD = 1.4826
# A block in which less than this share of a contact is used says nothing about the contact.
MIN_USED = 0.1


def mad_sd(traces: F32, blanked: Bool | None = None) -> F64:
    """Estimate the SD of each channel robustly: 1.4826 times the median absolute value of the samples that are used.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Traces with mean 0.
    blanked : ndarray of bool, shape (n_channels, n_samples), optional
        Samples that do not count.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        SD in the unit of the traces; NaN for a channel of which fewer than a tenth of the samples are used.

    Examples
    --------
    >>> traces = np.array([[1.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0]], np.float32)
    >>> mad_sd(traces), mad_sd(traces, traces == 0)
    (array([0.]), array([1.4826]))
    """
    if blanked is None or not blanked.any():
        return np.asarray(MAD_TO_SD * _median_magnitudes(traces), dtype=np.float64)
    rows = (x[~out] for x, out in zip(traces, blanked, strict=True))
    enough = MIN_USED * traces.shape[1]
    medians = (float(_median_magnitudes(x[None])[0]) if len(x) > enough else np.nan for x in rows)
    return MAD_TO_SD * np.fromiter(medians, np.float64, len(traces))


def _median_magnitudes(traces: F32) -> F32:
    median = np.empty(len(traces), np.float32)
    kernels.median_magnitudes(np.ascontiguousarray(traces, np.float32), median)
    return median
