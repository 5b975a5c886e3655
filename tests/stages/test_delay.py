"""Contacts that a converter samples one after another are brought to one time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import BACKEND, HZ, line_probe

from spikesieve.engine.source import Source
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Recording
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.delay import N_TAPS, delay_taps

NEUROPIXELS_1 = np.arange(32) % 24 // 2 / 13


def waves(n_samples: int, at_samples: np.ndarray, n_waves: int = 40, up_to_hz: float = 9_000.0) -> np.ndarray:
    """The sum of waves of 400 Hz to 9 kHz at times given in samples, of some 100 uV."""
    rng = np.random.default_rng(1)
    hz, phase = rng.uniform(400, up_to_hz, n_waves), rng.uniform(0, 2 * np.pi, n_waves)
    t = (np.arange(n_samples)[:, None] + at_samples) / HZ
    return 16 * sum(np.sin(2 * np.pi * f * t + p) for f, p in zip(hz, phase, strict=True))


def recorded(delays: np.ndarray, n_samples: int = 20_000) -> Recording:
    """All contacts at one voltage, each sampled with its delay."""
    samples = waves(n_samples, delays).astype(np.float32)
    return replace(recording_from_array(samples, HZ, 1.0), delay_samples=delays)


def source_of(recording: Recording, block_samples: int = 20_000, **params: str) -> Source:
    return Source.of(recording, line_probe(recording.n_channels), PreprocessParams(**params), block_samples)


def clean(source: Source) -> np.ndarray:
    return np.concatenate([source.clean(block, 0, BACKEND).uv for block in source.blocks], axis=1)


def test_what_all_contacts_share_is_the_same_on_all_of_them_again():
    as_recorded = clean(source_of(recorded(NEUROPIXELS_1), delays="keep"))
    corrected = clean(source_of(recorded(NEUROPIXELS_1)))
    at_once = clean(source_of(recorded(np.zeros(32))))
    inside = slice(1_000, -1_000)  # the ends of a recording are continued in another way
    assert np.abs(as_recorded - at_once)[:, inside].max() > 50
    assert np.abs(corrected - at_once)[:, inside].max() < 0.3
    np.testing.assert_array_equal(corrected[0], at_once[0])  # the first contact is not late


def test_it_is_exact_where_blocks_meet():
    source = source_of(recorded(NEUROPIXELS_1))
    np.testing.assert_allclose(clean(replace(source, block_samples=1_777)), clean(source), atol=1e-3)


def test_blanked_samples_stay_blanked_and_have_no_effect_beside_them():
    recording = recorded(NEUROPIXELS_1)
    wrong = recording.read(0, recording.n_samples).copy()
    wrong[9_000:9_100] = np.nan
    out = source_of(replace(recording_from_array(wrong, HZ, 1.0), delay_samples=NEUROPIXELS_1))
    found = out.clean(out.blocks[0], 0, BACKEND)
    assert found.blanked[:, 9_000:9_100].all()
    assert np.isfinite(found.uv).all()
    far = slice(9_700, -20)
    np.testing.assert_allclose(found.uv[:, far], clean(source_of(recording))[:, far], atol=1.0)


def test_the_setting_is_part_of_what_a_recording_is_known_by():
    at_once = recorded(np.zeros(32))
    assert replace(at_once, delay_samples=NEUROPIXELS_1).fingerprint() != at_once.fingerprint()


@pytest.mark.parametrize("hz", [300.0, 3_000.0, 10_000.0])
def test_the_taps_delay_every_frequency_of_spikes_by_their_amount(hz):
    delays = np.arange(1, 16) / 16
    w = 2 * np.pi * hz / HZ
    response = delay_taps(delays) @ np.exp(1j * w * (np.arange(N_TAPS) - N_TAPS // 2))
    np.testing.assert_allclose(response, np.exp(-1j * w * delays), atol=1.5e-3)


def test_a_recording_whose_contacts_are_sampled_at_once_has_no_taps():
    assert delay_taps(np.zeros(4)) is None


def test_what_is_filtered_already_is_not_filtered_again():
    recording = recorded(np.zeros(32))
    left_alone = clean(source_of(replace(recording, is_filtered=True)))
    np.testing.assert_array_equal(left_alone, recording.read(0, recording.n_samples).T)
