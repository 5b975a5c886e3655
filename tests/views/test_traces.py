"""Traces of the page are those that the sorter sees, and prediction and residual add up to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from make_sorting import make_sorting, write_raw
from small_files import noise, spiking
from tiny import BACKEND, HZ, line_probe

from spikesieve import Settings, recording_from_array, sort
from spikesieve.api.sort import Resources
from spikesieve.api.traces import fitted_source, source_of_result, unfitted_source
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.model import Motion, Recording, Templates
from spikesieve.passes.saved_traces import source_as_sorted
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.preprocess import highpass
from spikesieve.views.trace_prediction import FittedSpikes, FollowedTissue
from spikesieve.views.trace_tiles import NOTHING, tile_of
from spikesieve.views.traces import display_order, only_filtered, preprocessed_traces, raw_traces, residual

PROBE = line_probe(6)
N_SAMPLES = 90_000


def made_up(seconds: float = 3.0) -> Recording:
    return recording_from_array(spiking(seconds, 6), HZ, 0.5)


@pytest.fixture(scope="module")
def source() -> Source:
    return fitted_source(made_up(), PROBE, Settings())


def test_whitened_traces_are_those_of_the_sort(tmp_path: Path) -> None:
    recording = made_up()
    sorting = sort(recording, PROBE, resources=Resources(n_jobs=1, folder=tmp_path))
    store = Store.open(tmp_path)
    theirs = source_as_sorted(store, unfitted_source(recording, PROBE, Settings()))
    block = theirs.blocks[0]
    clean = theirs.clean(block, 0, BACKEND)
    ours = preprocessed_traces(source_of_result(sorting, recording, Settings()), (30_000, 38_192), BACKEND)
    np.testing.assert_allclose(ours.white, clean.white[:, 30_000:38_192], atol=1e-3)
    np.testing.assert_allclose(ours.uv, clean.uv[:, 30_000:38_192], atol=1e-3)


def test_what_was_learned_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fitted_source(made_up(), PROBE, Settings(), tmp_path)
    monkeypatch.setattr("spikesieve.passes.preprocessing.survey_contacts", None)
    again = fitted_source(made_up(), PROBE, Settings(), tmp_path)
    np.testing.assert_array_equal(first.preprocessing.whitening, again.preprocessing.whitening)


def test_tiles_fit_together(source: Source) -> None:
    whole = preprocessed_traces(source, (8192, 24_576), BACKEND).white
    parts = [preprocessed_traces(source, (a, a + 8192), BACKEND).white for a in (8192, 16_384)]
    np.testing.assert_allclose(np.hstack(parts), whole, atol=1e-3)


def test_nothing_is_invented_beyond_the_recording_and_between_its_segments(source: Source) -> None:
    raw = raw_traces(source, (-100, 100))
    assert np.isnan(raw[:, :100]).all()
    np.testing.assert_array_equal(raw[:, 100:], made_up().read_uv(0, 100, PROBE.channels).T)
    parted = replace(source, recording=source.recording.with_segments([(0, 10_000), (12_000, N_SAMPLES)]))
    uv = preprocessed_traces(parted, (9_000, 13_000), BACKEND).uv
    np.testing.assert_array_equal(np.isnan(uv).all(axis=0), np.isin(np.arange(9_000, 13_000), range(10_000, 12_000)))


def test_filtered_traces_are_neither_referenced_nor_whitened(source: Source) -> None:
    span = (30_000, 34_000)
    ours = preprocessed_traces(only_filtered(source), span, BACKEND).uv
    read = source.recording.read_uv(span[0] - 3000, span[1] + 3000, PROBE.channels)
    cutoff_hz = Settings().preprocess.highpass_cutoff_hz
    expected = highpass(np.ascontiguousarray(read.T), HZ, cutoff_hz, BACKEND)[:, 3000:-3000]
    np.testing.assert_allclose(ours, expected, atol=1e-2)


def test_blanked_samples_are_shown_as_blanked() -> None:
    samples = noise(3.0, 6)
    samples[45_000:45_300] = 30_000
    recording = recording_from_array(samples.astype(np.int16), HZ, 0.5)
    found = preprocessed_traces(fitted_source(recording, PROBE, Settings()), (44_000, 46_000), BACKEND)
    assert found.blanked[:, 1100:1200].all()
    assert not found.uv[found.blanked].any()
    assert not residual(found.uv, found.uv + 1, found.blanked)[found.blanked].any()
    assert not found.blanked[:, :100].any()


def test_prediction_and_residual_are_the_traces(tmp_path: Path) -> None:
    sorting = make_sorting(6, 400)
    recording = write_raw(tmp_path / "raw.bin", sorting)
    spikes = sorting.spikes
    fitted = FittedSpikes(
        spikes.sample, spikes.unit, spikes.amplitude, sorting.templates, sorting.probe, sorting.sampling_hz
    )
    hiss = np.random.default_rng(0).normal(0, 9, (recording.n_samples, recording.n_channels))
    noisy = recording_from_array((recording.read(0, recording.n_samples) + hiss).astype(np.int16), HZ, 0.5)
    source = unfitted_source(noisy, sorting.probe, Settings())
    middle = int(spikes.sample[200])
    span = middle - 4000, middle + 4192
    predicted = fitted.predicted(span, BACKEND)
    # The file holds the spikes and nothing else, in steps of 0.5 uV.
    np.testing.assert_allclose(predicted, recording.read_uv(*span, sorting.probe.channels).T, atol=0.26)
    found = preprocessed_traces(source, span, BACKEND)
    rest = residual(found.uv, predicted, found.blanked)
    np.testing.assert_allclose(predicted + rest, found.uv, rtol=1e-6, atol=1e-3)
    halves = [fitted.predicted(part, BACKEND) for part in ((span[0], middle), (middle, span[1]))]
    np.testing.assert_allclose(np.hstack(halves), predicted, atol=1e-4)


def test_a_template_goes_with_the_tissue() -> None:
    probe, course = line_probe(9), -np.hanning(41)[:, None]
    y_um = probe.positions_um[:, 1]

    def seen(depth_um: float) -> np.ndarray:
        return 80 * course * np.exp(-(((y_um - depth_um) / 30) ** 2))

    templates = Templates(seen(80.0)[None].astype(np.float32), np.arange(9)[None], 20)
    um = np.array([[[0.0], [10.0], [20.0]]], np.float32)
    motion = Motion(np.array([0.0, 10.0, 20.0]), np.zeros(1), np.array([0]), um, um * 0, ("use",), ("made up",))
    sample = np.array([0, 10, 20]) * 30_000 + 1000
    tissue = FollowedTissue(motion, TissueParams(), 8.0)
    fitted = FittedSpikes(sample, np.zeros(3, np.int32), np.ones(3, np.float32), templates, probe, HZ, tissue)
    for at, depth_um in zip(sample, (80.0, 90.0, 100.0), strict=True):
        found = fitted.predicted((at - 20, at + 21), BACKEND).T
        assert np.abs(found - seen(depth_um)).max() < 4.0
    still = replace(fitted, tissue=None).predicted((sample[2] - 20, sample[2] + 21), BACKEND).T
    assert np.abs(still - seen(100.0)).max() > 20.0


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (3, 64), elements=st.floats(-1e4, 1e4, width=32)), st.sampled_from([1, 2, 8, 16, 64]))
def test_a_tile_has_the_extremes_of_each_column(traces: np.ndarray, step: int) -> None:
    columns = traces.reshape(3, -1, step)
    tile = tile_of(traces, step, "lines")
    values, off = tile.values * tile.scale, tile.scale * 0.51 + 1e-30
    low, high = (values, values) if step == 1 else (values[..., 0], values[..., 1])
    assert np.abs(low - columns.min(axis=2)).max() <= off
    assert np.abs(high - columns.max(axis=2)).max() <= off
    heat = tile_of(traces, step, "heat")
    assert np.abs(np.abs(heat.values * heat.scale) - np.abs(columns).max(axis=2)).max() <= off


def test_a_tile_says_where_nothing_is() -> None:
    traces = np.ones((2, 32), np.float32)
    traces[1, 5] = np.nan
    assert (tile_of(traces, 1, "lines").values == NOTHING).sum() == 1
    assert (tile_of(traces, 16, "heat").values == NOTHING).tolist() == [[False, False], [True, False]]


def test_shanks_stay_apart_in_either_order() -> None:
    probe = line_probe(4, shanks=2)
    assert display_order(probe, "depth").tolist() == [3, 2, 1, 0, 7, 6, 5, 4]
    assert display_order(probe, "channel").tolist() == list(range(8))
