"""Waveforms are summed where their spikes are, on the contacts of their unit, and measured in uV."""

from __future__ import annotations

import numpy as np
import tiny

from spikesieve.model import Templates
from spikesieve.settings.units import UnitsParams
from spikesieve.stages.waveforms import WaveformSums, add_waveforms, best_columns, near_contacts, peak_to_peak_uv


def test_near_contacts_start_with_the_best_one_and_stay_on_its_shank():
    probe = tiny.line_probe(6, shanks=2)
    params = UnitsParams(waveform_contacts=4, waveform_radius_um=45.0)
    contacts = near_contacts(np.array([5, 8]), probe, params)
    assert contacts.tolist() == [[5, 4, 3, -1], [8, 7, 9, 6]]
    assert near_contacts(np.empty(0, np.int64), probe, params).shape == (0, 4)


def test_sums_of_waveforms_are_those_of_their_spikes():
    traces = np.random.default_rng(0).standard_normal((3, 200)).astype(np.float32)
    sample, unit = np.array([50, 60, 120, 150]), np.array([0, 2, 0, 0])
    contacts = np.array([[0, 2], [1, -1], [1, -1]])
    found = WaveformSums.zeros(3, 13, 2)
    found.add(add_waveforms(traces, sample, unit, contacts, (5, 8)))
    assert found.counts[:, 0, 0].tolist() == [3, 0, 1]
    expected = sum(traces[[0, 2], t - 5 : t + 8].T.astype(np.float64) for t in (50, 120, 150))
    np.testing.assert_allclose(found.sums[0], expected)
    assert not found.sums[1].any()
    np.testing.assert_allclose(found.sums[2][:, 0], traces[1, 55:68])
    assert not found.sums[2][:, 1].any()
    single = np.stack([traces[[0, 2], t - 5 : t + 8].T for t in (50, 120, 150)])
    np.testing.assert_allclose(found.sd[0], single.std(axis=0, ddof=1), rtol=1e-5)
    assert np.isnan(found.sd[2]).all()
    assert found.n_spikes.tolist() == [3, 0, 1]


def test_peak_to_peak_is_measured_where_the_energy_is_largest():
    uv = np.zeros((2, 5, 3), np.float32)
    uv[0, :, 1], uv[0, 2, 2] = [0, -40, 30, 20, 10], -50
    uv[1, 1, 0] = 7
    templates = Templates(uv, np.array([[4, 5, 6], [1, 2, -1]]), 1)
    assert best_columns(templates).tolist() == [1, 0]
    assert peak_to_peak_uv(templates).tolist() == [70, 7]
    assert len(peak_to_peak_uv(Templates(uv[:0], templates.contacts[:0], 1))) == 0
