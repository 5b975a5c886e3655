"""Overlapping depth windows, each with a displacement of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64

# SD of a window in units of the distance of their centres, and the number of SDs at which it ends.
WINDOW_SD, WINDOW_END_SDS = 0.8, 2.0


@dataclass(frozen=True, eq=False)
class DepthWindows:
    """Overlapping depth windows, each with a displacement of its own; a single window holds all depths.

    Attributes
    ----------
    ends_um : (float, float)
        Lowest and highest depth that the windows divide, in um.
    centre_um : ndarray of float64, shape (n_windows,)
        Centres in um, ascending and evenly spaced.
    sd_um : float
        SD of the Gaussian weight of depths in um; infinite for a single window.
    """

    ends_um: tuple[float, float]
    centre_um: F64
    sd_um: float

    def __len__(self) -> int:
        return len(self.centre_um)

    def limits_um(self, k: int) -> tuple[float, float]:
        """Look up where a window ends.

        Parameters
        ----------
        k : int
            Index of the window.

        Returns
        -------
        (float, float)
            Lowest and highest depth of the window in um.
        """
        return self.centre_um[k] - WINDOW_END_SDS * self.sd_um, self.centre_um[k] + WINDOW_END_SDS * self.sd_um

    def weights(self, k: int, depth_um: F64 | F32) -> F64:
        """Weigh depths by how much they belong to a window.

        Parameters
        ----------
        k : int
            Index of the window.
        depth_um : ndarray of float, shape (n,)
            Depths in um.

        Returns
        -------
        ndarray of float64, shape (n,)
            Weights from 0 to 1.
        """
        if np.isinf(self.sd_um):
            return np.ones(len(depth_um))
        distance_sds = (depth_um - self.centre_um[k]) / self.sd_um
        return np.where(np.abs(distance_sds) < WINDOW_END_SDS, np.exp(-(distance_sds**2) / 2), 0.0)

    def neighbours(self, depth_um: F64 | F32) -> tuple[I64, I64, F64]:
        """Find the windows below and above each depth, for linear interpolation.

        Parameters
        ----------
        depth_um : ndarray of float, shape (n,)
            Depths in um.

        Returns
        -------
        below, above : ndarray of int64, shape (n,)
            Indices of windows; the first or the last two beyond the ends.
        fraction : ndarray of float64, shape (n,)
            How far each depth is from the lower centre to the upper one, 0 to 1.
        """
        if len(self) == 1:
            first = np.zeros(len(depth_um), np.int64)
            return first, first, np.zeros(len(depth_um))
        place = (depth_um - self.centre_um[0]) / (self.centre_um[1] - self.centre_um[0])
        below = np.clip(np.floor(place), 0, len(self) - 2).astype(np.int64)
        return below, np.minimum(below + 1, len(self) - 1), np.clip(place - below, 0.0, 1.0)

    def interpolate(self, displacement_um: F64, depth_um: F64) -> F64:
        """Interpolate displacements linearly between the centres of the windows.

        Parameters
        ----------
        displacement_um : ndarray of float64, shape (n_bins, n_windows)
            Displacement of each window in um.
        depth_um : ndarray of float64, shape (n_depths,)
            Depths in um.

        Returns
        -------
        ndarray of float64, shape (n_bins, n_depths)
            Displacement at each depth in um, constant beyond the first and last centre.

        Examples
        --------
        >>> windows = make_depth_windows(0.0, 400.0, 2)
        >>> windows.centre_um
        array([100., 200., 300.])
        >>> windows.interpolate(np.array([[0.0, 10.0, 10.0]]), np.array([50.0, 150.0]))
        array([[0., 5.]])
        """
        below, above, fraction = self.neighbours(depth_um)
        return np.asarray(displacement_um[:, below] * (1 - fraction) + displacement_um[:, above] * fraction)


def make_depth_windows(low_um: float, high_um: float, n_sections: int) -> DepthWindows:
    """Divide a range of depths into half-overlapping windows, as Kilosort4's blocks.

    Parameters
    ----------
    low_um, high_um : float
        Lowest and highest depth in um.
    n_sections : int
        Number of sections; n sections give 2 n - 1 windows.

    Returns
    -------
    DepthWindows
        The windows.
    """
    step = (high_um - low_um) / (2 * n_sections)
    centres = low_um + step * np.arange(1, 2 * n_sections, dtype=np.float64)
    return DepthWindows((low_um, high_um), centres, WINDOW_SD * step if n_sections > 1 else np.inf)
