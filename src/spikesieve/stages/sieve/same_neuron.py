"""What splits and merges have in common: spike times as evidence for one neuron, and shapes without jitter."""

from __future__ import annotations

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.model import F32, F64, I64, SortedTime


def log_odds_one_neuron(first: I64, second: I64, time: SortedTime) -> float:
    """Compute the log odds that two spike trains are one neuron's, from the dip of their cross-correlogram.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_first,) and (n_second,)
        Spike times in samples, in any order.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        Positive: one neuron. Negative: two. Near 0: too few spikes to tell.

    Examples
    --------
    Two halves of a train with 10 ms between spikes, and two independent trains:

    >>> time = SortedTime(((0, 3_000_000),), 30_000.0)
    >>> whole = np.cumsum(np.random.default_rng(0).integers(300, 1200, 4000))
    >>> log_odds_one_neuron(whole[::2], whole[1::2], time) > 3
    True
    >>> other = np.cumsum(np.random.default_rng(1).integers(300, 1200, 4000))
    >>> log_odds_one_neuron(whole, other, time) < -3
    True
    """
    return refractory.log_odds_one_train(refractory.correlogram_1ms(np.sort(first), np.sort(second), time, False))


def without_jitter(features: F64, mean: F64, lags: F32) -> F64:
    """Remove the direction in which a unit's mean changes when it comes a little later.

    A spike falls between two samples. Each unit is therefore smeared along this direction, in steps that look like
    clusters.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_near * n_pcs)
        Spikes, or differences of means.
    mean : ndarray of float64, shape (n_near, n_pcs)
        Mean of the unit.
    lags : ndarray of float32, shape (n_pcs, n_pcs, n_lags)
        Overlaps of the shifted components, as `component_lags` returns them.

    Returns
    -------
    ndarray of float64, shape (n, n_near * n_pcs)
        The features without their projection on this direction.

    Examples
    --------
    >>> from spikesieve.stages.templates import component_lags
    >>> lags = component_lags(np.linalg.qr(np.random.default_rng(0).standard_normal((9, 2)))[0].T)
    >>> mean = np.array([[3.0, 1.0]])
    >>> change = (mean @ (lags[:, :, 9] - lags[:, :, 7])).ravel()
    >>> bool(np.abs(without_jitter(5 * change[None], mean, lags)).max() < 1e-6)
    True
    """
    direction = jitter_direction(mean, lags)
    return np.asarray(features - np.outer(features @ direction, direction))


def jitter_direction(means: F64, lags: F32) -> F64:
    """Find the direction in which means change when they come a little later.

    Parameters
    ----------
    means : ndarray of float64, shape (..., n_near, n_pcs)
        Means of units.
    lags : ndarray of float32, shape (n_pcs, n_pcs, n_lags)
        Overlaps of the shifted components, as `component_lags` returns them.

    Returns
    -------
    ndarray of float64, shape (..., n_near * n_pcs)
        Unit vectors; 0 where nothing changes.

    Examples
    --------
    >>> lags = np.array([[[0.9, 1.0, 0.5]]], np.float32)
    >>> jitter_direction(np.array([[[3.0], [4.0]], [[0.0], [0.0]]]), lags).round(2)
    array([[-0.6, -0.8],
           [ 0. ,  0. ]])
    """
    middle = lags.shape[2] // 2
    change = means @ (lags[:, :, middle + 1] - lags[:, :, middle - 1])
    flat = change.reshape(*change.shape[:-2], change.shape[-2] * change.shape[-1])
    size = np.sqrt((flat**2).sum(axis=-1, keepdims=True))
    return np.asarray(flat / np.where(size > 0, size, 1))


def without_amplitude(features: F64, mean: F64) -> F64:
    """Remove the direction of a unit's mean, along which its spikes differ in size.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_dims)
        Spikes.
    mean : ndarray of float64, shape (1, n_dims)
        Mean of the unit.

    Returns
    -------
    ndarray of float64, shape (n, n_dims)
        The spikes without their projection on the mean.

    Examples
    --------
    >>> without_amplitude(np.array([[6.0, 8.0], [5.0, 0.0]]), np.array([[3.0, 4.0]])).round(2)
    array([[ 0. ,  0. ],
           [ 3.2, -2.4]])
    """
    direction = mean[0] / max(float(np.linalg.norm(mean)), 1e-9)
    return np.asarray(features - np.outer(features @ direction, direction))
