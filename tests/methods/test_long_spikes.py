"""A neuron whose spikes last longer than 2 ms is one unit, at the time of its trough."""

from __future__ import annotations

import numpy as np
from tiny import HZ, refractory_train

import spikesieve

SECONDS, N_CONTACTS = 30.0, 4
LAGS = np.arange(-60, 120)


def recording() -> tuple[np.ndarray, np.ndarray]:
    """One neuron in noise: a trough, a hump 1.2 ms later that is as large, and a bump 1 ms before. Traces and times."""
    rng = np.random.default_rng(0)
    sample = refractory_train(8.0, SECONDS, rng)
    sample = sample[(sample > 100) & (sample < SECONDS * HZ - 200)]
    bumps = ((0, 8, -400), (36, 16, 250), (-30, 10, 90))
    spike = sum(uv * np.exp(-(((LAGS - at) / width) ** 2) / 2) for at, width, uv in bumps)
    traces = rng.standard_normal((round(SECONDS * HZ), N_CONTACTS)) * 10
    for t in sample:
        traces[t + LAGS[0] : t + LAGS[-1] + 1] += np.outer(spike * rng.normal(1, 0.05), [0.3, 1.0, 0.5, 0.1])
    return np.round(traces / 0.5).astype(np.int16), sample


def test_a_neuron_with_long_spikes_is_one_unit():
    raw, sample = recording()
    source = spikesieve.recording_from_array(raw, HZ, 0.5)
    found, short, all_short = (
        spikesieve.sort(source, "linear:4:25", settings)
        for settings in (
            {},
            {"shapes.waveform_samples": 61},
            {"shapes.waveform_samples": 61, "curate.max_coincident_share": 1.0},
        )
    )
    assert len(found.units) == len(short.units) == 1
    assert found.templates.uv.shape[1] > 61
    late = np.abs(found.spike_train(found.unit_ids[0])[:, None] - sample).min(axis=0)
    assert (late <= 3).mean() > 0.97
    assert len(all_short.units) > 1
    assert any("echo" in note for note in short.notes)
    assert max(unit.echo_share or 0.0 for unit in all_short.units) > 0.9
