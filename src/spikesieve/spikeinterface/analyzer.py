"""Results as sorting analyzers of SpikeInterface, with what the sort has measured."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import numpy as np
import probeinterface
from numpy.typing import NDArray
from spikeinterface.core import ChannelSparsity, NumpyRecording, SortingAnalyzer, create_sorting_analyzer
from spikeinterface.core.sortinganalyzer import get_extension_class

from spikesieve.geometry import places_on_probe_um
from spikesieve.io.recordings.spikeinterface import probe_of_spikeinterface
from spikesieve.model import F32, Probe, Sorting
from spikesieve.spikeinterface.result import Result, Sorted
from spikesieve.spikeinterface.sorting import sorting_of


def to_analyzer(
    result: Result,
    recording: Any = None,
    format: Literal["memory", "binary_folder", "zarr"] = "memory",
    folder: Path | str | None = None,
) -> SortingAnalyzer:
    """Make a SpikeInterface analyzer of a result. Nothing is read from the recording.

    Its extensions templates, noise_levels, amplitude_scalings, spike_amplitudes, spike_locations, unit_locations and
    template_similarity hold what the sort has measured, and its sparsity the contacts of each unit. SpikeInterface
    computes what depends on them, such as template and quality metrics.

    Parameters
    ----------
    result : Sorting, Path or str
        A sorting, a result folder, or a folder of `run_sorter`.
    recording : spikeinterface.BaseRecording, optional
        What was sorted, for extensions that read traces (waveforms, principal components). Default: none.
    format : {"memory", "binary_folder", "zarr"}, optional
        Where SpikeInterface keeps the analyzer.
    folder : path, optional
        The folder, for the other formats than memory.

    Returns
    -------
    spikeinterface.core.SortingAnalyzer
        Its channels are those that were sorted, without bad ones, in the order of the contacts. Without a recording
        they are named by their column in the file. In uV where the gain is known, else in raw numbers.

    Raises
    ------
    InputError
        The folder is no result, or the recording is not the one that was sorted.

    Examples
    --------
    >>> import spikesieve
    >>> noise = np.random.default_rng(0).integers(-20, 20, (60_000, 4)).astype(np.int16)
    >>> found = spikesieve.sort(noise, "linear:4:25", {"detect.threshold": 9.0}, sampling_hz=30_000)
    >>> to_analyzer(found).get_extension("noise_levels").get_data().round(-1)
    array([10., 10., 10., 10.], dtype=float32)
    """
    whole = Sorted.of(result)
    if recording is not None:
        whole.require_same(recording)
    traces = _silent_recording(whole) if recording is None else _sorted_channels(whole, recording)
    analyzer = _bare_analyzer(whole, traces)
    for name, (params, data) in _extensions(whole.sorting).items():
        _inject(analyzer, name, params, data)
    if recording is None:
        _forget_recording(analyzer)
    return analyzer if format == "memory" else analyzer.save_as(format=format, folder=folder)


def _sorted_channels(whole: Sorted, recording: Any) -> Any:
    """The channels that were sorted, in the order of our contacts, where our contacts are."""
    probe = whole.sorting.probe
    chosen = recording.select_channels(np.asarray(recording.channel_ids)[probe.channels])
    own = probe_of_spikeinterface(chosen, probe.name)
    if own is None or own.n_contacts != probe.n_contacts:
        return _with_probe(chosen, probe)
    is_same = np.allclose(own.positions_um[np.argsort(own.channels)], probe.positions_um)
    return chosen if is_same else _with_probe(chosen, probe)


def _silent_recording(whole: Sorted) -> Any:
    """A recording of the sorted contacts with the lengths of the real one, whose samples take no memory."""
    probe = whole.sorting.probe
    segments = [np.broadcast_to(np.int16(0), (int(n_samples), probe.n_contacts)) for n_samples in np.diff(whole.starts)]
    made = NumpyRecording(segments, whole.sorting.sampling_hz, channel_ids=probe.channels)
    if whole.has_gain:
        made.set_channel_gains(1.0)
        made.set_channel_offsets(0.0)
    return _with_probe(made, probe)


def _with_probe(recording: Any, probe: Probe) -> Any:
    """Give a recording a probe whose contact i is channel i."""
    contacts = probeinterface.Probe(ndim=2, si_units="um")
    contacts.set_contacts(probe.positions_um, shapes="circle", shape_params={"radius": 5.0}, shank_ids=probe.shanks)
    contacts.set_device_channel_indices(np.arange(probe.n_contacts))
    # In place is the only way from 0.106 on, the default in 0.105, and a choice before.
    has_choice = "in_place" in signature(recording.set_probe).parameters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        recording.set_probe(contacts, group_mode="by_shank", **({"in_place": True} if has_choice else {}))
    return recording


def _bare_analyzer(whole: Sorted, recording: Any) -> SortingAnalyzer:
    """An analyzer with sparsity and some random spikes, on which the templates depend."""
    sorting, templates = sorting_of(whole), whole.sorting.templates
    best = np.array([unit.chan_best for unit in whole.sorting.units], np.int64)
    sorting.set_property("main_channel_id", np.asarray(recording.channel_ids)[best])
    mask = np.zeros((len(templates), whole.sorting.probe.n_contacts), np.bool_)
    unit, column = np.nonzero(templates.contacts >= 0)
    mask[unit, templates.contacts[unit, column]] = True
    sparsity = ChannelSparsity(mask, sorting.unit_ids, recording.channel_ids)
    with warnings.catch_warnings():
        # Without gains, amplitudes are in raw numbers, as the note of the sort says.
        warnings.filterwarnings("ignore", message=".*does not have scaling")
        analyzer = create_sorting_analyzer(sorting, recording, format="memory", sparsity=sparsity)
    if len(mask):
        analyzer.compute("random_spikes", seed=0)
    else:  # which fails in 0.102
        _inject(analyzer, "random_spikes", {}, {"random_spikes_indices": np.empty(0, np.int64)})
    return analyzer


def _forget_recording(analyzer: SortingAnalyzer) -> None:
    """Take the recording away, as `read_kilosort_as_analyzer` does. What needs traces then says so."""
    # From 0.105 on the best channels are looked up once, with a recording.
    getattr(analyzer, "main_channel_indices", None)
    analyzer._recording = None


def _extensions(sorting: Sorting) -> dict[str, tuple[Mapping[str, Any], dict[str, NDArray[Any]]]]:
    """Parameters and data of each extension, by its name."""
    peak, n_samples = sorting.templates.peak_index, sorting.templates.uv.shape[1]
    ms_before, ms_after = (_ms(n, sorting.sampling_hz) for n in (peak, n_samples - peak))
    window = {"ms_before": ms_before, "ms_after": ms_after, "operators": ["average"]}
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    places_um = np.array([(unit.x_um, unit.y_um) for unit in sorting.units], np.float64).reshape(-1, 2)
    return {
        "templates": (window, {"average": dense_uv}),
        "noise_levels": ({}, {"noise_levels": sorting.noise_sd_uv}),
        # What overlaps was taken apart when the spikes were found: no spike is masked as a collision.
        "amplitude_scalings": ({"handle_collisions": False}, {"amplitude_scalings": sorting.spikes.amplitude}),
        "spike_amplitudes": ({}, {"amplitudes": _amplitudes_uv(sorting, dense_uv)}),
        "spike_locations": ({}, {"spike_locations": _places_um(sorting)}),
        "unit_locations": ({}, {"unit_locations": places_um}),
        "template_similarity": ({}, {"similarity": sorting.similarity}),
    }


def _ms(n_samples: int, sampling_hz: float) -> float:
    """A time in ms that SpikeInterface takes for `n_samples` whether it rounds, as later versions, or cuts off."""
    ms = n_samples / sampling_hz * 1e3
    return ms if int(ms * sampling_hz / 1e3) == n_samples else float(np.nextafter(ms, np.inf))


def _inject(analyzer: SortingAnalyzer, name: str, params: Mapping[str, Any], data: dict[str, NDArray[Any]]) -> None:
    """Give an analyzer an extension as if it had computed it."""
    extension = get_extension_class(name)(analyzer)
    extension.set_params(save=False, **params)
    extension.data = data
    extension.run_info = {"run_completed": True, "runtime_s": 0.0}
    analyzer.extensions[name] = extension


def _amplitudes_uv(sorting: Sorting, dense_uv: F32) -> F32:
    """SpikeInterface's amplitude, signed: of the largest deflection on the best contact, not from peak to peak."""
    best = np.array([unit.chan_best for unit in sorting.units], np.int64)
    on_best = dense_uv[np.arange(len(best)), :, best]
    extremum = np.take_along_axis(on_best, np.abs(on_best).argmax(axis=1)[:, None], axis=1)[:, 0]
    scaled: F32 = sorting.spikes.amplitude * extremum[sorting.spikes.unit]
    return scaled


def _places_um(sorting: Sorting) -> NDArray[Any]:
    """Where each spike was seen on the probe, as SpikeInterface has it: drift is still in it."""
    places = np.zeros(len(sorting.spikes), [("x", np.float64), ("y", np.float64)])
    places["x"], places["y"] = places_on_probe_um(sorting, slice(None)).T
    return places
