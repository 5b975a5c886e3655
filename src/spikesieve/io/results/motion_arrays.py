"""Arrays of a motion as a file has them, and checks of their shapes and values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model import F64


@dataclass(frozen=True, eq=False)
class MotionArrays:
    """Arrays of a motion as a file has them. None: the file does not have it.

    Attributes
    ----------
    path : Path
        The file or folder.
    displacement_um : ndarray, shape (n_times, n_depths) or (n_shanks, n_times, n_depths)
        Displacement in um, upwards positive.
    time_s : ndarray, shape (n_times,)
        Times in s.
    depth_um : ndarray, shape (n_depths,)
        Depths in um.
    se_um : ndarray or None
        Standard error of the displacement in um.
    shanks : ndarray of shape (n_shanks,) or None
        Shank numbers.
    """

    path: Path
    displacement_um: NDArray[Any]
    time_s: NDArray[Any]
    depth_um: NDArray[Any]
    se_um: NDArray[Any] | None = None
    shanks: NDArray[Any] | None = None

    def se_or_infinite(self) -> NDArray[Any]:
        """Return the standard errors, infinite if there are none.

        Returns
        -------
        ndarray
            Standard errors in um, in the shape of the displacement.
        """
        return np.full(self.displacement_um.shape, np.inf) if self.se_um is None else self.se_um


def checked_arrays(given: MotionArrays) -> MotionArrays:
    """Check shapes and values.

    Parameters
    ----------
    given : MotionArrays
        Arrays from a file.

    Returns
    -------
    MotionArrays
        The same, with displacement and standard errors of shape (n_shanks, n_times, n_depths).

    Raises
    ------
    InputError
        If shapes do not fit each other, or values are not finite numbers.

    Examples
    --------
    >>> given = MotionArrays(Path("a.npz"), np.zeros((5, 1)), np.arange(5.0), np.zeros(1))
    >>> checked_arrays(given).displacement_um.shape
    (1, 5, 1)
    """
    time_s, depth_um = _axis(given, given.time_s, "times"), _axis(given, given.depth_um, "depths")
    shape = (len(time_s), len(depth_um))
    displacement_um = _with_shank_axis(given, given.displacement_um, "displacement", shape)
    if not np.isfinite(displacement_um).all():
        raise InputError(
            f"{given.path} has {int((~np.isfinite(displacement_um)).sum())} displacements that are not numbers. Fill "
            "the gaps, for instance by interpolation, and set se_um to inf there."
        )
    se_um = None
    if given.se_um is not None:
        se_um = _with_shank_axis(given, given.se_um, "standard error", shape)
        if se_um.shape != displacement_um.shape or np.isnan(se_um).any() or (se_um < 0).any():
            raise InputError(
                f"The standard errors in {given.path} must be one for each displacement ({displacement_um.shape}, "
                f"found {se_um.shape}), at least 0, and infinite where the displacement is unknown."
            )
    shanks = None if given.shanks is None else np.asarray(given.shanks).ravel()
    n_shanks = len(displacement_um)
    if shanks is not None and (len(shanks) != n_shanks or len(np.unique(shanks)) < n_shanks):
        raise InputError(
            f"{given.path} names the shanks {listed(shanks)} for the displacement of {n_shanks}. "
            "Give each shank its own number."
        )
    return replace(given, displacement_um=displacement_um, time_s=time_s, depth_um=depth_um, se_um=se_um, shanks=shanks)


def listed(numbers: NDArray[Any]) -> str:
    """Write numbers for a message.

    Parameters
    ----------
    numbers : ndarray
        Numbers.

    Returns
    -------
    str
        The numbers, separated by commas.

    Examples
    --------
    >>> listed(np.array([0, 2]))
    '0, 2'
    """
    return ", ".join(map(str, numbers.tolist()))


def _axis(given: MotionArrays, values: NDArray[Any], what: str) -> F64:
    """Ascending times or depths."""
    axis: F64 = _numbers(given, values, what).astype(np.float64).ravel()
    if axis.size == 0 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise InputError(
            f"The {what} in {given.path} must be numbers that ascend, at least one. "
            "Sort them, and the displacement with them."
        )
    return axis


def _with_shank_axis(
    given: MotionArrays, values: NDArray[Any], what: str, times_and_depths: tuple[int, int]
) -> NDArray[Any]:
    array = _numbers(given, values, what)
    if array.ndim in (2, 3) and array.shape[-2:] == times_and_depths and array.shape[0]:
        return array if array.ndim == 3 else array[None]
    is_swapped = array.shape[-2:] == times_and_depths[::-1]
    hint = " The two axes are swapped: give the times first." if is_swapped else ""
    raise InputError(
        f"The {what} in {given.path} has the shape {array.shape}, but there are {times_and_depths[0]} times and "
        f"{times_and_depths[1]} depths. It must be (times, depths), or (shanks, times, depths).{hint}"
    )


def _numbers(given: MotionArrays, values: NDArray[Any], what: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise InputError(f"The {what} in {given.path} are no numbers (found {array.dtype}). Write real numbers.")
    return array
