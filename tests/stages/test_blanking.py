"""What cannot be used is found and filled without a step; what can be used is left."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import HZ

from spikesieve.model import Reason, join_blanked
from spikesieve.stages import blanking

N = 12_000


def noise(n_contacts: int = 8, sd: float = 4.0, seed: int = 0) -> np.ndarray:
    """Whole numbers, as a converter gives them: (n_contacts, N) float32."""
    rng = np.random.default_rng(seed)
    return np.rint(sd * rng.standard_normal((n_contacts, N))).astype(np.float32)


def test_runs_and_their_mask_belong_together():
    mask = np.random.default_rng(0).random((5, 40)) < 0.6
    mask[2] = False
    np.testing.assert_array_equal(blanking.mask_of(blanking.runs(mask), mask.shape), mask)


@pytest.mark.parametrize("sd", [0.3, 1.0, 4.0])
def test_noise_is_not_silent_however_coarse_the_converter(sd):
    assert blanking.silent(noise(16, sd), HZ) is None


@pytest.mark.parametrize("value", [0.0, 37.0])
@pytest.mark.parametrize(("start", "stop"), [(0, 100), (5000, 5040), (7001, 9113), (N - 50, N)])
def test_a_contact_that_repeats_a_value_is_silent_for_that_time(value, start, stop):
    uv = noise()
    uv[3, start:stop] = value
    expected = np.zeros(uv.shape, bool)
    expected[3, start:stop] = True
    # A neighbour of the stretch may have the same value by chance.
    wrong = blanking.silent(uv, HZ) != expected
    assert wrong.sum() <= 2


def test_lost_packets_of_a_few_samples_are_found_on_all_contacts():
    uv = noise(16)
    uv[:, 4000:4012] = 0.0
    found = blanking.silent(uv, HZ)
    assert found[:, 4000:4012].all()
    assert found.sum() < 16 * 14


@pytest.mark.parametrize("n_contacts", [1, 2, 3])
def test_few_contacts_and_short_blocks_are_no_packets(n_contacts):
    assert blanking.silent(noise(n_contacts), HZ) is None
    assert blanking.silent(noise(n_contacts)[:, :1], HZ) is None


def test_the_peak_of_a_clipped_spike_is_kept_and_a_longer_stretch_is_saturated():
    uv = noise()
    uv[2, 3000:3008] = uv[2, 6000:6020] = -100.0
    limits = np.full(8, -100.0), np.full(8, 100.0)
    found = blanking.saturated(uv, (uv.min(), uv.max()), limits, HZ)
    assert np.argwhere(found).tolist() == [[2, t] for t in range(6000, 6020)]
    uv[2, 6000:6020] = 0.0
    assert blanking.saturated(uv, (uv.min(), uv.max()), limits, HZ) is None


def test_values_that_are_not_finite_have_their_reason():
    uv = noise()
    uv[1, 50], uv[4, 70] = np.nan, np.inf
    why = blanking.unusable(uv, None, HZ)
    assert np.argwhere(why).tolist() == [[1, 50], [4, 70]]
    assert set(why[why > 0]) == {Reason.NOT_FINITE}


def test_intervals_of_blocks_are_joined_across_their_border():
    why = np.zeros((4, 100), np.uint8)
    why[:2, 40:60] = Reason.ARTIFACT
    why[3, 90:95] = Reason.SILENT
    whole = blanking.blanked_of_block(why, 0, 1000, 100)
    parts = [blanking.blanked_of_block(why[:, a : a + 50], 0, 1000 + a, 50) for a in (0, 50)]
    joined = join_blanked(parts)
    for one in (whole, joined):
        assert one.start.tolist() == [1040, 1090]
        assert one.stop.tolist() == [1060, 1095]
        assert one.share.tolist() == [0.5, 0.25]
        assert one.n_samples == 100
    assert whole.share_of(whole.of(Reason.ARTIFACT)) == pytest.approx(0.1)
    assert len(blanking.blanked_of_block(None, 0, 0, 100)) == 0


def test_a_spike_is_hidden_as_far_as_its_energy_is_blanked_on_one_contact():
    blanked = np.zeros((4, 100), bool)
    blanked[2, 50] = True
    energy = np.zeros(30, np.float32)
    energy[10], energy[15] = 0.8, 0.2
    contacts = np.array([[1, 2], [0, 1], [2, -1], [2, 3]])
    found = blanking.hidden_share(blanked, contacts, np.array([45, 45, 50, 70]), energy, 10)
    np.testing.assert_allclose(found, [0.2, 0.0, 0.8, 0.0])
