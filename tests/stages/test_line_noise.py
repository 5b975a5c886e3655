"""Lines of interference: found where they are, removed without harm, and nothing is done where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import BACKEND, HZ, line_probe

from spikesieve.stages import preprocess
from spikesieve.stages.line_noise import Lines, Spectrum, find_lines, power_spectrum, spectrum_samples, without_lines
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.preprocess import PreprocessParams

N, SECONDS = 3, 4


def noise(seed: int = 0) -> np.ndarray:
    """High-passed noise of about 10 uV: (3, 120000) float32."""
    uv = 10 * np.random.default_rng(seed).standard_normal((N, int(SECONDS * HZ)))
    return preprocess.highpass(uv.astype(np.float32), HZ, 300.0, BACKEND)


def sine(hz: float, uv: float) -> np.ndarray:
    return (uv * np.sin(2 * np.pi * hz * np.arange(int(SECONDS * HZ)) / HZ + 1)).astype(np.float32)


def lines_of(traces_uv: np.ndarray, blanked: np.ndarray | None = None) -> Lines | None:
    blocks = np.array_split(traces_uv, SECONDS, axis=1)
    masks = [None] * SECONDS if blanked is None else np.array_split(blanked, SECONDS, axis=1)
    sd = mad_sd(traces_uv)
    n = spectrum_samples(blocks[0].shape[1])
    each = [power_spectrum(b, sd, HZ, n, gaps) for b, gaps in zip(blocks, masks, strict=True)]
    mean = Spectrum(np.mean([s.power for s in each], axis=0), np.mean([s.leak for s in each], axis=0))
    return find_lines(mean, sd, HZ, 300.0)


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_spikes_have_no_lines(seed):
    uv = noise(seed)
    uv[1, np.cumsum(np.random.default_rng(seed).integers(300, 3000, 60))] -= 500
    assert lines_of(uv) is None


def test_a_regular_train_of_large_pulses_is_no_line():
    uv = noise()
    uv[:, ::3000] += 5000
    assert lines_of(uv) is None


@pytest.mark.parametrize(("hz", "uv"), [(1000.0, 3.0), (1234.5, 20.0), (14_000.0, 300.0), (450.3, 5.0)])
def test_a_line_is_found_on_one_contact_with_its_frequency_and_amplitude(hz, uv):
    traces = noise()
    traces[1] += sine(hz, uv)
    lines = lines_of(traces)
    assert len(lines.hz) == lines.n_removed == 1
    assert lines.hz[0] == pytest.approx(hz, abs=0.2)
    assert lines.amplitude_uv[0] == pytest.approx(uv, rel=0.15)
    assert f"{lines.hz[0]:.0f} Hz" in lines.notes[0]


def forty_times_a_second(traces: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(traces.shape[1]) % 750 < 120, (N, 1))


def test_a_line_with_gaps_is_one_line():
    """Gaps of 4 ms, forty times a second, put images at all multiples of 40 Hz beside it."""
    traces = noise() + sine(1234.5, 200.0)
    blanked = forty_times_a_second(traces)
    traces[blanked] = 0.0
    assert len(lines_of(traces).hz) > 3
    lines = lines_of(traces, blanked)
    assert lines.hz == pytest.approx([1234.5], abs=0.2)
    assert lines.amplitude_uv == pytest.approx([200.0], rel=0.15)


def test_lines_with_gaps_are_all_found():
    traces = noise() + sine(1000.0, 60.0) + sine(1520.0, 40.0) + sine(3210.0, 30.0)
    blanked = forty_times_a_second(traces)
    traces[blanked] = 0.0
    assert lines_of(traces, blanked).hz == pytest.approx([1000.0, 1520.0, 3210.0], abs=0.2)


def test_a_line_is_removed_and_spikes_stay():
    clean = noise()
    at = np.arange(1000, 110_000, 4000)
    for k in range(30):
        clean[:, at + k] -= np.float32(100 * np.exp(-(((k - 10) / 4) ** 2)))
    traces = clean + sine(1000.02, 60) + sine(2000.04, 30)
    rest = without_lines(traces, lines_of(traces), HZ)[:, 3000:-3000] - clean[:, 3000:-3000]
    assert np.abs(rest).max() < 2.0
    assert rest.std() < 0.3


def test_a_line_that_swells_is_removed_as_well():
    clean = noise()
    traces = clean + sine(1000, 60) * (1 + 0.5 * np.sin(np.arange(clean.shape[1]) / HZ * 2 * np.pi * 0.4)).astype("f4")
    rest = without_lines(traces, lines_of(traces), HZ) - clean
    assert rest.std() < 2.0


def test_of_too_many_lines_the_strongest_are_removed_and_the_others_are_named():
    power = np.full((1, 15_001), 1e-3, np.float32)
    power[0, 400:14_000:61] = np.linspace(2.0, 1.0, 223)
    lines = find_lines(Spectrum(power, np.zeros_like(power)), np.array([10.0]), HZ, 300.0)
    assert (lines.n_removed, len(lines.hz)) == (147, 223)
    assert lines.hz[0] == 400.0
    assert "weaker ones" in lines.notes[0]
    assert "left in the traces" in lines.notes[1]


def test_a_line_at_half_the_sampling_rate_is_finite():
    traces = noise()
    lines = Lines(np.array([HZ / 2]), np.array([1.0]), np.full(N, 40, np.float32), 1)
    assert np.isfinite(without_lines(traces, lines, HZ)).all()


def test_silence_has_no_lines():
    assert lines_of(np.zeros((N, int(SECONDS * HZ)), np.float32)) is None


def test_preprocessing_without_lines_is_the_same_to_the_byte_and_with_lines_it_is_clean():
    raw = (10 * np.random.default_rng(0).standard_normal((N, 40_000))).astype(np.float32)
    alone = preprocess.only_highpass(line_probe(N), HZ, PreprocessParams())
    before = preprocess.apply(preprocess.RawTraces(raw, halo=1200), alone, BACKEND).uv
    with_line = raw + (50 * np.sin(2 * np.pi * 0.1 * np.arange(40_000))).astype(np.float32)
    lines = Lines(np.array([3000.0]), np.array([50.0]), np.full(N, 200, np.float32), 1)
    cleaned = preprocess.apply(preprocess.RawTraces(with_line, halo=1200), replace(alone, lines=lines), BACKEND).uv
    assert alone.lines is None
    assert np.abs(cleaned - before).max() < 2.0


def at_the_ends(traces: np.ndarray) -> np.ndarray:
    unused = np.zeros(traces.shape, np.bool_)
    unused[:, :1200] = unused[:, -1200:] = True
    return unused


def in_every_third_of_a_second(traces: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(traces.shape[1]) % 10_000 < 4000, (N, 1))


@pytest.mark.parametrize("where", [at_the_ends, in_every_third_of_a_second])
def test_a_line_is_removed_between_gaps_in_which_it_is_not(where):
    clean = noise()
    traces = clean + sine(1000.3, 300.0)
    unused = where(traces)
    traces[unused] = 0.0
    lines = Lines(np.array([1000.3]), np.array([300.0]), np.full(N, 1000, np.float32), 1)
    rest = without_lines(traces, lines, HZ, unused) - clean
    assert np.abs(rest[~unused]).max() < 5.0
    assert np.abs((without_lines(traces, lines, HZ) - clean)[~unused]).max() > 50.0


def test_a_line_is_removed_up_to_the_ends_of_the_recording():
    """The high-pass needs samples beyond the ends, in which there is no line."""
    clean = 10 * np.random.default_rng(0).standard_normal((N, 120_000)).astype(np.float32)
    line = Lines(np.array([1000.3]), np.array([300.0]), np.full(N, 1000, np.float32), 1)
    fitted = replace(preprocess.only_highpass(line_probe(N), HZ, PreprocessParams()), lines=line)
    padded = np.pad(clean + sine(1000.3, 300.0), ((0, 0), (1200, 1200)), mode="edge")
    cleaned = preprocess.apply(preprocess.RawTraces(padded, halo=1200, repeated=(1200, 1200)), fitted, BACKEND).uv
    # At the very end the high-pass itself answers to the end of the line.
    assert np.abs(cleaned[:, 300:-300]).max() < 70.0
