"""A SpikeInterface sorting, in memory or saved, as a side of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.sorted_by_others import ExternalSorting, trains_in_time_order

SAVED_AS = ("si_folder.json", "cached.json", "spikeinterface_info.json", "numpysorting_info.json")
"""A folder with one of these was saved by SpikeInterface."""


def is_sorting_object(source: object) -> bool:
    """Whether something behaves like `spikeinterface.BaseSorting`."""
    return hasattr(source, "get_unit_spike_train") and hasattr(source, "get_sampling_frequency")


def from_sorting_object(sorting: Any, name: str = "SpikeInterface sorting") -> ExternalSorting:
    """The spikes of a sorting of one segment. Unit ids that are no whole numbers are numbered in their order.

    Raises InputError for several segments, whose samples do not count from one start.
    """
    if sorting.get_num_segments() != 1:
        raise InputError(
            f"The {name} has {sorting.get_num_segments()} segments, each with its own sample 0. "
            "Give one of them: sorting.select_segments([0])."
        )
    ids = list(sorting.unit_ids)
    whole = all(isinstance(unit, int | np.integer) for unit in ids)
    numbers = [int(unit) for unit in ids] if whole else list(range(len(ids)))
    trains = [np.asarray(sorting.get_unit_spike_train(unit_id=unit, segment_index=0)) for unit in ids]
    sample = np.concatenate([np.empty(0, np.int64), *trains]).astype(np.int64)
    unit = np.repeat(np.array(numbers, np.int64), [len(train) for train in trains])
    ordered, _ = trains_in_time_order(sample, unit, name)
    notes = () if whole else (f"The units of {name} are numbered 0.. in their order; they are named {ids[:10]}.",)
    return ExternalSorting(
        name, "SpikeInterface sorting", ordered, float(sorting.get_sampling_frequency()), notes=notes
    )


def read_saved_sorting(path: Path) -> ExternalSorting:
    """A sorting that SpikeInterface saved: folder, zarr or JSON.

    Raises InputError without SpikeInterface, and when what is there is no sorting.
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
        raise InputError(f"{path} holds a {type(sorting).__name__} of SpikeInterface, not a sorting.")
    return from_sorting_object(sorting, path.resolve().stem)
