"""Results of a few refractory neurons, each in a unit, or two in one, or one in two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.curation.actions import Membership
from spikesieve.views.result import Result

SECONDS, HZ = 120, 30_000


def refractory_train(rng: np.random.Generator, rate_hz: float) -> np.ndarray:
    gaps_s = 0.004 + rng.exponential(1 / rate_hz - 0.004, int(2 * SECONDS * rate_hz))
    times = np.cumsum(gaps_s)
    return (times[times < SECONDS] * HZ).astype(np.int64)


def neurons(unit_of_neuron: list[int], halves: bool = False) -> Result:
    """A result with refractory neurons, each in a unit; with `halves` the spikes of the first are in units 0 and 1."""
    rng = np.random.default_rng(3)
    sorting = make_sorting(max(unit_of_neuron) + 1 + halves, 500)
    trains = [refractory_train(rng, 20.0) for _ in unit_of_neuron]
    sample = np.concatenate(trains)
    neuron = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    order = np.argsort(sample, kind="stable")
    sample, neuron = sample[order], neuron[order]
    unit = np.array(unit_of_neuron)[neuron] + halves * (neuron > 0)
    if halves:
        unit = np.where(neuron == 0, rng.integers(0, 2, len(unit)), unit)
    # Neurons of one unit differ in amplitude.
    amplitude = rng.normal(60 + 60 * neuron, 6).astype(np.float32)
    result = of_sorting(sorting, "made-up")
    time = replace(result.time, segments=((0, SECONDS * HZ),))
    ids = range(int(unit.max()) + 1)
    return replace(
        result,
        sample=sample,
        template=np.where(unit <= 1, 0, unit).astype(np.int32) if halves else unit.astype(np.int32),
        units=Membership.of_spikes(unit, ids, len(ids)),
        amplitude=amplitude,
        position_um=np.zeros((len(sample), 2), np.float32),
        time=time,
        sorting=None,
        features=None,
        described={},
    )
