"""scikit-learn starts no threads of its own: the workers share the cores already, and sums keep their order."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_info, threadpool_limits

from spikesieve.stages import shapes
from spikesieve.stages.clips import Window
from spikesieve.stages.kilosort2.batches import Crossings, cluster_batch
from spikesieve.stages.shapes import ShapesParams

POINTS = np.random.default_rng(0).standard_normal((600, 4)).astype(np.float32)


# What scikit-learn has loaded. Other libraries, such as PyTorch, may load their own later.
OPENMP = {pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "openmp"}


def openmp_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in OPENMP}


def learn_shapes() -> None:
    shapes.learn(np.empty((0, 61), np.float32), Window(61, 20), 30_000.0, ShapesParams())


def cluster_a_batch() -> None:
    contact = np.arange(600) % 4
    near = np.arange(4)[:, None]
    cluster_batch(Crossings(contact, POINTS[:, None, :]), near, 0)


@pytest.mark.parametrize("compute", [learn_shapes, cluster_a_batch])
def test_a_worker_starts_no_threads(compute, monkeypatch):
    seen: set[int] = set()
    fit = KMeans.fit

    def spy(self, *args, **kwargs):
        seen.update(openmp_threads())
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(KMeans, "fit", spy)

    def on_a_worker() -> set[int]:
        with threadpool_limits(limits=3, user_api="openmp"):  # a limit holds in its own thread only
            compute()
            return openmp_threads()

    with ThreadPoolExecutor(1) as worker:
        assert worker.submit(on_a_worker).result() == {3}
    assert seen == {1}


def test_the_first_limit_finds_a_scikit_learn_that_is_not_yet_imported():
    script = """
from threadpoolctl import threadpool_info, threadpool_limits
from spikesieve.kernels.one_thread import one_openmp_thread
with one_openmp_thread():
    pass
import sklearn.cluster
with threadpool_limits(limits=3, user_api="openmp"), one_openmp_thread():
    print([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"])
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[1]"
