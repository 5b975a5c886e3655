"""Many lines are fitted together, as exactly as one alone, with gaps and without."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import HZ

from spikesieve.stages.line_fit import NarrowBands, fitted_lines

N_SAMPLES = 40_000
LINE_HZ = np.arange(400.0, 12_000.0, 97.3)


def lines(amplitude_uv: float) -> np.ndarray:
    """All lines on three contacts, swelling and fading: (3, n) float32."""
    t = np.arange(N_SAMPLES) / HZ
    slow = 1 + 0.3 * np.sin(2 * np.pi * 0.4 * t)
    each = [np.sin(2 * np.pi * hz * t + hz) for hz in LINE_HZ]
    return (np.array([[0.5], [1.0], [2.0]]) * amplitude_uv * slow * np.sum(each, axis=0)).astype(np.float32)


def gaps() -> np.ndarray:
    """On each contact 8 ms of each 100 ms, at other times; the whole of the last contact's first second."""
    used = np.stack([(np.arange(N_SAMPLES) + 700 * k) % 3000 >= 240 for k in range(3)])
    used[2, :30_000] = False
    return used


@pytest.mark.parametrize("used", [None, gaps()], ids=["whole", "gaps"])
def test_a_hundred_lines_together_are_fitted_where_the_traces_are_used(used):
    truth = lines(20.0)
    seen = np.ones(truth.shape, np.bool_) if used is None else used
    fit = fitted_lines(np.where(seen, truth, np.float32(1e3)), LINE_HZ, HZ, used)
    assert (fit - truth)[seen].std() < 0.02 * truth[seen].std()


def test_noise_loses_no_more_than_its_share_of_the_frequencies():
    noise = np.random.default_rng(0).standard_normal((3, N_SAMPLES)).astype(np.float32)
    # 5 polynomials in each of two parts of the piece of 1.33 s.
    share = 2 * 4 * len(LINE_HZ) / N_SAMPLES
    assert fitted_lines(noise, LINE_HZ, HZ).var() == pytest.approx(share, rel=0.15)


def test_sines_and_amplitudes_are_transposed():
    bands, rng = NarrowBands.of(LINE_HZ[:3], 900, HZ), np.random.default_rng(0)
    shape = (1, bands.slow.shape[1], 6)
    x, y = rng.standard_normal(shape).astype(np.float32), rng.standard_normal((1, bands.n_samples)).astype(np.float32)
    assert (bands.sines(x) * y).sum() == pytest.approx((x * bands.amplitudes(y)).sum(), rel=1e-4)


def test_nothing_is_fitted_to_a_contact_without_samples():
    truth = lines(20.0)
    used = np.ones(truth.shape, np.bool_)
    used[1] = False
    fit = fitted_lines(truth, LINE_HZ, HZ, used)
    assert not fit[1].any()
    assert np.isfinite(fit).all()
