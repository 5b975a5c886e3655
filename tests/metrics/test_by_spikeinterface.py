"""Our metrics by SpikeInterface's names are SpikeInterface's numbers, where both start from the same things."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from make_sorting import make_sorting
from spikeinterface.core import NumpySorting
from spikeinterface.curation.curation_tools import find_duplicated_spikes
from spikeinterface.metrics.quality import pca_metrics
from spikeinterface.metrics.quality.misc_metrics import slidingRP_violations

from spikesieve.api.save import NoSamples
from spikesieve.metrics import isolation
from spikesieve.metrics.amplitudes import first_after_pauses, sd_ratio
from spikesieve.metrics.spike_times import sliding_rp_violation
from spikesieve.model import Origin, Recording, SortedTime, Sorting
from spikesieve.spikeinterface import to_analyzer
from spikesieve.stages.unit_metrics import unit_metrics

TIMES = [
    *("num_spikes", "firing_rate", "presence_ratio", "rp_contamination", "rp_violations", "firing_range"),
    *("sync_spike_2", "sync_spike_4", "sync_spike_8"),
]
AMPLITUDES = [
    *("amplitude_median", "amplitude_cv_median", "amplitude_cv_range", "amplitude_cutoff", "noise_cutoff"),
    "noise_ratio",
]
PLACES = ["drift_ptp", "drift_std", "drift_mad"]
SHAPES = [
    *("peak_to_trough_duration", "trough_half_width", "peak_half_width", "repolarization_slope", "recovery_slope"),
    *("num_positive_peaks", "num_negative_peaks", "main_to_next_extremum_duration", "peak_before_to_trough_ratio"),
    *("peak_after_to_trough_ratio", "peak_before_to_peak_after_ratio", "main_peak_to_trough_ratio", "trough_width"),
    *("peak_before_width", "peak_after_width", "waveform_baseline_flatness"),
    *("velocity_above", "velocity_below", "exp_decay", "spread"),
]


def busy_sorting(segments: tuple[tuple[int, int], ...]) -> Sorting:
    """Spikes in 270 s, some of them too close to others, at the sample of others, or missing because they are small."""
    sorting = make_sorting(n_units=5, n_spikes=6000, duration_s=270.0)
    rng, spikes = np.random.default_rng(1), sorting.spikes
    sample = spikes.sample.copy()
    close = rng.choice(len(sample) - 1, 400, replace=False)
    sample[close + 1] = sample[close] + rng.choice([0, 0, 10, 25, 29, 40, 60], 400)
    same = np.flatnonzero(np.diff(sample) == 0)
    unit = spikes.unit.copy()
    unit[same + 1] = (unit[same] + 1) % 5
    order = np.lexsort((unit, sample))
    amplitude = rng.normal(1, 0.15, len(sample)).astype(np.float32)
    amplitude = np.where(amplitude < 0.8, 2 - amplitude, amplitude)
    moved = spikes.position_um + np.float32(10.0) * np.sin(sample[:, None] / 1e6).astype(np.float32)
    columns = {"sample": sample, "unit": unit, "amplitude": amplitude, "position_um": moved}
    spikes = replace(spikes, **{name: column[order] for name, column in columns.items()})
    starts = tuple(start for start, _ in segments)
    recording = Recording(NoSamples(), 8_100_000, 25, 30_000.0, segments=segments, file_starts=starts)
    now = datetime(2024, 2, 3, tzinfo=UTC)
    return replace(sorting, spikes=spikes, segments=segments, origin=Origin(recording, {}, now, now))


@pytest.fixture(
    scope="module", params=[((0, 8_100_000),), ((0, 3_900_000), (3_900_000, 8_100_000))], ids=["one", "two"]
)
def both(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our table and SpikeInterface's, of a recording in one and in two segments."""
    sorting = busy_sorting(request.param)
    analyzer = to_analyzer(sorting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyzer.compute("quality_metrics", skip_pc_metrics=True)
        analyzer.compute("template_metrics", include_multi_channel_metrics=True)
    theirs = pd.concat(
        [analyzer.get_extension(f"{kind}_metrics").get_data() for kind in ("quality", "template")], axis=1
    )
    ours = pd.DataFrame([vars(row) for row in unit_metrics(sorting)]).set_index("unit")
    return ours, theirs


@pytest.mark.parametrize("name", [*TIMES, *AMPLITUDES, *PLACES, *SHAPES])
def test_a_metric_has_their_number(both: tuple[pd.DataFrame, pd.DataFrame], name: str) -> None:
    ours, theirs = (table[name].to_numpy(np.float64, na_value=np.nan) for table in both)
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-9)


def test_intervals_of_exactly_1_5_ms_are_no_violations(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """SpikeInterface compares seconds, so that rounding decides on them."""
    ours, theirs = both
    sorting = busy_sorting(((0, 8_100_000),))
    exact = np.array([np.count_nonzero(np.diff(sorting.spike_train(unit)) == 45) for unit in ours.index])
    more = theirs.isi_violations_count.to_numpy(np.int64) - ours.isi_violations_count.to_numpy(np.int64)
    assert ((more >= 0) & (more <= exact)).all()
    per_violation = [table.isi_violations_ratio / table.isi_violations_count.clip(lower=1) for table in both]
    np.testing.assert_allclose(*per_violation)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_the_sliding_refractory_period_excludes_the_same_contamination(share: float) -> None:
    rng = np.random.default_rng(5)
    own = np.cumsum(rng.integers(90, 6000, 3000))
    foreign = rng.integers(0, own[-1], round(share * len(own)))
    train = np.sort(np.concatenate([own, foreign]))
    time = SortedTime(((0, int(own[-1]) + 1),), 30_000.0)
    theirs = slidingRP_violations(NumpySorting.from_unit_dict([{0: train}], 30_000.0), time.used_s)
    assert 0.0 < theirs < 0.35
    assert sliding_rp_violation(train, time) == pytest.approx(theirs)


def test_the_comparison_is_of_numbers(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    ours, _ = both
    assert ours[[*TIMES, *AMPLITUDES, *PLACES, *SHAPES]].drop(columns="peak_before_width").notna().any().all()
    assert (ours[["isi_violations_count", "rp_violations", "sync_spike_2"]].sum() > 0).all()


@pytest.fixture(scope="module")
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of 120 to 200 spikes with 12 features."""
    rng, unit = np.random.default_rng(2), np.repeat([4, 7, 9], [200, 150, 120])
    return (rng.normal(size=(470, 12)) + 0.8 * rng.normal(size=(3, 12))[np.searchsorted([4, 7, 9], unit)]), unit


def of_unit_7(features: np.ndarray, unit: np.ndarray) -> isolation.Isolation:
    own, *others = (features[unit == k].astype(np.float32) for k in (7, 4, 9))
    means, counts = np.array([spikes.mean(axis=0) for spikes in others]), np.array([len(spikes) for spikes in others])
    scatter = sum((len(spikes) - 1) * np.cov(spikes.T) for spikes in others)
    return isolation.isolation(own, isolation.Neighbors(np.concatenate(others), counts, means, scatter))


def test_isolation_has_their_numbers(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    features, unit = clouds
    ours = of_unit_7(features, unit)
    assert ours[:2] == pytest.approx(pca_metrics.mahalanobis_metrics(features, unit, 7), rel=1e-3)
    assert ours.d_prime == pytest.approx(abs(pca_metrics.d_prime_metric(features, unit, 7)), rel=1e-3)
    assert ours.silhouette == pytest.approx(pca_metrics.simplified_silhouette_score(features, unit, 7), rel=1e-3)
    hit_and_miss = pca_metrics.nearest_neighbors_metrics(features, unit, 7, max_spikes=1000, n_neighbors=5)
    assert ours[3:5] == pytest.approx(hit_and_miss, rel=1e-6)


def test_without_an_inverse_there_is_no_distance(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    features, unit = clouds
    twice = np.concatenate([features, features[:, :1] * 2], axis=1)
    assert np.isnan(of_unit_7(twice, unit)[:2]).all()
    few = unit != 7
    few[np.flatnonzero(unit == 7)[:12]] = True
    assert np.isnan(of_unit_7(features[few], unit[few])[:2]).all()


def test_neighbours_of_many_spikes_are_looked_for_among_the_same_ones() -> None:
    rng = np.random.default_rng(3)
    own, foreign = rng.normal(size=(900, 4)), rng.normal(1.0, 1.0, size=(700, 4))
    unit = np.repeat([0, 1], [900, 700])
    both = np.concatenate([own, foreign])
    theirs = pca_metrics.nearest_neighbors_metrics(both, unit, 0, max_spikes=1000, n_neighbors=5)
    assert isolation.nearest_neighbors(own.astype(np.float32), foreign.astype(np.float32)) == pytest.approx(theirs)


def test_spikes_of_bursts_are_left_out_as_theirs_are() -> None:
    sorting = busy_sorting(((0, 8_100_000),))
    train = np.sort(np.concatenate([sorting.spike_train(0), sorting.spike_train(1)]))
    left_out = find_duplicated_spikes(train, 120, method="keep_first_iterative")
    np.testing.assert_array_equal(np.flatnonzero(~first_after_pauses(train, 120)), left_out)
    assert len(left_out) > 50
    amplitude = np.random.default_rng(0).normal(10, 1, len(train))
    expected = np.std(np.diff(np.delete(amplitude, left_out))) / np.sqrt(2) / 0.5
    assert sd_ratio(amplitude, 0.5, train, sorting.sorted_time) == pytest.approx(expected)
