"""Results as SpikeInterface's sortings, analyzers and motions."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import probeinterface
import pytest
from make_motion import make_motion
from make_sorting import make_probe, make_sorting
from needed import needed_module

from spikesieve.errors import InputError
from spikesieve.geometry import places_on_probe_um
from spikesieve.io.recordings.spikeinterface import from_spikeinterface
from spikesieve.model import Origin, Sorting

si = needed_module("spikeinterface.core", "packages")

from spikeinterface_recordings import set_probe  # noqa: E402

from spikesieve.spikeinterface import to_analyzer, to_motion, to_sorting  # noqa: E402

HZ = 30_000.0
INJECTED = {
    "random_spikes",
    "templates",
    "noise_levels",
    "amplitude_scalings",
    "spike_amplitudes",
    "spike_locations",
    "unit_locations",
    "template_similarity",
}


class Unreadable(si.NumpyRecording):
    """A recording that must not be read."""

    def get_traces(self, *_: object, **__: object) -> np.ndarray:
        raise AssertionError("the recording was read")


def recording_of(sorting: Sorting, lengths: tuple[int, ...] = (200_000, 0, 400_000), gain: float | None = 0.5):
    """A recording with as many samples as a made-up sorting, a channel without a contact among them."""
    n_channels = sorting.probe.n_contacts + 1
    segments = [np.broadcast_to(np.int16(0), (n, n_channels)) for n in lengths]
    recording = Unreadable(segments, HZ, channel_ids=[f"AP{n}" for n in range(n_channels)])
    if gain is not None:
        recording.set_channel_gains(gain)
        recording.set_channel_offsets(0.0)
    return recording


def sorted_from(sorting: Sorting, recording: si.BaseRecording) -> Sorting:
    now = datetime.now(UTC)
    return replace(sorting, origin=Origin(from_spikeinterface(recording), {"method": "sieve"}, now, now))


@pytest.fixture(scope="module")
def made() -> tuple[Sorting, si.BaseRecording]:
    sorting = make_sorting(n_units=5, n_spikes=4_000)
    recording = recording_of(sorting)
    return sorted_from(sorting, recording), recording


@pytest.fixture(scope="module")
def analyzer(made):
    return to_analyzer(*made)


def data(analyzer: si.SortingAnalyzer, name: str) -> np.ndarray:
    return analyzer.get_extension(name).get_data()


# sortings


def test_spikes_lie_in_the_segment_and_at_the_sample_where_they_were(made):
    sorting, recording = made
    found = to_sorting(sorting, recording)
    assert found.get_num_segments() == 3
    for unit in sorting.unit_ids:
        train, starts = sorting.spike_train(unit), (0, 200_000, 200_000)
        parts = [found.get_unit_spike_train(unit, segment_index=index) + starts[index] for index in range(3)]
        assert np.array_equal(np.concatenate(parts), train)
        assert len(parts[1]) == 0
        assert len(parts[0])


def test_a_saved_result_gives_the_same_sorting(made, tmp_path):
    sorting, recording = made
    sorting.save(tmp_path / "result")
    found, wanted = to_sorting(tmp_path / "result", recording), to_sorting(sorting, recording)
    assert np.array_equal(found.to_spike_vector(), wanted.to_spike_vector())
    assert found.get_property_keys() == wanted.get_property_keys()
    assert found.get_property("label").tolist() == wanted.get_property("label").tolist()


def test_the_best_channel_is_named_as_in_the_recording(made):
    sorting, recording = made
    wanted = [f"AP{unit.file_channel}" for unit in sorting.units]
    assert to_sorting(sorting, recording).get_property("main_channel_id").tolist() == wanted


@pytest.mark.parametrize("lengths", [(600_000,), (200_000, 0, 400_001)])
def test_another_recording_is_refused(made, lengths):
    sorting, _ = made
    for function in (to_sorting, to_analyzer):
        with pytest.raises(InputError, match="not the one that was sorted"):
            function(sorting, recording_of(sorting, lengths))


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a result"):
        to_sorting(tmp_path)
    with pytest.raises(InputError, match="int"):
        to_analyzer(3)


@pytest.mark.parametrize("has_recording", [True, False])
def test_a_result_without_units_is_an_empty_sorting_and_analyzer(has_recording):
    sorting = make_sorting(n_units=0, n_spikes=0)
    recording = recording_of(sorting) if has_recording else None
    sorting = sorted_from(sorting, recording_of(sorting))
    assert to_sorting(sorting, recording).get_num_segments() == 3
    assert to_analyzer(sorting, recording).get_num_units() == 0


# analyzers


def test_templates_are_on_the_channels_of_the_recording_with_their_window(made, analyzer):
    sorting, _ = made
    templates = data(analyzer, "templates")
    wanted = sorting.templates.dense_uv(sorting.probe.n_contacts)
    assert np.array_equal(templates, wanted)
    assert analyzer.channel_ids.tolist() == [f"AP{channel}" for channel in sorting.probe.channels]
    extension = analyzer.get_extension("templates")
    assert (extension.nbefore, extension.nafter) == (sorting.templates.peak_index, 61 - sorting.templates.peak_index)


@pytest.mark.parametrize(
    "hz", [8_060.0, 8_090.0, 10_000.0, 20_000.0, 24_414.0625, 25_000.0, 29_999.97, 32_000.0, 48_000.0]
)
def test_the_window_is_whole_at_any_rate(hz):
    sorting = replace(make_sorting(n_units=2, n_spikes=50), sampling_hz=hz)
    analyzer = to_analyzer(sorting)
    extension = analyzer.get_extension("templates")
    assert extension.nbefore + extension.nafter == sorting.templates.uv.shape[1]
    assert extension.nbefore == sorting.templates.peak_index


def test_what_was_measured_is_in_the_extensions(made, analyzer):
    sorting, _ = made
    assert set(analyzer.get_loaded_extension_names()) == INJECTED
    assert np.array_equal(data(analyzer, "noise_levels"), sorting.noise_sd_uv)
    assert np.array_equal(data(analyzer, "template_similarity"), sorting.similarity)
    assert data(analyzer, "unit_locations").tolist() == [[unit.x_um, unit.y_um] for unit in sorting.units]
    assert analyzer.sorting.get_property("main_channel_id").tolist() == [
        f"AP{unit.file_channel}" for unit in sorting.units
    ]


def test_the_sparsity_is_the_contacts_of_the_templates(made, analyzer):
    sorting, _ = made
    for row, near in zip(analyzer.sparsity.mask, sorting.templates.contacts, strict=True):
        assert set(np.flatnonzero(row)) == set(near[near >= 0])


def test_amplitudes_are_signed_and_of_the_largest_deflection(made, analyzer):
    sorting, _ = made
    amplitudes = analyzer.get_extension("spike_amplitudes").get_data()
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    for row, unit in enumerate(sorting.units):
        own = sorting.spikes.unit == row
        template = dense[row, :, unit.chan_best]
        wanted = template[np.abs(template).argmax()] * sorting.spikes.amplitude[own]
        np.testing.assert_allclose(amplitudes[own], wanted, rtol=1e-6)
    assert (amplitudes < 0).all()
    assert np.array_equal(data(analyzer, "amplitude_scalings"), sorting.spikes.amplitude)


def test_locations_are_where_spikes_were_seen_on_the_probe(made):
    sorting, recording = made
    moved = replace(sorting, motion=make_motion())
    analyzer = to_analyzer(moved, recording)
    places = data(analyzer, "spike_locations")
    wanted = places_on_probe_um(moved, slice(None))
    assert np.array_equal(np.stack([places["x"], places["y"]], axis=1), wanted.astype(float))
    assert not np.array_equal(places["y"], moved.spikes.position_um[:, 1])


def test_metrics_and_labels_are_computed_from_them(made):
    """The recording says when it is read."""
    sorting, recording = made
    analyzer = to_analyzer(sorting, recording)
    names = [
        *(
            "num_spikes",
            "firing_rate",
            "presence_ratio",
            "snr",
            "isi_violation",
            "rp_violation",
            "sliding_rp_violation",
        ),
        *("synchrony", "firing_range", "amplitude_cv", "amplitude_cutoff", "amplitude_median", "noise_cutoff", "drift"),
    ]
    curation = needed_module("spikeinterface.curation", "packages")
    has_bombcell = hasattr(curation, "bombcell_label_units")  # not in 0.102, nor the metric
    names = [name for name in names if has_bombcell or name != "noise_cutoff"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyzer.compute({"quality_metrics": {"metric_names": names}, "template_metrics": {}})
        metrics = analyzer.get_extension("quality_metrics").get_data()
        labels = curation.bombcell_label_units(analyzer) if has_bombcell else None
    assert metrics["num_spikes"].tolist() == [unit.n_spikes for unit in sorting.units]
    extremum_uv = np.array([-np.abs(row).max() for row in sorting.templates.uv])
    np.testing.assert_allclose(metrics["snr"].astype(float), -extremum_uv / 8.0, rtol=1e-4)
    assert np.isfinite(metrics["amplitude_median"].astype(float)).all()
    assert labels is None or len(labels) == len(sorting.units)


@pytest.mark.parametrize("kind", ["binary_folder", "zarr"])
@pytest.mark.parametrize("has_recording", [True, False])
def test_an_analyzer_on_disk_is_the_same(made, tmp_path, kind, has_recording):
    sorting, recording = made
    folder = tmp_path / ("analyzer.zarr" if kind == "zarr" else "analyzer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        to_analyzer(sorting, recording if has_recording else None, kind, folder)
        found = si.load_sorting_analyzer(folder)
    assert set(found.get_loaded_extension_names()) == INJECTED
    known = to_analyzer(sorting, recording if has_recording else None)
    for name in INJECTED - {"random_spikes"}:
        assert np.array_equal(data(found, name), data(known, name))


def test_without_a_recording_its_channels_are_the_sorted_contacts(made):
    sorting, _ = made
    analyzer = to_analyzer(sorting)
    assert not analyzer.has_recording()
    assert analyzer.channel_ids.tolist() == sorting.probe.channels.tolist()
    assert np.array_equal(analyzer.get_channel_locations(), sorting.probe.positions_um)
    assert np.array_equal(data(analyzer, "templates"), sorting.templates.dense_uv(sorting.probe.n_contacts))
    assert [analyzer.get_num_samples(index) for index in range(3)] == [200_000, 0, 400_000]


def test_shanks_are_groups_without_a_recording():
    sorting = make_sorting(probe=make_probe(12, n_shanks=2))
    groups = to_analyzer(sorting).get_recording_property("group")
    assert np.array_equal(np.unique(groups, return_inverse=True)[1], sorting.probe.shanks)


def test_without_a_gain_nothing_says_uv(made):
    sorting = make_sorting()
    recording = recording_of(sorting, gain=None)
    sorting = sorted_from(sorting, recording)
    for given in (recording, None):
        analyzer = to_analyzer(sorting, given)
        assert not getattr(analyzer, "return_in_uV", getattr(analyzer, "return_scaled", None))


def test_a_recording_with_a_probe_keeps_it_and_another_gets_the_sorted_one(made, analyzer):
    sorting, _ = made
    assert np.array_equal(analyzer.get_channel_locations(), sorting.probe.positions_um)
    group = probeinterface.ProbeGroup()
    group.add_probe(probeinterface.generate_linear_probe(25))
    group.set_global_device_channel_indices(np.arange(25))
    other = recording_of(sorting)
    set_probe(other, group)
    assert np.array_equal(to_analyzer(sorting, other).get_channel_locations(), sorting.probe.positions_um)


# motions


def test_a_motion_has_our_sign_and_is_cut_into_segments(made):
    sorting, _ = made
    sorting = replace(sorting, motion=make_motion())
    (motion,) = to_motion(sorting)
    assert motion.num_segments == 3
    found = to_sorting(sorting).to_spike_vector()
    rows = np.flatnonzero(found["segment_index"] == 2)
    places_um, rest_um = places_on_probe_um(sorting, rows)[:, 1], sorting.spikes.position_um[rows, 1]
    moved = motion.get_displacement_at_time_and_depth(found["sample_index"][rows] / HZ, rest_um, segment_index=2)
    np.testing.assert_allclose(places_um - rest_um, moved, atol=1e-3)
    assert np.abs(moved).max() > 1


def test_a_result_without_motion_has_none():
    assert to_motion(make_sorting()) == []


def test_motion_that_was_refused_is_zero(made):
    motion = replace(make_motion(), decisions=("refuse",) * len(make_motion().shanks))
    found = to_motion(replace(made[0], motion=motion))
    assert not any(um.any() for um in found[0].displacement)


def test_a_motion_is_what_spikeinterface_saves(made, tmp_path: Path):
    (motion,) = to_motion(replace(made[0], motion=make_motion()))
    motion.save(tmp_path / "motion")
    loaded = needed_module("spikeinterface.core.motion", "packages").Motion.load(tmp_path / "motion")
    assert loaded == motion
