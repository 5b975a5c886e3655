"""Artifacts are what no neuron does; they are blanked while they last, and neurons are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import BACKEND, HZ

from spikesieve.model import Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages import preprocess
from spikesieve.stages.artifacts import ArtifactTest, bends, common_pieces
from spikesieve.stages.preprocess import RawTraces, only_highpass
from spikesieve.stages.reference import reference_groups

N = 15_000


def line(n: int, pitch_um: float = 25.0) -> Probe:
    y = np.arange(n) * pitch_um
    return Probe(np.stack([np.zeros(n), y], axis=1), np.arange(n), np.zeros(n, np.int64))


def tetrodes(n: int, apart_um: float = 300.0) -> Probe:
    x = np.repeat(np.arange(n) * apart_um, 4) + np.tile([0.0, 20.0, 0.0, 20.0], n)
    y = np.tile([0.0, 0.0, 20.0, 20.0], n)
    return Probe(np.stack([x, y], axis=1), np.arange(4 * n), np.repeat(np.arange(n), 4))


def preprocessed(uv: np.ndarray, probe: Probe, params: PreprocessParams | None = None, reference: bool = True):
    params = params or PreprocessParams()
    alone = only_highpass(probe, HZ, params)
    groups = reference_groups(probe, params) if reference else alone.referenced
    noise = np.full(probe.n_contacts, 10.0, np.float32)
    test = ArtifactTest(noise, common_pieces(probe))
    fitted = replace(alone, artifact_test=test, referenced=groups)
    return preprocess.apply(RawTraces(uv), fitted, BACKEND)


def noise(n_contacts: int, seed: int = 0) -> np.ndarray:
    return 10 * np.random.default_rng(seed).standard_normal((n_contacts, N)).astype(np.float32)


def spike(peak_uv: float, centre_um: float, probe: Probe, decay_um: float = 40.0) -> np.ndarray:
    """A biphasic spike of 1 ms: (n_contacts, 30) float32."""
    t = np.arange(30) - 10
    shape = -np.exp(-((t / 3.0) ** 2)) + 0.3 * np.exp(-(((t - 9) / 5.0) ** 2))
    size = np.exp(-np.abs(probe.positions_um[:, 1] - centre_um) / decay_um)
    return (peak_uv * size[:, None] * shape).astype(np.float32)


def pulse(tail_ms: float = 5.0, peak_uv: float = 3000.0) -> np.ndarray:
    tail = -np.exp(-np.arange(900) / (tail_ms * HZ / 1e3)) / 3
    return (peak_uv * np.concatenate([np.ones(6), -np.ones(6), tail])).astype(np.float32)


def test_a_line_has_no_bend():
    assert np.abs(bends(np.arange(50.0)[None], 5)[:, 5:-5]).max() < 1e-5


def test_pieces_are_longer_than_a_spike_reaches():
    assert (common_pieces(line(8)) == -1).all(), "175 um"
    assert (common_pieces(line(16)) == 0).all(), "375 um"
    assert common_pieces(line(64)).max() == 1, "1575 um"
    assert (common_pieces(tetrodes(1)) == -1).all()
    assert (common_pieces(tetrodes(2)) == -1).all(), "two neurons may fire at once"
    assert (common_pieces(tetrodes(4)) == 0).all()


@pytest.mark.parametrize("probe", [line(16), line(64), tetrodes(4)], ids=["line 16", "line 64", "tetrodes"])
def test_a_pulse_with_a_tail_is_blanked_and_leaves_nothing_beside_it(probe):
    plain = noise(probe.n_contacts)
    uv = plain.copy()
    size = np.random.default_rng(1).uniform(0.5, 1.5, probe.n_contacts)
    uv[:, 7000:7912] += (size[:, None] * pulse()).astype(np.float32)
    out, expected = preprocessed(uv, probe), preprocessed(plain, probe)
    assert out.blanked[:, 7000:7012].all()
    assert out.blanked.sum(axis=1).max() < 0.004 * HZ, "less than 4 ms, although the tail lasts 20"
    assert np.abs(out.uv - expected.uv)[~out.blanked].max() < 30
    assert expected.why is None


def test_spikes_are_no_artifacts_however_large_and_synchronous():
    probe = line(16)
    uv = noise(16)
    for k in range(100):
        uv[:, 100 * k + 1000 : 100 * k + 1030] += spike(1000.0, 12.5 * (k % 30), probe)
    uv[:, 12_000:12_030] += spike(500.0, 60.0, probe) + spike(500.0, 310.0, probe)
    assert preprocessed(uv, probe).why is None
    one = tetrodes(1)
    uv = noise(4)
    uv[:, 5000:5030] += spike(1500.0, 10.0, one, 200.0)
    assert preprocessed(uv, one).why is None


def test_what_the_reference_removes_is_not_blanked():
    probe = line(32)
    uv = noise(32)
    lick = 400 * np.sin(np.arange(1500) / HZ * 2 * np.pi * 600) * np.hanning(1500)
    uv[:, 6000:7500] += lick.astype(np.float32)
    assert preprocessed(uv, probe).why is None
    assert preprocessed(uv, probe, reference=False).why is not None
    uv[:, 6000:7500] *= np.linspace(0.5, 1.5, 32, dtype=np.float32)[:, None]
    assert preprocessed(uv, probe).why is not None


def test_the_users_threshold_sees_what_is_common_and_works_on_a_tetrode():
    probe = tetrodes(1)
    uv = noise(4)
    uv[:, 7000:7030] += 1000.0
    assert preprocessed(uv, probe).why is None
    out = preprocessed(uv, probe, PreprocessParams(artifact_threshold_uv=500.0))
    assert out.blanked[:, 7000:7030].all()
    assert out.blanked.any(axis=0).sum() < 30 + 90


def test_an_artifact_of_half_a_long_shank_leaves_the_other_half():
    probe = line(64)
    uv = noise(64)
    uv[:24, 7000:7912] += pulse() * np.linspace(0.6, 1.4, 24, dtype=np.float32)[:, None]
    out = preprocessed(uv, probe)
    assert out.blanked[:24, 7000:7012].all()
    assert not out.blanked[32:].any()


def test_the_recovery_of_the_amplifier_is_blanked_with_the_saturated_stretch():
    probe = line(16)
    uv = noise(16)
    uv[5, 7000:7060] = 5000.0
    uv[5, 7060:7150] += np.linspace(3000, 0, 90, dtype=np.float32) * np.sin(np.arange(90) / 3)
    alone = only_highpass(probe, HZ, PreprocessParams(), (np.full(16, -5000.0), np.full(16, 5000.0)))
    test = ArtifactTest(np.full(16, 10.0, np.float32), common_pieces(probe))
    out = preprocess.apply(RawTraces(uv), replace(alone, artifact_test=test), BACKEND)
    assert np.flatnonzero(out.blanked.any(axis=1)).tolist() == [5]
    assert out.blanked[5, 7000:7140].all()
    assert out.blanked[5].sum() < 60 + 90 + 45


def test_given_times_are_blanked_exactly():
    probe = line(16)
    given = np.zeros(N, bool)
    given[3000:3050] = True
    out = preprocess.apply(RawTraces(noise(16), given=given), only_highpass(probe, HZ, PreprocessParams()), BACKEND)
    np.testing.assert_array_equal(out.blanked, np.broadcast_to(given, out.uv.shape))
