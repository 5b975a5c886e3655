"""Located spikes of simulated neurons on a line whose tissue drifts, for the tests of the drift estimation."""

from __future__ import annotations

import numpy as np

from spikesieve.stages.motion.estimate import MotionSpikes
from spikesieve.stages.motion.raster import BinnedSpikes, bin_spikes
from spikesieve.stages.motion.time_bins import TimeBins, time_bins

HZ = 30_000.0
SECONDS = 80.0
HEIGHT_UM = 620.0


def still(time_s, depth_um):
    return np.zeros_like(time_s)


def zigzag(time_s, depth_um):
    return 20 * np.abs((time_s / 40) % 1 - 0.5) - 5


def jump(time_s, depth_um):
    return 15.0 * (time_s > 33.3)


def leaning(time_s, depth_um):
    return zigzag(time_s, depth_um) * 2 * (depth_um / HEIGHT_UM)


def spikes_of(moved, seconds=SECONDS, n_neurons=40, rate_hz=4.0, noise_um=4.0, seed=0, rates=None):
    """Located spikes of neurons on a line: rates(time_s, neuron) is the share of them that is kept."""
    rng = np.random.default_rng(seed)
    depth, size = rng.uniform(0, HEIGHT_UM, n_neurons), rng.lognormal(4.7, 0.5, n_neurons)
    neuron = np.repeat(np.arange(n_neurons), rng.poisson(rng.lognormal(0, 0.5, n_neurons) * rate_hz * seconds))
    sample = rng.integers(0, round(seconds * HZ), len(neuron))
    if rates is not None:
        kept = rng.random(len(neuron)) < rates(sample / HZ, neuron)
        neuron, sample = neuron[kept], sample[kept]
    order = np.argsort(sample, kind="stable")
    neuron, sample = neuron[order], sample[order]
    y = depth[neuron] + moved(sample / HZ, depth[neuron]) + noise_um * rng.standard_normal(len(neuron))
    amplitude = size[neuron] * np.exp(0.12 * rng.standard_normal(len(neuron)))
    return MotionSpikes(sample, y.astype(np.float32), amplitude.astype(np.float32), np.zeros(len(neuron), np.int64))


def binned_spikes(moved, bin_s, **changes) -> tuple[TimeBins, BinnedSpikes]:
    """The same in time bins."""
    bins = time_bins(((0, round(SECONDS * HZ)),), bin_s * HZ)
    spikes = spikes_of(moved, **changes)
    return bins, bin_spikes(bins, spikes.sample, spikes.depth_um, spikes.amplitude_uv)


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
