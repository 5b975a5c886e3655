"""What this machine can do, and which share of it each hot kernel reaches: prints two tables.

    python benchmarks/kernels.py [--contacts 64] [--samples 30000] [--repeat 7]

Peak: sums of products of float32, sixteen at a time, all in registers. Bandwidth: a copy of an array of 256 MB, what is
read and what is written. Operations are counted from the formulas of the kernels: a product and a sum are two, a
comparator of the median's network is two, what a gate spares is not counted. Rates are of processor time, the best of
some rounds, so that other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba as nb
import numpy as np
from threadpoolctl import threadpool_limits

from spikesieve import kernels, read_probe
from spikesieve.kernels.cpu.median import COUNTED, median_network
from spikesieve.kernels.cpu.vector import load, plus, splat, store, times_plus
from spikesieve.settings.detect import DetectParams
from spikesieve.stages.detect import universal_templates
from spikesieve.stages.match import by_score
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm

N_WAVEFORM, N_PCS, N_NEAR = 61, 6, 16
# Counts that the median of many contacts takes, in the mean over vectors of traces.
COUNTS = 8
# Chains of sums that do not wait for each other.
CHAINS = 12
ROUNDS = 2_000_000


@dataclass(frozen=True)
class Machine:
    """What a machine can do.

    Attributes
    ----------
    flops : float
        float32 operations a second of one core.
    bytes_per_s, all_bytes_per_s : float
        Bytes that one core reads and writes while it copies, and that all cores do together.
    """

    flops: float
    bytes_per_s: float
    all_bytes_per_s: float


@nb.njit(nogil=True)
def _sums(start: np.ndarray, rounds: int) -> None:
    x = load(start, 0)
    a = b = c = d = e = f = g = h = i = j = k = m = splat(np.float32(0.5))
    for _ in range(rounds):
        a, b, c, d = times_plus(a, x, x), times_plus(b, x, x), times_plus(c, x, x), times_plus(d, x, x)
        e, f, g, h = times_plus(e, x, x), times_plus(f, x, x), times_plus(g, x, x), times_plus(h, x, x)
        i, j, k, m = times_plus(i, x, x), times_plus(j, x, x), times_plus(k, x, x), times_plus(m, x, x)
    total = plus(plus(plus(a, b), plus(c, d)), plus(plus(plus(e, f), plus(g, h)), plus(plus(i, j), plus(k, m))))
    store(start, 0, total)


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Measure the shortest processor time of some rounds. The first one, which compiles, does not count."""
    work()
    spent = []
    for _ in range(repeat):
        start = time.thread_time()
        work()
        spent.append(time.thread_time() - start)
    return min(spent)


def measure_machine(n_cores: int, repeat: int = 5) -> Machine:
    """Measure what one core computes and copies, and what all cores copy together."""
    x = np.full(16, 0.5, np.float32)
    flops = 2 * 16 * CHAINS * ROUNDS / seconds(lambda: _sums(x, ROUNDS), repeat)
    arrays = [(np.ones(64_000_000, np.float32), np.ones(64_000_000, np.float32)) for _ in range(n_cores)]
    moved = 2 * arrays[0][0].nbytes
    one = moved / seconds(lambda: np.copyto(*arrays[0]), repeat)
    walls = []
    with ThreadPoolExecutor(n_cores) as pool:
        for _ in range(repeat):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(*pair), arrays))
            walls.append(time.perf_counter() - start)
    # Other work on the machine can make all together look slower than one.
    return Machine(flops, one, max(one, n_cores * moved / min(walls)))


def operations_per_value(n_contacts: int, n_templates: int) -> dict[str, float]:
    """Count the operations of each kernel for one number of a recording, from its formula."""
    by_network = 2 * len(median_network(n_contacts)) / n_contacts
    # A sum and a sum of squares, a comparison and a sum in each count, four comparisons for the values in the middle.
    comparisons = by_network if n_contacts < COUNTED else 3 + 2 * COUNTS + 4
    return {
        # Each way: two complex factors and a real one, three weights.
        "butterworth": 32.0,
        "subtract_median": 1 + comparisons,
        "whitening": 2.0 * 32,
        "project": 2.0 * N_PCS * N_WAVEFORM,
        # Of every second sample; those between take little.
        "template_scores": 1.0 * N_PCS * (N_WAVEFORM + N_NEAR * n_templates / n_contacts),
    }


def rows(n_contacts: int, n: int, repeat: int) -> list[tuple[str, float, float]]:
    """Measure each kernel on a block: its name, operations, seconds."""
    probe, rng = read_probe(f"neuropixels1:{n_contacts}"), np.random.default_rng(0)
    traces = rng.standard_normal((n_contacts, n)).astype(np.float32)
    n_templates, out = n_contacts, np.empty_like(traces)
    per_value = operations_per_value(n_contacts, n_templates)
    values = n_contacts * n
    found = []

    def note(name: str, work: Callable[[], object], operations: float | None = None) -> None:
        found.append((name, per_value[name] * values if operations is None else operations, seconds(work, repeat)))

    note("butterworth", lambda: kernels.butterworth(traces, np.zeros(n_contacts, np.float32), 0.0628, out))
    note("subtract_median", lambda: kernels.subtract_median(out, np.zeros(n_contacts, np.int64), 1))
    near = np.abs(np.arange(n_contacts)[:, None] - np.arange(n_contacts)) < 16
    matrix = np.where(near, 0.01, 0.0).astype(np.float32)
    with threadpool_limits(limits=1):
        note("whitening", lambda: kernels.CpuBackend().mix(traces, matrix))
    components = rng.standard_normal((N_PCS, N_WAVEFORM)).astype(np.float32)
    projections = np.empty((n_contacts, N_PCS, n), np.float32)
    note("project", lambda: kernels.project(traces, components, 20, projections))
    centres = universal_templates(probe, DetectParams())
    unit = components / np.linalg.norm(components, axis=1, keepdims=True)
    space = np.empty((len(centres.contacts), 1064), np.float32)

    def detect() -> None:
        for first in range(0, n - 1064, 1024):
            kernels.universal_scores(traces, unit, 20, first, centres.contacts, centres.weights, 9.0, space)

    note("universal_scores", detect, per_value["project"] * n_contacts * 1064 * ((n - 1064) // 1024 + 1))
    contacts = np.sort((np.arange(n_contacts)[:, None] + np.arange(N_NEAR)) % n_contacts, axis=1)
    templates = LearnedTemplates(
        contacts, rng.standard_normal((n_templates, N_NEAR, N_PCS)).astype(np.float32), np.full(n_templates, 100)
    )
    scores, weights = np.empty((n_templates, n), np.float32), unit_norm(templates)
    between = np.array([0.6, -0.15, 0.05], np.float32)
    note("template_scores", lambda: kernels.template_scores(traces, components, 20, contacts, weights, between, scores))
    n_spikes = 10 * n_contacts * n // 30_000
    at, which = np.sort(rng.integers(100, n - 100, n_spikes)), rng.integers(0, n_templates, n_spikes)
    waveforms, value = weights @ components, np.full(n_spikes, 1e-3, np.float32)
    note(
        "subtract_waveforms",
        lambda: kernels.subtract_waveforms(traces, at, which, value, contacts, waveforms, 20),
        2.0 * N_NEAR * N_WAVEFORM * n_spikes,
    )
    pairs = overlaps(templates, n_contacts, unit.astype(np.float32))
    quiet = rng.standard_normal((n_templates, n)).astype(np.float32)
    least = np.full(n_templates, 8.0, np.float32)
    note(
        "pursue (nothing to find)",
        lambda: kernels.pursue(quiet, pairs, by_score(least), kernels.ANY_AMPLITUDE, kernels.ALL_VISIBLE, 1),
        float(quiet.size),
    )
    return found


def machine_lines(machine: Machine, n_cores: int) -> list[str]:
    """Describe the machine."""
    return [
        f"One core: {machine.flops / 1e9:.0f} GFLOP/s (float32 products and sums), "
        f"{machine.bytes_per_s / 1e9:.1f} GB/s copied; "
        f"{n_cores} cores together {machine.all_bytes_per_s / 1e9:.1f} GB/s.",
    ]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=64)
    parser.add_argument("--samples", type=int, default=30_000)
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    machine = measure_machine(2, args.repeat)
    print("\n".join(machine_lines(machine, 2)))
    print("\n| kernel | operations of a number | ms | GFLOP/s | share of peak |\n|---|---|---|---|---|")
    for name, operations, took in rows(args.contacts, args.samples, args.repeat):
        rate, each = operations / took, operations / args.contacts / args.samples
        print(f"| {name} | {each:.0f} | {1e3 * took:.1f} | {rate / 1e9:.1f} | {rate / machine.flops:.0%} |")


if __name__ == "__main__":
    main()
