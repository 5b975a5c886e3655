"""SpikeInterface's analyzer of one of our sortings, with our templates, amplitudes, places and noise in it."""

from __future__ import annotations

import numpy as np
import probeinterface
from spikeinterface.core import ChannelSparsity, NumpyRecording, NumpySorting, SortingAnalyzer, create_sorting_analyzer
from spikeinterface.core.sortinganalyzer import get_extension_class

from spikesieve.geometry import places_on_probe_um
from spikesieve.model import Sorting
from spikesieve.stages.waveforms import best_columns


def make_analyzer(sorting: Sorting) -> SortingAnalyzer:
    """An analyzer that computes metrics from exactly what ours are computed from."""
    recording, best = silent_recording(sorting), best_contacts(sorting)
    near = sparsity_of(sorting, recording.channel_ids)
    analyzer = create_sorting_analyzer(sorting_of(sorting), recording, sparsity=near, main_channel_indices=best)
    analyzer.compute("random_spikes", seed=0)
    columns = best_columns(sorting.templates)
    waveforms = sorting.templates.uv[np.arange(len(columns)), :, columns]
    extremum_uv = np.take_along_axis(waveforms, np.abs(waveforms).argmax(axis=1)[:, None], axis=1)[:, 0]
    places = places_on_probe_um(sorting, slice(None)).astype(np.float64)
    where = np.zeros(len(places), [("x", "f8"), ("y", "f8")])
    where["x"], where["y"] = places.T
    hz, peak, n_samples = sorting.sampling_hz, sorting.templates.peak_index, sorting.templates.uv.shape[1]
    window = {"ms_before": peak / hz * 1e3, "ms_after": (n_samples - peak) / hz * 1e3, "operators": ["average"]}
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    inject(analyzer, "templates", {"average": dense_uv}, **window)
    inject(analyzer, "noise_levels", {"noise_levels": sorting.noise_sd_uv})
    inject(analyzer, "spike_amplitudes", {"amplitudes": sorting.spikes.amplitude * extremum_uv[sorting.spikes.unit]})
    inject(analyzer, "spike_locations", {"spike_locations": where})
    return analyzer


def inject(analyzer: SortingAnalyzer, name: str, data: dict[str, np.ndarray], **params: object) -> None:
    """Give an analyzer an extension as if it had computed it."""
    extension = get_extension_class(name)(analyzer)
    extension.set_params(save=False, **params)
    extension.data, extension.run_info = data, {"run_completed": True, "runtime_s": 0.0}
    analyzer.extensions[name] = extension


def best_contacts(sorting: Sorting) -> np.ndarray:
    """The contact of each unit with the largest template."""
    columns = best_columns(sorting.templates)
    return sorting.templates.contacts[np.arange(len(columns)), columns]


def sparsity_of(sorting: Sorting, channel_ids: np.ndarray) -> ChannelSparsity:
    """The contacts on which each template was measured."""
    contacts = np.arange(sorting.probe.n_contacts)
    mask = np.array([np.isin(contacts, near) for near in sorting.templates.contacts])
    return ChannelSparsity(mask, sorting.unit_ids, channel_ids)


def probe_of(sorting: Sorting) -> probeinterface.Probe:
    """The contacts that were sorted."""
    probe = probeinterface.Probe(ndim=2, si_units="um")
    probe.set_contacts(sorting.probe.positions_um, shapes="circle", shape_params={"radius": 5.0})
    probe.set_device_channel_indices(np.arange(sorting.probe.n_contacts))
    return probe


def sorting_of(sorting: Sorting) -> NumpySorting:
    """The spikes, segment by segment."""
    trains = [
        {
            int(unit): sorting.spike_train(unit)[slice(*np.searchsorted(sorting.spike_train(unit), span))] - span[0]
            for unit in sorting.unit_ids
        }
        for span in sorting.segments
    ]
    return NumpySorting.from_unit_dict(trains, sorting.sampling_hz)


def silent_recording(sorting: Sorting) -> NumpyRecording:
    """A recording of the same contacts and lengths whose samples take no memory."""
    shapes = [(stop - start, sorting.probe.n_contacts) for start, stop in sorting.segments]
    recording = NumpyRecording([np.broadcast_to(np.int16(0), shape) for shape in shapes], sorting.sampling_hz)
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    return recording.set_probe(probe_of(sorting)) or recording
