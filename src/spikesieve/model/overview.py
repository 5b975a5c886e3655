"""A whole recording at a glance: how large the traces are and how many spikes there are, by time and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.model.types import F32, F64, I64

F16 = NDArray[np.float16]
U16 = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Overview:
    """The size of the traces and the number of spikes, in bins of time.

    Attributes
    ----------
    start_s : ndarray of float64, shape (n_bins,)
        Start of each bin in s since the first sample.
    bin_s : float
        Length in s of what a bin stands for.
    rms_uv : ndarray of float16, shape (n_bins, n_contacts)
        Root mean square of the high-passed, referenced traces in uV; NaN where nothing is used.
    channels : ndarray of int64, shape (n_contacts,)
        Channel of the file of each contact.
    shanks : ndarray of int64, shape (n_shanks,)
        Shank numbers.
    depth_um : ndarray of float32, shape (n_depths + 1,)
        Edges of the bins of depth in um.
    n_spikes : ndarray of uint16, shape (n_shanks, n_bins, n_depths)
        Detected spikes; 65535 where there are more.
    """

    start_s: F64
    bin_s: float
    rms_uv: F16
    channels: I64
    shanks: I64
    depth_um: F32
    n_spikes: U16
