"""What kind of cell a unit may be, by the shape of its waveform and its autocorrelogram."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.metrics.waveform_shape import WaveformShape
from spikesieve.model import I64

# Trough to peak of fast-spiking interneurons and of pyramidal cells: the valley between both is at 0.4 ms.
NARROW_S = 0.4e-3
# Intervals of a complex-spike burst, and lags at which it is over. Bins of the autocorrelogram are 1 ms, from 1 ms on.
BURST_MS, AFTER_MS = (2, 6), (50, 100)
# A cell with complex spikes fires at least this many times as often within a burst, with 97.5 % confidence.
MIN_BURST_RATIO, LOW_TAIL = 2.0, 0.025
# bombcell: an axon's peak before the trough is narrow, large, and three times as large as that after it.
MAX_PEAK_BEFORE_S, MAX_TROUGH_S = 4 / 30_000, 5 / 30_000
MAX_TROUGH_TO_PEAK_BEFORE, MIN_BEFORE_TO_AFTER, MAX_PEAK_TO_TROUGH = 5.0, 3.0, 0.8


class CellType(NamedTuple):
    """The kind of a cell.

    Attributes
    ----------
    kind : str or None
        regular, narrow, axonal or complex.
    why : str
        What this rests on.
    """

    kind: str | None
    why: str


class Burstiness(NamedTuple):
    """How much more often a unit fires shortly after a spike.

    Attributes
    ----------
    ratio : float
        Rate 2 to 6 ms after a spike over that 50 to 100 ms after it; NaN if it never fires then.
    low : float
        Lower end of its 95 % interval.
    """

    ratio: float
    low: float


def non_somatic_reason(shape: WaveformShape) -> str:
    """Say why a waveform is that of an axon or dendrite.

    Parameters
    ----------
    shape : WaveformShape
        The waveform on the best contact.

    Returns
    -------
    str
        The reason; empty for that of a soma.

    References
    ----------
    Deligkaris, Bullmann, Frey, Front Neurosci 10:421 (2016); bombcell's published thresholds (widths in samples at
    30 kHz).
    """
    if shape.main_peak_to_trough_ratio > MAX_PEAK_TO_TROUGH:
        return f"its largest peak has {shape.main_peak_to_trough_ratio:.2g} times the size of its trough"
    narrow = shape.peak_before_width < MAX_PEAK_BEFORE_S and shape.trough_width < MAX_TROUGH_S
    large = shape.peak_before_to_trough_ratio > 1 / MAX_TROUGH_TO_PEAK_BEFORE
    if narrow and large and shape.peak_before_to_peak_after_ratio > MIN_BEFORE_TO_AFTER:
        return (
            f"a narrow peak of {shape.peak_before_to_trough_ratio:.2g} times the trough comes before it, "
            f"{shape.peak_before_to_peak_after_ratio:.2g} times as large as that after it"
        )
    return ""


def burstiness(acg: I64) -> Burstiness:
    """Compare the autocorrelogram in a burst with that after it.

    Parameters
    ----------
    acg : ndarray of int64, shape (100,)
        Pairs of spikes 0.5-1.5, 1.5-2.5 ... ms apart.

    Returns
    -------
    Burstiness
        Ratio and lower limit, where the pairs in the burst are a Poisson count.

    References
    ----------
    Royer et al., Nat Neurosci 15:769 (2012).

    Examples
    --------
    >>> burstiness(np.full(100, 40)).ratio
    1.0
    """
    (first, last), (begin, end) = BURST_MS, AFTER_MS
    n, usual = int(acg[first - 1 : last].sum()), float(acg[begin - 1 : end].mean()) * (last - first + 1)
    if usual <= 0:
        return Burstiness(np.nan, 0.0)
    return Burstiness(n / usual, float(scipy.special.gammaincinv(n, LOW_TAIL) / usual) if n else 0.0)


def cell_type(shape: WaveformShape, acg: I64) -> CellType:
    """Name the kind of a cell.

    Parameters
    ----------
    shape : WaveformShape
        The waveform on the best contact.
    acg : ndarray of int64, shape (100,)
        Pairs of spikes 0.5-1.5, 1.5-2.5 ... ms apart.

    Returns
    -------
    CellType
        axonal: the waveform is no soma's. narrow: the peak comes within 0.4 ms after the trough, as in fast-spiking
        interneurons. complex: it comes later, and the cell fires bursts of spikes 2 to 6 ms apart, as pyramidal cells
        of the hippocampus do. regular: it comes later, without such bursts. None if there is no peak after the trough.

    References
    ----------
    Ranck, Exp Neurol 41:461 (1973); Bartho et al., J Neurophysiol 92:600 (2004); Royer et al., Nat Neurosci 15:769
    (2012).
    """
    axonal = non_somatic_reason(shape)
    if axonal:
        return CellType("axonal", axonal)
    duration_s = shape.peak_to_trough_duration
    if not np.isfinite(duration_s):
        return CellType(None, "no peak after the trough")
    duration = f"trough to peak {duration_s * 1e3:.2f} ms"
    if duration_s < NARROW_S:
        return CellType("narrow", duration)
    bursts = burstiness(acg)
    index = "too few spikes to see bursts" if np.isnan(bursts.ratio) else f"burst index {bursts.ratio:.2g}"
    return CellType("complex" if bursts.low > MIN_BURST_RATIO else "regular", f"{duration}, {index}")
