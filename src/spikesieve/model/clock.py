"""The clock of a recording: when each uninterrupted part of it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model.types import F64, I64


@dataclass(frozen=True)
class Clock:
    """Times of the session, as the recording system counted them.

    A part is what was recorded without a gap: a file, what lies between two gaps of a file, or a piece of it in which
    the clock ran at one rate.

    Attributes
    ----------
    starts : tuple of int
        First sample of each part, rising, the first one 0.
    times_s : tuple of float
        Time of each first sample in s on the clock of the session.
    session : str
        Times of two recordings can be compared if this is the same text, and not an empty one.
    rates_hz : tuple of float
        Samples per second of this clock in each part, where it is another one than that of the samples; empty: as many
        as the sampling rate says.

    Raises
    ------
    InputError
        If there is not one finite time for each part, if a rate is not above 0, or if the parts do not begin one after
        the other.

    Examples
    --------
    >>> clock = Clock((0, 30_000), (12.0, 14.5))
    >>> clock.seconds(np.array([0, 29_999, 30_000]), 30_000.0).round(3).tolist()
    [12.0, 13.0, 14.5]
    """

    starts: tuple[int, ...] = (0,)
    times_s: tuple[float, ...] = (0.0,)
    session: str = ""
    rates_hz: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        rises = all(a < b for a, b in zip(self.starts[:-1], self.starts[1:], strict=True))
        if len(self.starts) != len(self.times_s) or not rises or self.starts[:1] != (0,):
            raise InputError(
                f"A clock needs the first sample of each part, rising from 0, and a time for each. Got "
                f"{len(self.starts)} samples and {len(self.times_s)} times."
            )
        if not np.isfinite(self.times_s).all():
            raise InputError("A clock has a time that is not a finite number. Leave the times out if they are unknown.")
        if len(self.rates_hz) not in (0, len(self.starts)) or not all(0 < rate < np.inf for rate in self.rates_hz):
            raise InputError(f"A clock needs a rate above 0 for each part, or none. Got {self.rates_hz}.")

    def seconds(self, samples: I64, sampling_hz: float) -> F64:
        """Convert samples to times of the session.

        Parameters
        ----------
        samples : ndarray of int64
            Samples since the first one of the recording.
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        ndarray of float64, same shape
            Times in s.
        """
        starts, times_s = np.array(self.starts), np.array(self.times_s)
        part = np.maximum(np.searchsorted(starts, samples, side="right") - 1, 0)
        seconds: F64 = times_s[part] + (samples - starts[part]) / np.array(self.rates(sampling_hz))[part]
        return seconds

    def rates(self, sampling_hz: float) -> tuple[float, ...]:
        """Give the rate of each part.

        Parameters
        ----------
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        tuple of float, length n_parts
            Samples per second of this clock.
        """
        return self.rates_hz or (float(sampling_hz),) * len(self.starts)

    def gaps_s(self, sampling_hz: float) -> tuple[float, ...]:
        """Compute the time that is missing before each part but the first.

        Parameters
        ----------
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        tuple of float, length n_parts - 1
            Gaps in s. A negative one means that the parts overlap, so that their times cannot be right.

        Examples
        --------
        >>> Clock((0, 30_000), (12.0, 14.5)).gaps_s(30_000.0)
        (1.5,)
        """
        lasting_s = np.diff(self.starts) / np.array(self.rates(sampling_hz)[:-1])
        return tuple((np.diff(self.times_s) - lasting_s).tolist())
