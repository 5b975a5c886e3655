"""What of two sortings of one recording is not the same."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from spikesieve.model import RowsOnDemand, Sorting
from spikesieve.simulation import SimulationParams

HZ = 30_000.0


PARAMS = SimulationParams(n_units=6, seconds=8.0, seed=3, rate_hz=20.0, amplitude_uv=150.0, background_per_unit=1.0)


# These have columns of their own, or, like the origin, times of the run.
NOT_COMPARED = ("probe", "spikes", "templates", "motion", "blanked", "waveforms", "origin")


def differing(one: Sorting, two: Sorting) -> list[str]:
    """Names of everything that is not the same to the last bit."""
    found = []
    for owner, a, b in (
        ("", one, two),
        ("spikes.", one.spikes, two.spikes),
        ("templates.", one.templates, two.templates),
        ("motion.", one.motion, two.motion),
        ("blanked.", one.blanked, two.blanked),
        ("waveforms.", one.waveforms, two.waveforms),
    ):
        for field in () if a is None and b is None else fields(a):
            x, y = getattr(a, field.name), getattr(b, field.name)
            if isinstance(x, np.ndarray | RowsOnDemand):
                x, y = np.asarray(x), np.asarray(y)
                same = x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
            else:
                same = (
                    field.name in ("probe", "spikes", "templates", "motion", "blanked", "waveforms", "origin") or x == y
                )
            if not same:
                found.append(owner + field.name)
    return found


def n_near(a: np.ndarray, b: np.ndarray, reach: int) -> int:
    """Samples of a with one of b within reach, both sorted."""
    return int((np.searchsorted(b, a + reach, side="right") > np.searchsorted(b, a - reach)).sum())
