"""Results as sortings of SpikeInterface."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spikeinterface.core import NumpySorting
from spikeinterface.core.numpyextractors import SpikeVectorSortingSegment, minimum_spike_dtype

from spikesieve.model import Label, Unit
from spikesieve.spikeinterface.result import Result, Sorted


def to_sorting(result: Result, recording: Any = None) -> NumpySorting:
    """Make a SpikeInterface sorting of a result.

    Parameters
    ----------
    result : Sorting, Path or str
        A sorting, a result folder, or a folder of `run_sorter`. Changes made in Phy are not in it: apply them with
        `spikesieve curate` first.
    recording : spikeinterface.BaseRecording, optional
        What was sorted. It is registered, and the property `main_channel_id` names its channels.

    Returns
    -------
    spikeinterface.core.NumpySorting
        One segment for each segment (or file) of the recording. Units have the numbers of `Sorting.unit_ids`, and every
        column of `units.csv` is a property: label, why, depth_um, contamination ... What cannot be told is NaN.

    Raises
    ------
    InputError
        The folder is no result, or the recording is not the one that was sorted.

    Examples
    --------
    >>> import spikesieve
    >>> noise = np.random.default_rng(0).integers(-20, 20, (60_000, 4)).astype(np.int16)
    >>> found = spikesieve.sort(noise, "linear:4:25", {"detect.threshold": 9.0}, sampling_hz=30_000)
    >>> to_sorting(found).unit_ids
    array([], dtype=int64)
    """
    whole = Sorted.of(result)
    if recording is not None:
        whole.require_same(recording)
    return sorting_of(whole, recording)


def sorting_of(whole: Sorted, recording: Any = None) -> NumpySorting:
    """Make a SpikeInterface sorting of a result that was read.

    Parameters
    ----------
    whole : Sorted
        The result.
    recording : spikeinterface.BaseRecording, optional
        What was sorted.

    Returns
    -------
    spikeinterface.core.NumpySorting
        Its spike vector has the rows of `whole.sorting.spikes`.
    """
    spikes, unit_ids = whole.sorting.spikes, whole.sorting.unit_ids
    vector = np.zeros(len(spikes), minimum_spike_dtype)
    vector["segment_index"] = whole.segment_of(spikes.sample)
    vector["sample_index"] = spikes.sample - whole.starts[vector["segment_index"]]
    vector["unit_index"] = spikes.unit
    made = NumpySorting(vector, whole.sorting.sampling_hz, unit_ids)
    # It counts segments by its spikes, and so misses silent ones at the end.
    for index in range(made.get_num_segments(), whole.n_segments):
        made.add_sorting_segment(SpikeVectorSortingSegment(vector, index, unit_ids))
    for name, values in _properties(whole.sorting.units).items():
        made.set_property(name, values)
    if recording is not None:
        made.register_recording(recording)
        channels = np.array([unit.file_channel for unit in whole.sorting.units], np.int64)
        made.set_property("main_channel_id", np.asarray(recording.channel_ids)[channels])
    return made


def _properties(units: tuple[Unit, ...]) -> dict[str, NDArray[Any]]:
    """Columns of the unit table but the number of the unit, which is the id."""
    # Annotations are texts here: "int | None" is a whole number that may be missing.
    dtypes = {"int": np.int64, "int | None": np.float64, "float": np.float64, "float | None": np.float64}
    return {
        column.name: np.array(
            [_plain(getattr(unit, column.name)) for unit in units], dtypes.get(str(column.type), np.str_)
        )
        for column in fields(Unit)
        if column.name != "unit"
    }


def _plain(value: object) -> object:
    if isinstance(value, Label):
        return str(value)
    return np.nan if value is None else value
