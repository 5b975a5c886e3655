"""Sortings of SpikeInterface, in memory or saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model.external import ExternalSorting, trains_in_time_order

# A folder with one of these files was saved by SpikeInterface.
SAVED_FILES = ("si_folder.json", "cached.json", "spikeinterface_info.json", "numpysorting_info.json")


def is_sorting_object(source: object) -> bool:
    """Tell whether an object behaves like `spikeinterface.BaseSorting`.

    Parameters
    ----------
    source : object
        Any object.

    Returns
    -------
    bool
        True if it has the methods of a sorting.

    Examples
    --------
    >>> is_sorting_object("a path")
    False
    """
    return hasattr(source, "get_unit_spike_train") and hasattr(source, "get_sampling_frequency")


def from_sorting_object(sorting: Any, name: str = "SpikeInterface sorting") -> ExternalSorting:
    """Convert a sorting in memory.

    Parameters
    ----------
    sorting : spikeinterface.BaseSorting
        A sorting of one segment.
    name : str, optional
        Name of the sorting.

    Returns
    -------
    ExternalSorting
        Its spikes. Unit ids that are not integers are numbered from 0.

    Raises
    ------
    InputError
        If there are several segments, because each counts its samples from 0.
    """
    if sorting.get_num_segments() != 1:
        raise InputError(
            f"The {name} has {sorting.get_num_segments()} segments, each with its own sample 0. "
            "Give one of them: sorting.select_segments([0])."
        )
    ids = list(sorting.unit_ids)
    are_integers = all(isinstance(unit, int | np.integer) for unit in ids)
    numbers = [int(unit) for unit in ids] if are_integers else list(range(len(ids)))
    trains = [np.asarray(sorting.get_unit_spike_train(unit_id=unit, segment_index=0)) for unit in ids]
    sample = np.concatenate([np.empty(0, np.int64), *trains]).astype(np.int64)
    unit = np.repeat(np.array(numbers, np.int64), [len(train) for train in trains])
    ordered, _, notes = trains_in_time_order(sample, unit, name)
    if not are_integers:
        notes = (*notes, f"The units of {name} are numbered from 0; their names are {ids[:10]}.")
    return ExternalSorting(
        name, "SpikeInterface sorting", ordered, float(sorting.get_sampling_frequency()), notes=notes
    )


def read_saved_sorting(path: Path) -> ExternalSorting:
    """Read a sorting that SpikeInterface saved.

    Parameters
    ----------
    path : Path
        A folder, zarr folder or JSON file.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If SpikeInterface is not installed, or there is no sorting.
    """
    try:
        from spikeinterface import load
    except ImportError as error:
        raise InputError(
            f"{path} was saved by SpikeInterface, which is not installed. "
            "Install it with: pip install spikeinterface, or save the spikes as npz."
        ) from error
    try:
        sorting = load(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"SpikeInterface cannot load {path} ({error}). Save the sorting again.") from error
    if not is_sorting_object(sorting):
        raise InputError(
            f"{path} contains a {type(sorting).__name__} of SpikeInterface, not a sorting. Save the sorting itself."
        )
    return from_sorting_object(sorting, path.resolve().stem)
