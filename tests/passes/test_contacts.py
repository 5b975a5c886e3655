"""Lines of interference are looked for outside artifacts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny import BACKEND, HZ, line_probe

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.passes.contacts import Contacts, survey_contacts
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.settings.preprocess import PreprocessParams

N_CONTACTS, SECONDS = 20, 4


def pulses() -> np.ndarray:
    """40 biphasic pulses of 3 mV and 2 ms a second, with tails: (n_samples, 1)."""
    pulse = 3000 * np.concatenate([np.ones(30), -np.ones(30), -0.3 * np.exp(-np.arange(300) / 60)])
    train = np.zeros(round(SECONDS * HZ))
    train[375::750] = 1.0
    return np.convolve(train, pulse)[: len(train), None]


def source_of(uv: np.ndarray) -> Source:
    recording = recording_from_array(np.rint(uv).astype(np.int16), HZ, 1.0)
    return Source.of(recording, line_probe(N_CONTACTS), PreprocessParams(), 30_000)


def contacts_of(uv: np.ndarray, folder: Path) -> Contacts:
    source = source_of(uv)
    with ThreadPoolExecutor(1) as pool:
        return survey_contacts(Run(pool, BACKEND, Store.open(folder)), source)


def disturbed(line_uv: float) -> np.ndarray:
    """Noise of 10 uV, pulses on all contacts, and a line of 1234 Hz on contacts 3 and 4."""
    rng = np.random.default_rng(0)
    size = rng.uniform(0.5, 1.5, N_CONTACTS)
    uv = 10 * rng.standard_normal((round(SECONDS * HZ), N_CONTACTS)) + size * pulses()
    uv[:, 3:5] += line_uv * np.sin(2 * np.pi * 1234 / HZ * np.arange(len(uv)))[:, None]
    return uv


def test_a_train_of_pulses_is_no_comb_of_lines(tmp_path):
    contacts = contacts_of(disturbed(0.0), tmp_path)
    assert contacts.lines is None
    assert contacts.measured.sd_uv == pytest.approx(np.full(N_CONTACTS, 10.0), rel=0.1)


def test_a_line_that_goes_on_between_pulses_is_found_alone(tmp_path):
    contacts = contacts_of(disturbed(60.0), tmp_path)
    assert contacts.lines.hz == pytest.approx([1234.0], abs=0.2)
    assert contacts.measured.sd_uv == pytest.approx(np.full(N_CONTACTS, 10.0), rel=0.1)
    assert contacts.disturbed_sd_uv[3] > 40


def test_a_strong_tone_on_all_contacts_is_removed_and_not_blanked_as_an_artifact_that_lasts_for_ever(tmp_path):
    """The common reference cannot remove it: its phase differs from contact to contact."""
    rng = np.random.default_rng(0)
    t = np.arange(round(SECONDS * HZ))[:, None] / HZ
    clean = 10 * rng.standard_normal((len(t), N_CONTACTS))
    tone = 300 * np.sin(2 * np.pi * 1000 * t + rng.uniform(0, 2 * np.pi, N_CONTACTS))
    source = source_of(clean + tone)
    with ThreadPoolExecutor(1) as pool:
        fitted = fit_preprocessing(Run(pool, BACKEND, Store.open(tmp_path)), source, PreprocessParams())
    cleaned = source.with_preprocessing(fitted).clean(source.sample_blocks[1], 0, BACKEND)
    assert cleaned.blanked is None
    assert cleaned.uv.std() < 11
