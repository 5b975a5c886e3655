"""A line across waveforms chooses the spikes whose waveform crosses it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_sorting import PEAK, SAMPLING_HZ, make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.errors import InputError
from spikesieve.views.waveform_lines import crossing, waveforms_on

SORTING = make_sorting(6, 2000)
RESULT = of_sorting(SORTING, "made-up")
BEST = int(SORTING.templates.dense_uv(24)[0].min(axis=0).argmin())
MS = 1e3 / SAMPLING_HZ


def test_waveforms_differ_from_the_template_as_features_do() -> None:
    """Made-up features are those of the template times the amplitude of the spike, in what the components hold."""
    rows = RESULT.units.rows[0]
    samples = np.arange(-5.0, 6.0)
    found = waveforms_on(RESULT, rows, BEST, samples)
    template = SORTING.templates.dense_uv(24)[0, PEAK - 5 : PEAK + 6, BEST]
    np.testing.assert_allclose(found.mean(axis=0), template, rtol=0.02, atol=0.5)
    amplitude = SORTING.spikes.amplitude[rows]
    at_peak = found[:, 5]
    assert np.corrcoef(amplitude, -at_peak)[0, 1] > 0.999


def test_a_waveform_is_linear_between_samples() -> None:
    rows = RESULT.units.rows[0][:5]
    a, b, middle = waveforms_on(RESULT, rows, BEST, np.array([2.0, 3.0, 2.5])).T
    np.testing.assert_allclose(middle, (a + b) / 2, rtol=1e-5)


def test_a_line_below_the_mean_takes_the_large_spikes() -> None:
    rows = RESULT.units.rows[0]
    at_peak = waveforms_on(RESULT, rows, BEST, np.array([0.0]))[:, 0]
    limit = float(np.median(at_peak))
    line = np.array([[0.0, limit], [0.0, 3 * at_peak.min()]])
    np.testing.assert_array_equal(crossing(RESULT, rows, BEST, line), at_peak <= limit)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.6, 1.2), st.floats(-150, 50)), min_size=2, max_size=5))
def test_crossing_is_what_segments_say(corners: list[tuple[float, float]]) -> None:
    rows, line = RESULT.units.rows[1][:40], np.array(corners)
    contact = int(SORTING.feature_contacts[1, 0])
    samples = np.arange(-PEAK, 61.0 - PEAK)
    uv = waveforms_on(RESULT, rows, contact, samples)
    expected = [any(crosses(a, b, samples * MS, own) for a, b in pairwise(line)) for own in uv]
    found = crossing(RESULT, rows, contact, line)
    # On an edge both are right.
    assert (found != np.array(expected)).sum() <= 1


def crosses(a: np.ndarray, b: np.ndarray, ms: np.ndarray, uv: np.ndarray) -> bool:
    """Whether a segment meets a polyline: by orientations of triples, segment by segment."""

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float(np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])))

    for k in range(len(ms) - 1):
        c, d = np.array([ms[k], uv[k]]), np.array([ms[k + 1], uv[k + 1]])
        if side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0 and not np.allclose(a, b):
            return True
    return False


def test_spikes_without_features_there_are_not_chosen() -> None:
    far = next(c for c in range(24) if c not in SORTING.feature_contacts[0])
    assert not crossing(RESULT, RESULT.units.rows[0], far, np.array([[0.0, -1e6], [0.0, 1e6]])).any()


def test_other_programs_do_not_say_waveforms_of_all_spikes() -> None:
    with pytest.raises(InputError, match="Draw the lasso in a scatter"):
        crossing(replace(RESULT, sorting=None), RESULT.units.rows[0], BEST, np.array([[0.0, 0.0], [1.0, 1.0]]))
