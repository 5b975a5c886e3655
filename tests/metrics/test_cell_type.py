"""The kind of a cell follows from shapes and bursts that are known."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.metrics.cell_type import burstiness, cell_type, non_somatic_reason
from spikesieve.metrics.waveform_shape import WaveformShape, waveform_shape

HZ = 300_000.0
T_MS = np.arange(600) / HZ * 1e3
FLAT = np.full(100, 50)


def waveform(*bumps: tuple[float, float, float]) -> WaveformShape:
    """A sum of Gaussians: (height in uV, time in ms, width in ms)."""
    values = sum(height * np.exp(-(((T_MS - at) / width) ** 2)) for height, at, width in bumps)
    return waveform_shape(np.asarray(values), HZ)


def soma(trough_to_peak_ms: float) -> WaveformShape:
    return waveform((-100.0, 0.7, 0.12), (30.0, 0.7 + trough_to_peak_ms, 0.2))


def bursting() -> np.ndarray:
    acg = FLAT.copy()
    acg[1:6] = 400
    return acg


@pytest.mark.parametrize(
    ("shape", "acg", "kind"),
    [
        (soma(0.3), FLAT, "narrow"),
        (soma(0.3), bursting(), "narrow"),
        (soma(0.6), FLAT, "regular"),
        (soma(0.6), bursting(), "complex"),
        (waveform((60.0, 0.55, 0.06), (-100.0, 0.7, 0.08), (10.0, 0.95, 0.1)), FLAT, "axonal"),
        (waveform((-40.0, 0.7, 0.1), (90.0, 0.9, 0.2)), FLAT, "axonal"),
    ],
)
def test_the_kind_is_that_of_the_shape_and_the_bursts(shape: WaveformShape, acg: np.ndarray, kind: str) -> None:
    assert cell_type(shape, acg).kind == kind


def test_the_reason_says_what_was_measured() -> None:
    assert cell_type(soma(0.6), bursting()).why == "trough to peak 0.60 ms, burst index 8"
    assert "narrow peak" in non_somatic_reason(waveform((60.0, 0.55, 0.06), (-100.0, 0.7, 0.08), (10.0, 0.95, 0.1)))
    assert non_somatic_reason(soma(0.3)) == ""


def test_few_pairs_do_not_make_a_burst() -> None:
    few = np.zeros(100, np.int64)
    few[2], few[60] = 1, 1
    assert burstiness(few).ratio > 5
    assert cell_type(soma(0.6), few).kind == "regular"
    assert np.isnan(burstiness(np.zeros(100, np.int64)).ratio)
    assert "too few spikes" in cell_type(soma(0.6), np.zeros(100, np.int64)).why
