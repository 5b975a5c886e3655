"""Published thresholds, each at both sides of its limit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from spikesieve.metrics.published_labels import Measured, bombcell_label, ibl_label
from spikesieve.model import UnitMetrics

GOOD = {
    "num_spikes": 1000,
    "presence_ratio": 1.0,
    "amplitude_cutoff": 0.01,
    "snr": 8.0,
    "num_positive_peaks": 1,
    "num_negative_peaks": 1,
    "peak_to_trough_duration": 5e-4,
    "peak_after_to_trough_ratio": 0.3,
    "exp_decay": 0.03,
    "sliding_rp_violation": 0.05,
    "noise_cutoff": 0.0,
}


def measured(ptp_uv: float = 100.0, flatness: float | None = 0.1, hill: float | None = 0.0, **other: Any) -> Measured:
    row = {field.name: None for field in fields(UnitMetrics)} | GOOD | other
    return Measured(UnitMetrics(**row), ptp_uv, flatness, hill)


def test_a_good_unit_passes_everything() -> None:
    assert bombcell_label(measured(), "") == ("good", "passes every test")
    assert ibl_label(measured()) == (1.0, "passes every test")


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"num_positive_peaks": 3}, "noise"),
        ({"num_negative_peaks": 2}, "noise"),
        ({"peak_to_trough_duration": 0.9e-4}, "noise"),
        ({"peak_to_trough_duration": 1.2e-3}, "noise"),
        ({"flatness": 0.31}, "noise"),
        ({"peak_after_to_trough_ratio": 0.81}, "noise"),
        ({"exp_decay": 0.009}, "noise"),
        ({"exp_decay": 0.11}, "noise"),
        ({"amplitude_cutoff": 0.21}, "mua"),
        ({"num_spikes": 299}, "mua"),
        ({"hill": 0.11}, "mua"),
        ({"presence_ratio": 0.69}, "mua"),
        ({"ptp_uv": 39.0}, "mua"),
        ({"snr": 3.3}, "mua"),
        ({"num_positive_peaks": 2, "num_spikes": 300, "snr": 3.4, "flatness": 0.3, "exp_decay": 0.1}, "good"),
    ],
)
def test_each_threshold_of_bombcell_decides(change: dict[str, Any], label: str) -> None:
    assert bombcell_label(measured(**change), "").label == label


def test_a_shape_that_is_no_soma_comes_after_noise_and_before_mua() -> None:
    assert bombcell_label(measured(num_spikes=10), "an axon").label == "non_somatic"
    assert bombcell_label(measured(num_negative_peaks=2), "an axon").label == "noise"


def test_what_is_not_known_is_said() -> None:
    unknown = measured(amplitude_cutoff=None, presence_ratio=None, sliding_rp_violation=None)
    assert bombcell_label(unknown, "") == ("good", "not judged: share of missing spikes, presence ratio")
    share, why = ibl_label(unknown)
    assert share == pytest.approx(2 / 3)
    assert why == "contamination by the sliding refractory period is not known"


@pytest.mark.parametrize("change", [{"sliding_rp_violation": 0.105}, {"noise_cutoff": 5.1}, {"ptp_uv": 49.0}])
def test_each_test_of_ibl_counts_a_third(change: dict[str, Any]) -> None:
    assert ibl_label(measured(**change)).share == pytest.approx(2 / 3)


def test_the_reason_names_the_value_and_the_limit() -> None:
    assert bombcell_label(measured(num_spikes=299), "").why == "number of spikes 299 is below 300"
    assert ibl_label(measured(noise_cutoff=7.25)).why == "noise cutoff 7.25 is above 5"
