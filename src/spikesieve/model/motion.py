"""Motion: how far the tissue moved along the probe, and whether the sort may use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NoReturn

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model.text import counted
from spikesieve.model.types import F32, F64, I64

# Spikes whose displacement is looked up in one go: the intermediate arrays take about a hundred bytes a spike.
SPIKES_PER_LOOKUP = 50_000


class DriftDecision(StrEnum):
    """What a sort does with the displacement of a shank. A decision equals its text and prints as it.

    Examples
    --------
    >>> DriftDecision.USE == "use", f"{DriftDecision.RIGID}"
    (True, 'rigid')
    """

    USE = "use"
    """Use the displacement at each depth."""
    RIGID = "rigid"
    """Use the mean over depths for the whole shank."""
    REFUSE = "refuse"
    """Treat the tissue as still."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise InputError(f"The drift decision {value!r} is unknown. A decision is one of {', '.join(cls)}.")


@dataclass(frozen=True, eq=False, repr=False)
class Motion:
    """Displacement of the tissue along each shank, its standard error, and whether the sort uses it.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_times,)
        Times in seconds since the first sample of the recording, ascending.
    depth_um : ndarray of float64, shape (n_depths,)
        Depths in um, ascending. The displacement is linear between them and constant beyond.
    shanks : ndarray of int64, shape (n_shanks,)
        Shank numbers of the probe, ascending.
    estimated_um : ndarray of float32, shape (n_shanks, n_times, n_depths)
        Displacement in um, upwards positive: tissue that rests at depth y is observed at y + estimated_um. An estimate
        has a median of 0 over equal times at each depth.
    se_um : ndarray of float32, shape (n_shanks, n_times, n_depths)
        Standard error in um; infinite where nothing is known.
    decisions : tuple of DriftDecision, length n_shanks
        What the sort does with each shank's displacement; given as texts they become members of `DriftDecision`.
    why : tuple of str, length n_shanks
        For each shank a sentence: what the decision rests on and what a person can do about it.

    Raises
    ------
    InputError
        For a decision that is none, or arrays whose shapes do not fit together.

    Examples
    --------
    >>> um = np.array([[[-5.0], [5.0]]], np.float32)
    >>> Motion(np.array([0.0, 60.0]), np.array([100.0]), np.array([0]), um, um * 0, ("use",), ("measured",))
    Motion of 1 shank: 2 times from 0 to 60 s, 1 depth
      shank 0: use, up to 5.0 µm
    """

    time_s: F64
    depth_um: F64
    shanks: I64
    estimated_um: F32
    se_um: F32
    decisions: tuple[DriftDecision, ...]
    why: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "decisions", tuple(DriftDecision(decision) for decision in self.decisions))
        expected = (len(self.shanks), len(self.time_s), len(self.depth_um))
        for name, array in (("estimated_um", self.estimated_um), ("se_um", self.se_um)):
            if array.shape != expected:
                raise InputError(
                    f"The motion's {name} must have shape {expected}: shanks, times, depths. Got {array.shape}."
                )
        if not len(self.decisions) == len(self.why) == len(self.shanks):
            raise InputError(
                f"A motion has one decision and one reason for each shank. "
                f"Got {len(self.decisions)} and {len(self.why)} "
                f"for {counted(len(self.shanks), 'shank')}."
            )

    def __repr__(self) -> str:
        lines = [
            f"Motion of {counted(len(self.shanks), 'shank')}: {counted(len(self.time_s), 'time')} from "
            f"{self.time_s[0]:g} to {self.time_s[-1]:g} s, {counted(len(self.depth_um), 'depth')}"
        ]
        largest_um = np.abs(self.um).max(axis=(1, 2), initial=0.0)
        for shank, decision, um in zip(self.shanks, self.decisions, largest_um, strict=True):
            used = "treated as still" if decision == DriftDecision.REFUSE else f"up to {um:.1f} µm"
            lines.append(f"  shank {shank}: {decision}, {used}")
        return "\n".join(lines)

    @classmethod
    def still(cls, shanks: I64, why: str) -> Motion:
        """Make the motion of tissue that is treated as still because it was not measured.

        Parameters
        ----------
        shanks : ndarray of int64
            Shank numbers, in any order, repeated or not: usually `Probe.shanks`.
        why : str
            Why the tissue is treated as still, one sentence for all shanks.

        Returns
        -------
        Motion
            One time, one depth, a displacement of 0 and an infinite standard error.

        Examples
        --------
        >>> Motion.still(np.array([0, 0, 1]), "Drift correction was turned off.").decisions
        (<DriftDecision.REFUSE: 'refuse'>, <DriftDecision.REFUSE: 'refuse'>)
        """
        numbers = np.unique(shanks)
        zero = np.zeros((len(numbers), 1, 1), np.float32)
        n = len(numbers)
        return cls(np.zeros(1), np.zeros(1), numbers, zero, zero + np.inf, (DriftDecision.REFUSE,) * n, (why,) * n)

    @property
    def um(self) -> F32:
        """Displacement that the sort uses, 0 on refused shanks: (n_shanks, n_times, n_depths) float32 in um."""
        used = self.estimated_um.copy()
        for shank, decision in enumerate(self.decisions):
            if decision == DriftDecision.RIGID:
                used[shank] = used[shank].mean(axis=1, keepdims=True)
            if decision == DriftDecision.REFUSE:
                used[shank] = 0.0
        return used

    def between(self, start_s: float, stop_s: float) -> Motion:
        """Cut out what lies between two times.

        Parameters
        ----------
        start_s, stop_s : float
            First and last time in s, in this order.

        Returns
        -------
        Motion
            The same displacement, counted from `start_s`. Rest stays where it was, so the median may not be 0.

        Examples
        --------
        >>> um = np.array([[[-5.0], [5.0]]], np.float32)
        >>> motion = Motion(np.array([0.0, 60.0]), np.array([100.0]), np.array([0]), um, um * 0, ("use",), ("",))
        >>> motion.between(30.0, 90.0).time_s
        array([ 0., 30., 60.])
        >>> motion.between(30.0, 90.0).um.ravel()
        array([0., 5., 5.], dtype=float32)
        """
        inside = self.time_s[(self.time_s > start_s) & (self.time_s < stop_s)]
        time_s = np.unique(np.concatenate([[start_s], inside, [stop_s]]))
        before, after, share = _between(self.time_s, time_s)
        share = share[:, None]
        um = self.estimated_um[:, before] * (1 - share) + self.estimated_um[:, after] * share
        se_um = np.where(share < 0.5, self.se_um[:, before], self.se_um[:, after])
        return replace(self, time_s=time_s - start_s, estimated_um=um.astype(np.float32), se_um=se_um)

    def at(self, time_s: F64, depth_um: F64, shank: I64) -> F64:
        """Look up the displacement that the sort uses.

        Parameters
        ----------
        time_s : ndarray of float64, shape (n,)
            Times in seconds.
        depth_um : ndarray of float64, shape (n,)
            Depths in um; those at rest serve as well.
        shank : ndarray of int64, shape (n,)
            Shank numbers.

        Returns
        -------
        ndarray of float64, shape (n,)
            Displacement in um, upwards positive, bilinear in time and depth.

        Examples
        --------
        >>> um = np.array([[[-5.0], [5.0]]], np.float32)
        >>> motion = Motion(np.array([0.0, 60.0]), np.array([100.0]), np.array([0]), um, um * 0, ("use",), ("",))
        >>> motion.at(np.array([30.0, 90.0]), np.array([100.0, 100.0]), np.array([0, 0]))
        array([0., 5.])
        """
        um, out = self.um.astype(np.float64), np.empty(len(time_s))
        for start in range(0, len(out), SPIKES_PER_LOOKUP):
            part = slice(start, start + SPIKES_PER_LOOKUP)
            row = np.searchsorted(self.shanks, shank[part])
            t0, t1, t = _between(self.time_s, time_s[part])
            d0, d1, d = _between(self.depth_um, depth_um[part])
            early = um[row, t0, d0] * (1 - d) + um[row, t0, d1] * d
            out[part] = early * (1 - t) + (um[row, t1, d0] * (1 - d) + um[row, t1, d1] * d) * t
        return out


def _between(grid: F64, values: F64) -> tuple[I64, I64, F64]:
    """Grid points before and after each value, and the share of the way from one to the other (0 to 1)."""
    after = np.clip(np.searchsorted(grid, values), min(1, len(grid) - 1), len(grid) - 1)
    before = np.maximum(after - 1, 0)
    gap = np.where(after > before, grid[after] - grid[before], 1.0)
    return before, after, np.clip((values - grid[before]) / gap, 0.0, 1.0)
