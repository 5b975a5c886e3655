"""The motion of a result as SpikeInterface's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from spikeinterface.core.motion import Motion as SpikeInterfaceMotion

from spikesieve.spikeinterface.result import Result, Sorted


def to_motion(result: Result) -> list[SpikeInterfaceMotion]:
    """Make SpikeInterface motions of a result: the displacement that the sort used.

    Parameters
    ----------
    result : Sorting, Path or str
        A sorting, a result folder, or a folder of `run_sorter`.

    Returns
    -------
    list of spikeinterface.core.motion.Motion
        One for each shank, in the order of their numbers; none where the motion was not measured. Upwards is positive
        in both programs. A shank whose displacement the sort refused has zeros. Times count from the start of each
        segment; segments without samples have one time.

    Raises
    ------
    InputError
        The folder is no result.
    """
    whole = Sorted.of(result)
    if whole.sorting.motion is None:
        return []
    parts = [
        whole.sorting.motion.between(start, stop) for start, stop in pairwise(whole.starts / whole.sorting.sampling_hz)
    ]
    used, times_s = [part.um for part in parts], [part.time_s for part in parts]
    depth_um = np.asarray(whole.sorting.motion.depth_um, np.float64)
    return [
        SpikeInterfaceMotion([um[shank] for um in used], times_s, depth_um)
        for shank in range(len(whole.sorting.motion.shanks))
    ]
