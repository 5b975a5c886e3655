"""Raw to whitened: block edges leave no trace, bad contacts and artifacts stay local, scale does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal
from tiny import BACKEND, HZ, line_probe

from spikesieve.model import Probe, Reason, Recording
from spikesieve.stages import bad_contacts, blanking, preprocess, whitening
from spikesieve.stages.artifacts import ArtifactTest, common_pieces
from spikesieve.stages.contact_statistics import contact_statistics, pooled
from spikesieve.stages.preprocess import PreprocessParams
from spikesieve.stages.reference import reference_groups

PARAMS = PreprocessParams()


def noise_uv(n_contacts: int, n_samples: int = 24_000, sd: float = 10.0, mix: float = 0.4, seed: int = 0) -> np.ndarray:
    """(n_samples, n_contacts) float32, each contact sharing `mix` of its neighbour's noise."""
    white = np.random.default_rng(seed).standard_normal((n_samples, n_contacts + 1))
    return (sd * (white[:, 1:] + mix * white[:, :-1])).astype(np.float32)


def fit_blocks(blocks, probe: Probe, params: PreprocessParams = PARAMS, range_uv=None) -> preprocess.Preprocessing:
    """What is learned from blocks (n_samples, n_channels)."""
    halo = preprocess.halo_samples(HZ, params.highpass_cutoff_hz)
    alone = preprocess.only_highpass(probe, HZ, params)
    high_passed = [apply(b[:, probe.channels], alone, halo).uv for b in blocks]
    measured = pooled(contact_statistics(uv, HZ) for uv in high_passed)
    draft = bad_contacts.without_bad_contacts(measured, probe, HZ, range_uv, params)
    noise = measured.sd_uv
    channels = draft.probe.channels
    test = ArtifactTest(noise[np.isin(probe.channels, channels)].astype(np.float32), common_pieces(draft.probe))
    draft = replace(draft, artifact_test=test)
    return whitening.fit_whitening(
        draft, [whitening.block_statistics(apply(b[:, channels], draft, halo).uv) for b in blocks]
    )


def fit(raw: np.ndarray, probe: Probe, params: PreprocessParams = PARAMS, range_uv=None):
    fitted = fit_blocks([raw], probe, params, range_uv)
    return fitted, fitted.notes


def apply(raw: np.ndarray, fitted, halo: int = 0) -> preprocess.Clean:
    """A block (n_samples, n_contacts) preprocessed."""
    return preprocess.apply(preprocess.RawTraces(np.ascontiguousarray(raw.T), halo), fitted, BACKEND)


def limits(n_contacts: int, uv: float) -> tuple[np.ndarray, np.ndarray]:
    """The range of a converter, the same on every contact."""
    return np.full(n_contacts, -uv), np.full(n_contacts, uv)


def clean(raw: np.ndarray, fitted) -> preprocess.Clean:
    return apply(raw[:, fitted.probe.channels], fitted)


def unreferenced(n_contacts: int, params: PreprocessParams = PARAMS) -> preprocess.Preprocessing:
    return preprocess.only_highpass(line_probe(n_contacts), HZ, params)


# High-pass


def with_slow_waves(n_samples: int) -> np.ndarray:
    """Noise of 10 uV on local field potentials of 500 uV and an offset of 2 mV: (1, n_samples) float32."""
    t = np.arange(n_samples) / HZ
    slow = 400 * np.sin(2 * np.pi * 7 * t) + 300 * np.cos(2 * np.pi * 31 * t) + 2000
    return (slow + 10 * np.random.default_rng(3).standard_normal(n_samples)).astype(np.float32)[None]


def edge_traces(whole: np.ndarray, core: tuple[int, int], halo: int, params: PreprocessParams) -> float:
    """Largest difference in uV between a block filtered with its halo and the same stretch of the whole."""
    alone = unreferenced(1, params)
    everything, _ = preprocess.filtered(preprocess.RawTraces(whole), alone, BACKEND)
    beside = np.ascontiguousarray(whole[:, core[0] - halo : core[1] + halo])
    block, _ = preprocess.filtered(preprocess.RawTraces(beside), alone, BACKEND)
    return float(np.abs(block[:, halo:-halo] - everything[:, slice(*core)]).max())


@pytest.mark.parametrize("core", [(3000, 6000), (3001, 10_007), (20_000, 21_234)])
def test_a_block_with_its_halo_is_filtered_like_the_whole_recording(core):
    assert (
        edge_traces(with_slow_waves(40_000), core, preprocess.halo_samples(HZ, PARAMS.highpass_cutoff_hz), PARAMS)
        < 1e-3
    )


@pytest.mark.parametrize("cutoff_hz", [100.0, 10.0])
def test_the_halo_is_long_enough_for_a_lower_corner_too(cutoff_hz):
    """The slowest pole decays by exp(-pi cutoff t): the halo must grow as the corner falls."""
    params = PreprocessParams(highpass_cutoff_hz=cutoff_hz)
    halo = preprocess.halo_samples(HZ, cutoff_hz)
    assert edge_traces(with_slow_waves(150_000), (70_000, 73_000), halo, params) < 2e-3


def test_amplitude_response_is_that_of_a_butterworth_run_both_ways():
    impulse = np.zeros((1, 2**15), np.float32)
    impulse[0, 2**14] = 1.0
    ours = np.abs(np.fft.rfft(preprocess.highpass(impulse, HZ, 300.0, BACKEND)[0].astype(np.float64)))
    sos = signal.butter(3, 300.0, "highpass", fs=HZ, output="sos")
    theirs = np.abs(np.fft.rfft(signal.sosfiltfilt(sos, impulse[0].astype(np.float64))))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_zero_phase_a_symmetric_wave_stays_symmetric():
    t = np.arange(-3000, 3001)
    wave = np.exp(-((t / 10.0) ** 2)).astype(np.float32)[None]
    out = preprocess.highpass(wave, HZ, 300.0, BACKEND)[0]
    assert out.argmax() == 3000
    np.testing.assert_allclose(out, out[::-1], atol=1e-5)


def test_a_constant_channel_becomes_exactly_0():
    whole = with_slow_waves(6000).repeat(3, axis=0)
    whole[1] = 1234.567
    out = preprocess.highpass(whole, HZ, 300.0, BACKEND)
    assert not out[1].any()
    assert out[[0, 2]].all(axis=0).any()


def test_input_is_not_changed():
    raw = noise_uv(20)
    raw[100, 3] = np.nan
    fitted, _ = fit(raw, line_probe(20), range_uv=limits(20, 1e4))
    traces = np.ascontiguousarray(raw.T)
    before = traces.copy()
    preprocess.apply(preprocess.RawTraces(traces), fitted, BACKEND)
    np.testing.assert_array_equal(traces, before)


# Reference


def test_the_median_is_taken_per_shank():
    probe = line_probe(16, shanks=2)
    raw = noise_uv(32, mix=0.0)
    common = 100 * np.random.default_rng(1).standard_normal(len(raw)).astype(np.float32)
    raw[:, :16] += common[:, None]
    groups = reference_groups(probe, PARAMS)
    referenced = replace(preprocess.only_highpass(probe, HZ, PARAMS), referenced=groups)
    traces = apply(raw, referenced).uv
    assert groups.tolist() == [0] * 16 + [1] * 16
    assert np.abs(np.corrcoef(traces[:, 2000:-2000], common[2000:-2000])[-1, :-1]).max() < 0.1
    np.testing.assert_allclose(np.median(traces[:16], axis=0), 0, atol=1e-4)


@pytest.mark.parametrize(("n", "expected"), [(15, -1), (16, 0)])
def test_no_reference_below_sixteen_contacts(n, expected):
    assert set(reference_groups(line_probe(n), PARAMS)) == {expected}


def test_reference_off():
    assert set(reference_groups(line_probe(32), PreprocessParams(reference="none"))) == {-1}


# Bad contacts


def with_bad_contacts() -> np.ndarray:
    raw = noise_uv(24)
    raw[:, 5] = 1234.567
    raw[:, 6] *= 0.05
    raw[:, 17] *= 20
    return raw


def test_dead_and_noisy_contacts_are_left_out_with_a_note():
    fitted, notes = fit(with_bad_contacts(), line_probe(24))
    assert sorted(set(range(24)) - set(fitted.probe.channels.tolist())) == [5, 6, 17]
    assert "channels 5, 6" in notes[0]
    assert "dead" in notes[0]
    assert "channel 17" in notes[1]
    assert "noisy" in notes[1]


def test_interpolated_contacts_are_the_weighted_mean_of_their_good_neighbours():
    params = PreprocessParams(bad_contacts="interpolate", reference="none")
    fitted, _ = fit(with_bad_contacts(), line_probe(24), params)
    assert fitted.probe.n_contacts == 24
    uv = clean(with_bad_contacts(), fitted).uv
    weight = np.exp(-(np.array([3.0, 2, 1, 1, 2, 3]) ** 2))
    expected = weight @ uv[[14, 15, 16, 18, 19, 20]] / weight.sum()
    np.testing.assert_allclose(uv[17], expected, atol=1e-3)
    np.testing.assert_allclose(fitted.interpolation.sum(axis=1), 1, atol=1e-6)
    assert not fitted.interpolation[:, [5, 6, 17]].any()


def test_interpolation_never_crosses_shanks():
    probe = line_probe(4, shanks=2)
    bad = np.array([False, False, False, True, True, True, True, True])
    matrix = bad_contacts.interpolation_matrix(probe, bad)
    assert not matrix[3, 4:].any()
    assert not matrix[4:].any()


def test_all_contacts_kept_when_asked():
    fitted, notes = fit(with_bad_contacts(), line_probe(24), PreprocessParams(bad_contacts="keep"))
    assert fitted.probe.n_contacts == 24
    assert all("kept as asked" in note for note in notes)


@pytest.mark.parametrize("value", [0.0, 1234.567, -32768.0])
@pytest.mark.parametrize("n_contacts", [1, 2, 20])
def test_constant_recordings_become_exact_zeros(n_contacts, value):
    raw = np.full((20_000, n_contacts), value, np.float32)
    fitted, notes = fit(raw, line_probe(n_contacts))
    assert not clean(raw, fitted).white.any()
    assert "dead" in notes[0]


def test_one_constant_contact_of_two_is_dead():
    raw = noise_uv(2)
    raw[:, 1] = 1234.567
    assert fit(raw, line_probe(2))[0].probe.channels.tolist() == [0]


# NaN and infinities


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_values_that_are_not_numbers_are_counted_and_everything_stays_finite(value):
    raw = noise_uv(20)
    raw[15_000:15_005, 4] = value
    fitted, _ = fit(raw, line_probe(20))
    out = clean(raw, fitted)
    assert np.argwhere(out.why == Reason.NOT_FINITE).tolist() == [[4, t] for t in range(15_000, 15_005)]
    assert np.isfinite(out.white).all()
    assert np.isfinite(fitted.whitening).all()


def test_a_gap_of_nan_on_a_large_offset_makes_no_spike():
    """float files often carry an offset: reading the gap as 0 would be a step of 3 mV."""
    raw = noise_uv(20) + np.float32(3000)
    fitted, _ = fit(raw, line_probe(20))
    gap = raw.copy()
    gap[15_000:15_005, 4] = np.nan
    assert np.abs(clean(gap, fitted).white - clean(raw, fitted).white).max() < 8


def test_a_contact_of_nan_is_dead():
    raw = noise_uv(20)
    raw[:, 7] = np.nan
    fitted, notes = fit(raw, line_probe(20))
    assert 7 not in fitted.probe.channels
    assert "channel 7" in notes[0]


# Artifacts and saturation


@pytest.mark.parametrize(("raw_limit", "gain_uv"), [(32767, 0.195), (-32768, 0.195), (32767, 2.34375), (32767, 4.9)])
def test_saturated_samples_are_blanked_on_their_contact_at_any_gain(raw_limit, gain_uv):
    raw = np.random.default_rng(0).integers(-50, 150, (20_000, 20)).astype(np.int16)
    raw[9000:9030, 4] = raw_limit
    recording = Recording(
        lambda a, b: raw[a:b], len(raw), 20, HZ, gain_uv=gain_uv, range_raw=(-32768.0, 32767.0), name="test"
    )
    traces = recording.read_uv(0, len(raw), np.arange(20))
    fitted, _ = fit(traces, line_probe(20), range_uv=recording.range_uv(np.arange(20)))
    out = apply(traces, fitted)
    assert np.flatnonzero(out.blanked.any(axis=1)).tolist() == [4]
    assert np.flatnonzero(out.blanked[4]).tolist() == list(range(8985, 9045)), "with 0.5 ms on either side"
    assert not out.white[4, 9000:9030].any()
    assert np.abs(out.uv).max() < 8 * 58 * gain_uv


@pytest.mark.parametrize("gain_uv", np.random.default_rng(0).uniform(0.1, 5, 40).tolist())
def test_the_converters_limit_is_recognised_whatever_the_gain_rounds_to(gain_uv):
    raw = np.repeat(np.array([[32767], [-32768], [32700]], np.int16), 10, axis=0)
    recording = Recording(lambda a, b: raw[a:b], 30, 1, HZ, gain_uv=gain_uv, range_raw=(-32768.0, 32767.0))
    uv = np.ascontiguousarray(recording.read_uv(0, 30, np.array([0])).T)
    found = blanking.saturated(uv, (uv.min(), uv.max()), recording.range_uv(np.array([0])), HZ)
    assert found[0].tolist() == 20 * [True] + 10 * [False]


def test_a_contact_stuck_at_the_limit_does_not_blank_its_shank_when_it_is_interpolated():
    raw = noise_uv(20)
    raw[:, 5] = 6000.0
    params = PreprocessParams(bad_contacts="interpolate")
    fitted, _ = fit(raw, line_probe(20), params, limits(20, 6000.0))
    assert clean(raw, fitted).why is None


def test_the_reference_does_not_count_blanked_contacts():
    raw = noise_uv(20)
    raw += 200 * np.random.default_rng(1).standard_normal((len(raw), 1)).astype(np.float32)
    fitted, _ = fit(raw, line_probe(20), range_uv=limits(20, 6000.0))
    held = raw.copy()
    held[12_000:12_300, :8] = 6000.0
    out, without = clean(held, fitted), clean(raw, fitted)
    assert np.flatnonzero(out.blanked.any(axis=1)).tolist() == list(range(8))
    # The median of the other 12 differs from that of all by little, though 8 stand at one side.
    assert np.abs(out.uv - without.uv)[8:, 12_000:12_300].max() < 40
    held[12_000:12_300, :11] = 6000.0
    assert clean(held, fitted).blanked[:, 12_000:12_300].all(), "most are blanked, so there is no reference"


def test_an_artifact_in_the_blocks_that_are_learned_from_does_not_change_the_whitening():
    probe, params = line_probe(8), PreprocessParams(artifact_threshold_uv=500.0)
    quiet, loud = noise_uv(8), noise_uv(8)
    loud[15_000:15_030] += (5000 * np.sin(np.arange(30) / 30 * 2 * np.pi))[:, None].astype(np.float32)
    one = fit_blocks([quiet] * 4, probe, params)
    two = fit_blocks([loud, *[quiet] * 3], probe, params)
    np.testing.assert_allclose(two.whitening, one.whitening, atol=0.02 * np.abs(one.whitening).max())


# Whitening


def test_whitened_noise_has_unit_variance_and_no_correlation_between_neighbours():
    raw = noise_uv(24, 40_000, mix=0.6)
    params = PreprocessParams(reference="none")
    fitted, _ = fit(raw, line_probe(24), params)
    white = clean(raw, fitted).white[:, 1500:-1500]
    before = np.corrcoef(clean(raw, fitted).uv[:, 1500:-1500])
    after = np.corrcoef(white)
    assert np.abs(np.diag(before, 1)).min() > 0.3
    np.testing.assert_allclose(white.std(axis=1), 1, atol=0.02)
    assert np.abs(after - np.eye(24)).max() < 0.04


def test_whitening_is_local_and_never_crosses_shanks():
    probe = line_probe(12, shanks=2)
    raw = noise_uv(24)
    raw += 20 * np.random.default_rng(9).standard_normal((len(raw), 1)).astype(np.float32)
    fitted, _ = fit(raw, probe, PreprocessParams(whitening_range=4))
    used = fitted.whitening != 0
    assert not used[:12, 12:].any()
    assert not used[12:, :12].any()
    assert (used.sum(axis=1) == 4).all()
    assert np.flatnonzero(used[6]).tolist() in ([4, 5, 6, 7], [5, 6, 7, 8])


@pytest.mark.parametrize("factor", [2.0, 0.001, 1000.0])
def test_the_result_does_not_depend_on_the_gain(factor):
    raw = noise_uv(20)
    scaled = raw * np.float32(factor)
    one = clean(raw, fit(raw, line_probe(20))[0]).white
    two = clean(scaled, fit(scaled, line_probe(20))[0]).white
    np.testing.assert_allclose(two, one, atol=2e-3)


def test_noise_is_reported_in_uv():
    fitted, _ = fit(noise_uv(8, 60_000, mix=0.0), line_probe(8))
    np.testing.assert_allclose(fitted.noise_sd_uv, 10 * np.sqrt(1 - 300 / 15_000), rtol=0.03)


def test_one_block_and_one_contact_are_enough():
    fitted, _ = fit(noise_uv(1, 15_000), line_probe(1))
    white = clean(noise_uv(1, 15_000), fitted).white
    assert white.std() == pytest.approx(1.0, abs=0.05)


def test_the_halo_is_left_out_of_the_result():
    raw = noise_uv(20)
    fitted, _ = fit(raw, line_probe(20))
    whole, cut = apply(raw, fitted), apply(raw, fitted, 500)
    np.testing.assert_array_equal(cut.uv, whole.uv[:, 500:-500])
    np.testing.assert_allclose(cut.white, whole.white[:, 500:-500], atol=1e-6)
    assert cut.white.flags.c_contiguous


@pytest.mark.parametrize("n_contacts", [1, 31, 32, 33, 100])
def test_a_matrix_over_contacts_is_applied_in_parts(n_contacts):
    """Near its diagonal, all over, and with rows of zeros."""
    rng = np.random.default_rng(n_contacts)
    traces = rng.standard_normal((n_contacts, 50)).astype(np.float32)
    full = rng.standard_normal((n_contacts, n_contacts)).astype(np.float32)
    away = np.abs(np.arange(n_contacts)[:, None] - np.arange(n_contacts))
    for matrix in (full, np.where(away < 9, full, 0), np.where(away < 99, 0, full), np.zeros_like(full)):
        np.testing.assert_allclose(BACKEND.mix(traces, matrix), matrix @ traces, atol=1e-4)
