"""How long the page waits: answers of the app's server on a generated result, without the browser.

    python benchmarks/app_speed.py --units 500 --spikes 10000000

prints the median and the 95th percentile of each kind of answer, decisions with the journal on the disk among them.
On a busy machine the last column, time of the processor, says more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil

from spikesieve.api.app import open_session
from spikesieve.app import answers
from spikesieve.app.decisions import Asked
from spikesieve.app.session import Session
from spikesieve.curation.actions import Membership
from spikesieve.model import Probe, SortedTime, Templates
from spikesieve.views.result import Result

HZ, N_NEAR, N_SAMPLES = 30_000.0, 32, 61


def generated(n_units: int, n_spikes: int, hours: float, seed: int = 0) -> Result:
    """A result of units of very different rates along a probe of 384 contacts."""
    rng = np.random.default_rng(seed)
    rows = np.arange(384)
    probe = Probe(np.stack([16.0 * (rows % 4), 20.0 * (rows // 2)], axis=1), rows, np.zeros(384, np.int64), "generated")
    n_samples = int(hours * 3600 * HZ)
    share = rng.lognormal(0, 1.0, n_units)
    n_each = np.maximum((n_spikes * share / share.sum()).astype(np.int64), 100)
    trains = [_train(n, n_samples, rng) for n in n_each]
    unit = np.repeat(np.arange(n_units, dtype=np.int32), [len(train) for train in trains])
    sample = np.concatenate(trains)
    order = np.argsort(sample, kind="stable")
    sample, unit, n_spikes = sample[order], unit[order], len(order)
    centre = np.sort(rng.integers(0, 384 - N_NEAR, n_units))
    contacts = centre[:, None] + np.argsort(np.abs(np.arange(N_NEAR) - N_NEAR // 2), kind="stable")[None]
    shape = -np.exp(-(((np.arange(N_SAMPLES) - 20) / rng.uniform(3, 7, n_units)[:, None]) ** 2))
    decay = np.exp(-np.abs(contacts - centre[:, None] - N_NEAR // 2) / rng.uniform(2, 6, n_units)[:, None])
    uv = (shape[:, :, None] * decay[:, None] * rng.uniform(40, 250, n_units)[:, None, None]).astype(np.float32)
    return Result(
        name="generated",
        kind="generated",
        probe=probe,
        time=SortedTime(((0, n_samples),), HZ),
        sample=sample,
        template=unit,
        templates=Templates(uv, contacts.astype(np.int64), 20),
        waveform_unit="µV",
        units=Membership.of_spikes(unit, range(n_units), n_units),
        noise_sd_uv=np.full(384, 8.0, np.float32),
        amplitude=rng.normal(100, 12, n_spikes).astype(np.float32),
        amplitude_unit="µV",
        position_um=rng.normal(0, 5, (n_spikes, 2)).astype(np.float32),
    )


def _train(n: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A train with a refractory period of 2 ms."""
    gaps = rng.exponential(1.0, n)
    gaps *= max(n_samples - n * 0.002 * HZ, 0.1 * n_samples) / gaps.sum()
    return np.minimum(np.cumsum(gaps + 0.002 * HZ).astype(np.int64), n_samples - 1)


def timed(name: str, work: Callable[[int], object], places: list[int]) -> None:
    """Print the times of some calls."""
    took, used = [], []
    for place in places:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        work(place)
        took.append(1e3 * (time.perf_counter() - begin))
        used.append(1e3 * (time.process_time() - begin_cpu))
    print(
        f"| {name} | {np.median(took):.1f} | {np.percentile(took, 95):.1f} | {np.percentile(used, 95):.1f} |",
        flush=True,
    )


def decide(session: Session, what: str, **content: object) -> list[int]:
    """Do something, as the page would."""
    n = len(session.history.entries)
    return list(session.decide(Asked.model_validate({"do": what, "seq": n, "request": str(n), **content}))["new"])


def main() -> None:
    """Generate, open, ask, decide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--spikes", type=int, default=10_000_000)
    parser.add_argument("--hours", type=float, default=2.0)
    options = parser.parse_args()
    result = generated(options.units, options.spikes, options.hours)
    before = psutil.Process().memory_info().rss
    print("| answer | median ms | 95 % ms | 95 % ms of a processor |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        session = open_session(result, Path(folder), False, stack, print)
        timed("first page, all units described", lambda _: answers.start(session, {}), [0])
        timed("the same again", lambda _: answers.start(session, {}), [0])
        some = np.random.default_rng(1).choice(options.units, 30, replace=False).tolist()
        size = "kind=amplitude&x0=0&x1=7200&y0=0&y1=200&w=800&h=200"
        frame = dict(pair.split("=") for pair in size.split("&"))
        timed("unit", lambda k: answers.unit(session, {}, str(k)), some)
        timed("scatter", lambda k: answers.scatter(session, frame, str(k)), some)
        timed("autocorrelogram", lambda k: answers.correlograms(session, {"units": str(k)}), some)
        timed("similar units", lambda k: answers.similar(session, {}, str(k)), some)
        timed("two units: correlograms", lambda k: answers.correlograms(session, {"units": f"{k},{k - 1}"}), some[:10])
        news: list[int] = []
        timed("merge", lambda k: news.extend(decide(session, "merge", units=[k, (k + 1) % options.units])), [1, 11, 21])
        timed("the merged unit", lambda k: answers.unit(session, {}, str(k)), news)
        timed("undo", lambda _: decide(session, "undo"), [0, 1, 2])
        timed("label", lambda k: decide(session, "label", units=[k], label="good"), some[:5])
        large = sorted(session.units.ids, key=lambda k: -len(session.rows(k)))[:3]
        corners = [[0, 100 + 5 * np.sin(x)] for x in range(2)] + [
            [7200 * x / 60, 100 + 9 * np.sin(x)] for x in range(60)
        ]
        lasso = {"kind": "amplitude", "corners": [*corners, [7200, 300], [0, 300]]}
        print(f"| (spikes of the units that are split: {[len(session.rows(k)) for k in large]}) | | | |")
        timed("split by a lasso of 64 corners", lambda k: decide(session, "split", units=[k], lasso=lasso), large)
        timed("what is worth a look, first time", lambda _: session.queue.all(), [0])
        timed("the same after a decision", lambda _: session.queue.all(), [0])
    print(f"Memory beside the result: {(psutil.Process().memory_info().rss - before) / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
