"""Which spikes each unit of a result has, found once and then kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spikesieve.curation.spike_index import SpikeIndex, index_of_spikes, numbers_in
from spikesieve.io.curations.kept import Kept

INDEX = "index"


def kept_index(unit: NDArray[np.integer], kept: Kept, read_from: Mapping[str, list[int]]) -> SpikeIndex:
    """Find the spikes of each unit, or read what was found the last time.

    Parameters
    ----------
    unit : ndarray of int, shape (n_spikes,)
        Unit of each spike.
    kept : Kept
        Where it is kept.
    read_from : mapping of str to list of int
        State of the files of the spikes.

    Returns
    -------
    SpikeIndex
        Of the units that have spikes. The rows are mapped where they can be kept.
    """
    found = _read(kept, read_from, len(unit))
    if found is not None:
        return found
    index = index_of_spikes(unit, numbers_in(unit)[0].tolist())
    kept.write(INDEX, read_from, {"numbers": index.numbers, "rows": index.rows, "edges": index.edges})
    return _read(kept, read_from, len(unit)) or index


def _read(kept: Kept, read_from: Mapping[str, list[int]], n_spikes: int) -> SpikeIndex | None:
    found = kept.read(INDEX, read_from)
    return None if found is None else SpikeIndex(**found[0], n_spikes=n_spikes)
