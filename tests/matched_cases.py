"""Spikes as matching hands them over, of neurons with known footprints and spike trains."""

from __future__ import annotations

import numpy as np
import tiny
from tiny import TIME, refractory_train

from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import RefinedUnits, final_assignment
from spikesieve.stages.sieve.learning import learn_units

SHAPES = tiny.textbook_shapes()
N_CONTACTS, SECONDS = 8, 100.0
FIT, REFINE = FitParams(), RefineParams()


def footprint(centre: float, size: float, shape: int, spread: float = 1.5) -> np.ndarray:
    """(n_contacts, n_pcs) of the given norm."""
    weight = np.exp(-(((np.arange(N_CONTACTS) - centre) / spread) ** 2))
    scores = weight[:, None] * SHAPES.templates[shape]
    return size * scores / np.linalg.norm(scores)


def spikes_of(units: list[np.ndarray], trains: list[np.ndarray], source: list[int], least: float = 4.5, seed: int = 0):
    """What matching hands over: every unit's spikes under the source that found them; their true units."""
    rng = np.random.default_rng(seed)
    sample = np.concatenate(trains)
    truth = np.repeat(np.arange(len(trains)), [len(t) for t in trains])
    order = np.argsort(sample, kind="stable")
    sample, truth = sample[order], truth[order]
    amplitude = rng.normal(1.0, 0.1, len(sample))
    x = amplitude[:, None, None] * np.stack(units)[truth] + rng.standard_normal((len(sample), *units[0].shape))
    own = np.stack([u / np.linalg.norm(u) for u in units])[truth]
    excess = (x * own).sum(axis=(1, 2)) - least
    contacts = np.tile(np.arange(N_CONTACTS), (max(source) + 1, 1))
    found = excess > 0
    matched = DescribedSpikes(
        sample[found],
        np.array(source, np.int32)[truth[found]],
        x[found].astype(np.float32),
        excess[found].astype(np.float32),
        amplitude[found].astype(np.float32),
        np.ones(found.sum(), np.float32),
        contacts,
        np.stack([units[source.index(k)] for k in range(max(source) + 1)]).astype(np.float32),
        SHAPES.pcs,
        TIME,
        SECONDS,
    )
    return matched, truth[found]


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, SECONDS, np.random.default_rng(seed))


def refined(matched: DescribedSpikes, params: RefineParams = REFINE) -> RefinedUnits:
    return final_assignment(matched, learn_units(matched, FIT, params).means, FIT, params)


def confusion(truth: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Spikes of each true unit (rows) in each unit (columns)."""
    counts = np.zeros((truth.max() + 1, unit.max() + 1), np.int64)
    np.add.at(counts, (truth[unit >= 0], unit[unit >= 0]), 1)
    return counts
