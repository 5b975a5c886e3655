"""What holds for a sort by any method: same bytes for any workers and any run, blocks invisible, nothing lost, Phy."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from phylib.io.model import load_model
from same_bytes import HZ, PARAMS, differing, n_near
from small_files import METHODS

from spikesieve.api import sort as api
from spikesieve.api.sort import Resources, sort
from spikesieve.engine.source import Source
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results.phy import write_phy
from spikesieve.model import Sorting
from spikesieve.settings.sort import Settings
from spikesieve.simulation import simulate_array
from spikesieve.stages.preprocess import Clean


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return simulate_array(read_probe("linear:12:25"), PARAMS)[0]


@pytest.fixture(scope="module", params=METHODS)
def method(request) -> str:
    return request.param


def test_no_method_is_left_out():
    named = {override.partition("=")[2] for overrides in METHODS.values() for override in overrides[:1]}
    assert named == set(api.METHODS)


def sorted_with(
    samples: np.ndarray, method: str, n_jobs: int = 2, block_samples: int = 40_000, segments=None, overrides=()
) -> Sorting:
    recording = recording_from_array(samples, HZ, PARAMS.gain_uv)
    if segments:
        recording = recording.with_segments(segments)
    settings = Settings(engine={"block_samples": block_samples}).with_overrides([*METHODS[method], *overrides])
    return sort(recording, read_probe("linear:12:25"), settings, resources=Resources(n_jobs))


@pytest.fixture(scope="module")
def sorting(samples: np.ndarray, method: str) -> Sorting:
    return sorted_with(samples, method)


def test_one_worker_gives_the_bytes_of_two(samples, method, sorting):
    assert differing(sorted_with(samples, method, n_jobs=1), sorting) == []


def test_a_second_run_gives_the_bytes_of_the_first(samples, method, sorting):
    assert differing(sorted_with(samples, method), sorting) == []


def test_where_memory_is_short_for_two_blocks_at_once_the_bytes_are_the_same(samples, method, sorting, monkeypatch):
    free, read, n_failed = threading.Lock(), Source.clean, []

    def clean(*inputs: object) -> Clean:
        if not free.acquire(blocking=False):
            n_failed.append(1)
            raise MemoryError("Unable to allocate 1 GiB")
        try:
            return read(*inputs)  # type: ignore[arg-type]
        finally:
            free.release()

    monkeypatch.setattr(Source, "clean", clean)
    assert differing(sorted_with(samples, method, n_jobs=3), sorting) == []
    assert n_failed


def test_the_template_is_the_mean_of_both_halves_which_differ_by_noise(sorting):
    halves, n = sorting.waveforms.half_uv.astype(float), sorting.waveforms.half_spikes[:, :, None, None]
    np.testing.assert_allclose((halves * n).sum(axis=0) / n.sum(axis=0), sorting.templates.uv, atol=1e-3)
    error_uv = sorting.waveforms.sd_uv * np.sqrt((1 / np.maximum(n, 1)).sum(axis=0))
    both = (n > 10).all(axis=0) & (sorting.templates.contacts >= 0)[:, None]
    score = ((halves[0] - halves[1]) / error_uv)[np.broadcast_to(both, error_uv.shape)]
    assert 0.85 < score.std() < 1.15


@pytest.fixture(scope="module")
def other(samples: np.ndarray, method: str) -> Sorting:
    """The same in blocks of 0.23 s instead of 1.33 s."""
    return sorted_with(samples, method, block_samples=7000)


def test_noise_whitening_and_shapes_do_not_depend_on_the_block_size(sorting, other):
    """Only rounding may differ: on harder data, other whitening alone moved 4 spikes in 1000."""
    for name in ("noise_sd_uv", "whitening", "pcs"):
        mine, theirs = getattr(sorting, name), getattr(other, name)
        np.testing.assert_allclose(theirs, mine, atol=2e-3 * np.abs(mine).max(), err_msg=name)


def test_another_block_size_changes_less_than_one_spike_in_a_thousand(sorting, other):
    assert len(other.units) == len(sorting.units)
    n_same = 0
    for unit in range(len(sorting.units)):
        mine = sorting.spikes.sample[sorting.spikes.unit == unit]
        n_same += max(n_near(mine, other.spikes.sample[other.spikes.unit == k], 2) for k in range(len(other.units)))
    assert n_same > 0.999 * max(len(sorting.spikes), len(other.spikes))


def test_the_units_are_found(samples, sorting):
    """Guards the tests above against agreeing on nothing."""
    truth = simulate_array(read_probe("linear:12:25"), PARAMS)[1]
    found = 0
    for unit in range(PARAMS.n_units):
        true = truth.sample[truth.unit == unit]
        trains = [sorting.spikes.sample[sorting.spikes.unit == k] for k in range(len(sorting.units))]
        found += any(n_near(true, t, 12) / (len(true) + len(t) - n_near(true, t, 12)) > 0.8 for t in trains)
    assert found >= 5


def test_spikes_are_ordered_in_range_and_every_one_belongs_to_a_unit(samples, sorting):
    spikes = sorting.spikes
    assert spikes.sample.dtype == np.int64
    assert (np.diff(spikes.sample) >= 0).all()
    assert ((np.diff(spikes.sample) > 0) | (np.diff(spikes.unit) >= 0)).all()
    assert spikes.sample.min() >= 0
    assert spikes.sample.max() < len(samples)
    assert sorted(set(spikes.unit.tolist())) == list(range(len(sorting.units)))
    assert [u.n_spikes for u in sorting.units] == np.bincount(spikes.unit).tolist()


def test_spikes_of_units_that_are_left_out_are_counted(samples, method, sorting):
    """`kept` has an entry for every matched spike, whatever becomes of its unit, and notes say what did."""
    fewer = sorted_with(samples, method, overrides=["curate.min_spikes=110"])
    small = [unit.n_spikes for unit in sorting.units if unit.n_spikes < 110]
    assert len(small) == 2
    assert len(fewer.units) == len(sorting.units) - 2
    for result in (sorting, fewer):
        assert np.count_nonzero(result.kept) == len(result.spikes)
    assert len(fewer.kept) == len(sorting.kept)
    assert np.count_nonzero(sorting.kept & ~fewer.kept) == sum(small)
    assert any("fewer than 110 spikes were left out" in note for note in fewer.notes)


def test_no_unit_fires_twice_within_a_quarter_of_a_millisecond(sorting):
    for k in range(len(sorting.units)):
        assert np.diff(sorting.spikes.sample[sorting.spikes.unit == k]).min() > 7


def test_phy_opens_it(sorting, tmp_path):
    write_phy(tmp_path, sorting, recording_from_array(np.zeros((240_000, 12), np.int16), HZ))
    model = load_model(tmp_path / "params.py")
    np.testing.assert_array_equal(model.spike_samples, sorting.spikes.sample)
    np.testing.assert_array_equal(model.spike_clusters, sorting.spikes.unit)
    # Phy takes the contact with the largest peak to peak, we the one with the deepest trough: a few units differ.
    assert np.median(model.get_amplitudes_true()[0] / sorting.spikes.amplitude_uv) == pytest.approx(1, rel=1e-3)
    assert model.metadata["group"] == {unit.unit: unit.label for unit in sorting.units}
    for unit, dense_uv in enumerate(sorting.templates.dense_uv(sorting.probe.n_contacts)):
        shown = model.get_template(unit)
        np.testing.assert_allclose(shown.template, dense_uv[:, shown.channel_ids], atol=1e-3 * np.ptp(dense_uv))
    assert np.isfinite(model.get_depths()).all()
    model.close()


def test_spikes_stay_in_their_segments(samples, method):
    segments = ((0, 90_000), (120_000, 200_000))
    cut = sorted_with(samples, method, segments=segments)
    sample = cut.spikes.sample
    inside = np.zeros(len(sample), bool)
    for start, stop in segments:
        inside |= (sample >= start) & (sample < stop)
    assert len(sample) > 100
    assert inside.all()
    assert cut.segments == segments


@pytest.mark.parametrize("at", [0, 14_990, 20_000])
def test_values_that_are_not_numbers_are_counted_once_wherever_they_lie(at):
    """At the start, where the halo repeats the first sample; across two blocks, which both read it; in the middle."""
    noise = 10 * np.random.default_rng(0).standard_normal((30_000, 4)).astype(np.float32)
    noise[at : at + 20, 1] = np.nan
    settings = Settings(engine={"block_samples": 15_000})
    notes = sort(recording_from_array(noise, HZ, 1.0), read_probe("linear:4:25"), settings).notes
    assert any("was NaN or infinite and is left out: 1 time, 0.7 ms" in note for note in notes), notes


@pytest.mark.parametrize(("method", "limit"), [("kilosort4", "match.max_peels"), ("sieve", "fit.max_rounds")])
def test_what_matching_leaves_is_said(method, limit):
    """House rule: nothing is dropped without being counted in the result."""
    settings = Settings().with_overrides([f"method={method}", f"{limit}=1"])
    crowded = PARAMS.model_copy(update={"seconds": 2.0, "rate_hz": 60.0, "max_rate_hz": 80.0})
    recording = recording_from_array(simulate_array(read_probe("linear:12:25"), crowded)[0], HZ, PARAMS.gain_uv)
    notes = sort(recording, read_probe("linear:12:25"), settings).notes
    assert any(limit in note for note in notes), notes
