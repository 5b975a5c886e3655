"""Thin spikes evenly, so that the size of a report has a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I32, I64, Spikes


def evenly_spaced_rows(n_rows: int, n_max: int) -> I64:
    """Pick evenly spaced rows, the first and the last among them.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    n_max : int
        Largest number of rows to pick.

    Returns
    -------
    ndarray of int64, shape (min(n_rows, n_max),)
        Indices of the rows, in ascending order.

    Examples
    --------
    >>> evenly_spaced_rows(9, 3)
    array([0, 4, 8])
    """
    return np.linspace(0, n_rows - 1, min(n_rows, n_max)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class ThinnedSpikes:
    """An evenly spaced part of the spikes of a sorting.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_spikes,)
        Time in s since the first sample of the first file.
    depth_um : ndarray of float32, shape (n_spikes,)
        Depth in um.
    amplitude_uv : ndarray of float32, shape (n_spikes,)
        Peak-to-peak amplitude on the best contact of the unit, in uV.
    unit : ndarray of int32, shape (n_spikes,)
        Unit number.
    """

    time_s: F64
    depth_um: F32
    amplitude_uv: F32
    unit: I32

    @classmethod
    def from_rows(cls, spikes: Spikes, rows: I64, sampling_hz: float) -> ThinnedSpikes:
        """Take some rows of the spikes.

        Parameters
        ----------
        spikes : Spikes
            Spikes of a sorting.
        rows : ndarray of int64, shape (n_rows,)
            Rows to take.
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        ThinnedSpikes
            The spikes in the order of `rows`.
        """
        return cls(
            time_s=spikes.sample[rows] / sampling_hz,
            depth_um=spikes.position_um[rows, 1],
            amplitude_uv=spikes.amplitude_uv[rows],
            unit=spikes.unit[rows],
        )

    def __len__(self) -> int:
        return len(self.unit)

    def every_nth(self, step: int) -> ThinnedSpikes:
        """Take the first spike and every step-th after it.

        Parameters
        ----------
        step : int
            Distance of the rows.

        Returns
        -------
        ThinnedSpikes
            The spikes, in the same order.
        """
        return ThinnedSpikes(self.time_s[::step], self.depth_um[::step], self.amplitude_uv[::step], self.unit[::step])
