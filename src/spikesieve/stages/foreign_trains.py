"""Spike trains that follow something other than a neuron: a clock, the mains, a line of interference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spikesieve.metrics.locking import locking
from spikesieve.model import I64, Label, SortedTime, Unit
from spikesieve.model.text import counted

MAINS_HZ = (50.0, 60.0)
IN_STEP = "in step with"
# With most of its spikes in step a unit is no neuron; with fewer, it is a neuron's with others.
MOST = 0.5


def foreign_label(train: I64, time: SortedTime, line_hz: Sequence[float]) -> tuple[Label, str] | None:
    """Label a unit by what its spikes follow, where that is no neuron.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.
    line_hz : sequence of float
        Lines of interference in Hz.

    Returns
    -------
    (Label, str) or None
        Noise if most of the spikes are foreign, else mua, and the reason; None for a train that follows nothing.

    Examples
    --------
    >>> import numpy as np
    >>> time = SortedTime(((0, 600_000),), 30_000.0)
    >>> foreign_label(np.cumsum(np.resize([270, 1200, 480], 600)), time, ())
    (<Label.NOISE: 'noise'>, '100% of its spikes are in step with a clock of 1000 Hz')
    """
    lock = locking(train, time, (*MAINS_HZ, *line_hz))
    if lock is None:
        return None
    what = "the mains" if any(abs(lock.hz - hz) <= 1 for hz in MAINS_HZ) else "a clock"
    label = Label.NOISE if lock.share > MOST else Label.MUA
    return label, f"{lock.share:.0%} of its spikes are {IN_STEP} {what} of {lock.hz:.0f} Hz"


def foreign_notes(units: Iterable[Unit]) -> tuple[str, ...]:
    """Say how many units follow something other than a neuron.

    Parameters
    ----------
    units : iterable of Unit
        The unit table.

    Returns
    -------
    tuple of str
        A sentence for the user, or nothing.
    """
    n = sum(IN_STEP in unit.why for unit in units)
    return (
        (f"Spikes of {counted(n, 'unit')} are {IN_STEP} a clock or the mains: interference is among them.",)
        if n
        else ()
    )
