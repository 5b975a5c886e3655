"""When a spike happens: one rule, for templates and for the spike times of the result."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import I64

FloatT = TypeVar("FloatT", np.float32, np.float64)

# A spike starts at the soma. Of the contacts that see it about as large as any, the first one shows the soma.
LARGE_TROUGH = 0.7
# A spike is positive where its peak is this many times as large as its trough.
POSITIVE_RATIO = 2.0


def shifts_to_spike_time(waveforms: NDArray[FloatT], peak_index: int, limit: int) -> I64:
    """Find how far the time of each unit's spikes lies from the peak index.

    The time of a spike is the trough of the soma: of the contacts whose trough is at least 0.7 times the deepest one,
    the earliest trough. A spike is positive if its largest peak is more than twice as large as its deepest trough; its
    time is that peak.

    Parameters
    ----------
    waveforms : ndarray of float32 or float64, shape (n_units, n_samples, n_contacts)
        Mean waveforms; the contacts may come in any order.
    peak_index : int
        Sample of the waveform at which the spike time lies now.
    limit : int
        Largest shift in samples.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        Shifts in samples; positive is late. 0 where there is neither a trough nor a peak.

    Examples
    --------
    The trough on the second contact is deeper, but comes later.

    >>> waveforms = np.zeros((1, 9, 2))
    >>> waveforms[0, 3, 0], waveforms[0, 6, 1], waveforms[0, 7, 0] = -40, -50, 60
    >>> shifts_to_spike_time(waveforms, 4, 4)
    array([-1])
    """
    if waveforms.size == 0:
        return np.zeros(len(waveforms), np.int64)
    near, each = waveforms[:, peak_index - limit : peak_index + limit + 1], np.arange(len(waveforms))
    depth, height = -near.min(axis=1), near.max(axis=1)
    deepest, when = depth.max(axis=1), near.argmin(axis=1)
    # A minimum at either end is no trough, but the way to one.
    is_trough = (depth >= LARGE_TROUGH * deepest[:, None]) & (when > 0) & (when < 2 * limit)
    first = np.where(is_trough, when, 2 * limit + 1).min(axis=1)
    first = np.where(is_trough.any(axis=1), first, limit)
    peak = near.argmax(axis=1)[each, height.argmax(axis=1)]
    is_positive = height.max(axis=1) > POSITIVE_RATIO * np.maximum(deepest, 0)
    return np.asarray(np.where(is_positive, peak, first) - limit, dtype=np.int64)
