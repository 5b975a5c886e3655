"""Recall of spikes that coincide with a spike of a similar neuron, with the true templates: greedy, and with exchanges.

    python benchmarks/similar_spikes.py WORKDIR [--seeds 1 2] [--figure docs/figures/similar_spikes.svg]

Six neurons at 50 Hz on six contacts. Two spikes coincide where they are at most 0.35 ms apart; two neurons are similar
where their templates correlate above 0.6, and both have d' = 6 or more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from spikesieve import Settings, read_probe, recording_from_array
from spikesieve.api.sort import open_run
from spikesieve.comparison.collisions import N_LAG_BINS, collision_recall, found_spikes
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.kernels import CpuBackend
from spikesieve.model.external import SpikeTrains
from spikesieve.passes.oracle import TrueSpikes, TrueTemplates, measure_true_templates
from spikesieve.passes.preprocessing import fit_preprocessing, with_unit_score_noise
from spikesieve.passes.shapes import learn_shapes
from spikesieve.simulation import SimulationParams, simulate_array
from spikesieve.stages.match import make_matcher
from spikesieve.stages.sieve import fit as by_likelihood

MARGIN_SAMPLES = 305
HIT_SAMPLES = 12
LEAST_D_PRIME = 6.0
SIMILAR = slice(3, 5)
"""Bins of similarity from 0.6 on."""
AT_ONCE = slice(N_LAG_BINS // 2 - 1, N_LAG_BINS // 2 + 2)
"""Bins of lag up to 0.35 ms."""


def prepared(seed: int, folder: Path) -> tuple[Source, TrueSpikes, TrueTemplates, Settings]:
    """Simulate, whiten, and measure the true templates."""
    probe = read_probe("linear:6:20")
    params = SimulationParams(n_units=6, seconds=40.0, seed=seed, rate_hz=50.0, rate_log_sd=0.3)
    traces, truth = simulate_array(probe, params)
    settings, spikes = Settings(), TrueSpikes(truth.sample.astype(np.int64), truth.unit.astype(np.int64), 6)
    recording = recording_from_array(traces, params.sampling_hz, params.gain_uv)
    source = Source.of(recording, probe, settings.preprocess, block_samples=60_000)
    with open_run(1, Store.open(folder / f"similar-{seed}")) as run:
        source = source.with_preprocessing(fit_preprocessing(run, source, settings.preprocess))
        shapes = learn_shapes(run, source, settings.shapes, True)
        source = source.with_preprocessing(with_unit_score_noise(run, source, shapes))
        return source, spikes, measure_true_templates(run, source, spikes, settings.shapes), settings


def matched(source: Source, true: TrueTemplates, settings: Settings, backend: CpuBackend) -> SpikeTrains:
    """Match the recording with the true templates."""
    templates, params = true.templates, settings.fit.when_learned
    matcher = make_matcher(templates, templates.contacts[:, :1], source.probe.n_contacts, true.shapes)
    rate_hz = templates.n_spikes / source.recording.duration_s
    worth = by_likelihood.prior(templates, rate_hz, source.sampling_hz, params)
    sample, unit = [], []
    for block in source.blocks:
        clean = source.clean(block, margin_samples=MARGIN_SAMPLES, backend=backend)
        span = MARGIN_SAMPLES, MARGIN_SAMPLES + block.n_samples
        found = by_likelihood.fit(clean, matcher, worth, span, params, backend)
        sample.append(found.sample - MARGIN_SAMPLES + block.start)
        unit.append(found.template.astype(np.int64))
    return SpikeTrains.from_spikes(np.concatenate(sample), np.concatenate(unit))


def main() -> None:
    """Match with and without exchanges, print recall, draw it by lag."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    shares = {"greedy": 0.0, "with exchanges": by_likelihood.NEAR_SHARE}
    n_all = {name: np.zeros((2, N_LAG_BINS)) for name in shares}
    print("| seed | matching | at once | recall | spikes found | true spikes |\n|---|---|---|---|---|---|")
    for seed in args.seeds:
        source, spikes, true, settings = prepared(seed, args.workdir)
        truth = SpikeTrains.from_spikes(spikes.sample, spikes.unit)
        is_clear = true.d_prime >= LEAST_D_PRIME
        similarity = (true.similarity * np.outer(is_clear, is_clear)).astype(np.float32)
        for name, share in shares.items():
            by_likelihood.NEAR_SHARE = share
            found = matched(source, true, settings, CpuBackend())
            rows = np.array([np.flatnonzero(found.units == unit)[0] for unit in truth.units])
            is_found = found_spikes(truth, found, rows, HIT_SAMPLES)
            recall = collision_recall(truth, is_found, similarity, source.sampling_hz)
            counts = np.array([recall.n_found[SIMILAR].sum(axis=0), recall.n_spikes[SIMILAR].sum(axis=0)])
            n_all[name] += counts
            n_found, n = counts[:, AT_ONCE].sum(axis=1)
            print(f"| {seed} | {name} | {n} | {n_found / n:.3f} | {len(found.sample)} | {len(truth.sample)} |")
    if args.figure:
        draw(n_all, recall.lag_edges_ms, args.figure)


def draw(counts: dict[str, np.ndarray], edges_ms: np.ndarray, path: Path) -> None:
    """Draw recall by lag."""
    figure = Figure(figsize=(5.0, 2.8), layout="constrained")
    axes = figure.subplots()
    for name, (n_found, n) in counts.items():
        axes.plot((edges_ms[1:] + edges_ms[:-1]) / 2, n_found / n, marker="o", markersize=3, label=name)
    axes.set(xlabel="lag of the similar neuron's spike (ms)", ylabel="recall", ylim=(0.5, 1.02))
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
