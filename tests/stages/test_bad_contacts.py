"""Bad contacts: each kind is recognised and named, good contacts stay, one copy stays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from tiny import BACKEND, HZ, line_probe

from spikesieve.model import Probe
from spikesieve.stages import bad_contacts, preprocess
from spikesieve.stages.contact_statistics import contact_statistics, pooled
from spikesieve.stages.preprocess import PreprocessParams

N_CONTACTS, N_SAMPLES = 12, 30_000
PARAMS = PreprocessParams()


def tissue(seed: int = 0, n_samples: int = 2 * N_SAMPLES) -> np.ndarray:
    """Noise that neighbours share in part, and a neuron of 300 uV beside contact 5: (n_samples, 12) in uV."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n_samples, N_CONTACTS + 1))
    uv = 10 * (white[:, 1:] + 0.5 * white[:, :-1])
    spike = -np.exp(-(((np.arange(60) - 20) / 5) ** 2))
    size = 300 * np.exp(-np.abs(np.arange(N_CONTACTS) - 5))
    for at in rng.integers(0, n_samples - 60, n_samples // 1500):
        uv[at : at + 60] += spike[:, None] * size
    return uv


def telegraph(rng: np.random.Generator, n: int) -> np.ndarray:
    """Steps of 3 mV, up and down, 20 a second: a loose contact."""
    level = np.zeros(n)
    level[rng.integers(0, n, n // 1500)] = 1
    return 3000 * (np.cumsum(level) % 2)


def decaying(rng: np.random.Generator, n: int) -> np.ndarray:
    """Pulses of 1 mV that decay in 2 ms."""
    at = np.zeros(n)
    at[rng.integers(0, n, n // 1500)] = 1000 * rng.choice([-1, 1], n // 1500)
    return np.convolve(at, np.exp(-np.arange(600) / 60))[:n]


def statistics_of(traces_uv: np.ndarray, why: np.ndarray | None):
    """Of the traces, 0 where they are blanked."""
    return contact_statistics(traces_uv if why is None else np.where(why > 0, np.float32(0), traces_uv), HZ, why)


def notes_on(uv: np.ndarray, probe: Probe, params: PreprocessParams = PARAMS):
    """The preprocessing from the two halves of a recording, and its notes as one text."""
    only = preprocess.only_highpass(probe, HZ, params)
    halves = [preprocess.RawTraces(half.T.astype(np.float32).copy()) for half in np.array_split(uv, 2)]
    measured = pooled(statistics_of(*preprocess.filtered(half, only, BACKEND)) for half in halves)
    draft = bad_contacts.without_bad_contacts(measured, probe, HZ, None, params)
    return draft, "\n".join(draft.notes)


def left_out(draft: preprocess.Preprocessing) -> list[int]:
    return sorted(set(range(N_CONTACTS)) - set(draft.probe.channels.tolist()))


@pytest.mark.parametrize("seed", range(3))
def test_good_contacts_stay(seed):
    draft, notes = notes_on(tissue(seed), line_probe(N_CONTACTS))
    assert left_out(draft) == []
    assert notes == ""


@pytest.mark.parametrize("pops", [telegraph, decaying])
def test_a_popping_contact_is_left_out_and_a_neuron_is_not(pops):
    uv = tissue()
    uv[:, 8] += pops(np.random.default_rng(1), len(uv))
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == [8]
    assert "channel 8 was left out" in notes
    assert "popping" in notes


def test_on_a_sparse_probe_no_contact_can_be_popping():
    uv = tissue()
    uv[:, 8] += decaying(np.random.default_rng(1), len(uv))
    assert left_out(notes_on(uv, line_probe(N_CONTACTS, 100.0))[0]) == []


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_a_contact_that_is_silent_for_a_part_of_the_time_is_left_out_for_that_time_only(share):
    """What has no signal is blanked. The units near the contact are seen for the rest of the time."""
    uv = tissue()
    uv[: round(share * len(uv)), 3] = -1234.0
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == []
    assert f"channel 3 was without signal for {share:.0%} of the time: only that is left out" in notes


def test_a_contact_that_is_weak_for_a_part_of_the_time_is_left_out():
    uv = tissue()
    uv[: round(0.3 * len(uv)), 3] *= 0.02
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == [3]
    assert "no signal) for 30% of the time" in notes


def test_short_failures_in_every_second_add_up():
    uv = tissue()
    for start in range(0, len(uv), 12_000):
        uv[start : start + 6000, 3] = 0.0
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == []
    assert "channel 3 was without signal for 50% of the time" in notes


def test_a_contact_that_is_noisy_for_a_third_of_the_time_is_left_out():
    uv = tissue()
    uv[:20_000, 3] += 100 * np.random.default_rng(2).standard_normal(20_000)
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == [3]
    assert "noisy" in notes


def test_silence_and_noise_of_the_whole_shank_is_no_fault_of_a_contact():
    uv = tissue()
    uv[:20_000] = 0.0
    uv[20_000:30_000] *= 10
    assert left_out(notes_on(uv, line_probe(N_CONTACTS))[0]) == []


def test_of_copies_the_one_in_its_place_stays():
    uv = tissue()
    uv[:, 2] = 0.5 * uv[:, 9]
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert left_out(draft) == [2]
    assert "File channels 2, 9 carry the same signal: file channel 2 was left out." in notes


def test_channels_that_are_wired_together_are_recognised_through_the_noise_of_their_amplifiers():
    uv = tissue()
    uv[:, 4:8] = uv[:, 4:8].mean(axis=1, keepdims=True) + np.random.default_rng(3).standard_normal((len(uv), 4))
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert len(left_out(draft)) == 3
    assert "File channels 4 to 7 carry the same signal" in notes


def test_if_all_contacts_are_the_same_one_stays():
    uv = tissue()
    uv[:] = uv[:, :1]
    draft, notes = notes_on(uv, line_probe(N_CONTACTS))
    assert draft.probe.n_contacts == 1
    assert "File channels 0 to 11 carry the same signal" in notes


def test_noise_that_all_contacts_share_makes_no_copies():
    uv = tissue() + 300 * np.random.default_rng(4).standard_normal((2 * N_SAMPLES, 1))
    assert left_out(notes_on(uv, line_probe(N_CONTACTS))[0]) == []


def test_neighbours_on_a_dense_probe_are_no_copies():
    uv = gaussian_filter1d(10 * np.random.default_rng(0).standard_normal((2 * N_SAMPLES, N_CONTACTS)), 3.0, axis=1)
    assert np.corrcoef(uv.T)[5, 6] > 0.95
    assert left_out(notes_on(uv, line_probe(N_CONTACTS))[0]) == []


def test_shanks_are_judged_apart():
    probe = line_probe(6, shanks=2)
    uv = tissue()
    uv[:, 6:] *= 20
    uv[:, 9] *= 0.01
    assert left_out(notes_on(uv, probe)[0]) == [9]


def test_popping_contacts_are_interpolated_when_asked():
    uv = tissue()
    uv[:, 8] += telegraph(np.random.default_rng(1), len(uv))
    draft, notes = notes_on(uv, line_probe(N_CONTACTS), PreprocessParams(bad_contacts="interpolate"))
    assert draft.probe.n_contacts == N_CONTACTS
    assert draft.interpolation is not None
    assert draft.interpolation[8, 8] == 0
    assert "interpolated" in notes
