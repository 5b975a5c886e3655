"""Memory that a worker keeps from block to block."""

from __future__ import annotations

import pickle

from spikesieve.engine.executor import threads
from spikesieve.kernels.cpu.buffers import Buffers


def test_buffers_are_kept_until_they_are_cleared():
    buffers = Buffers()
    first = buffers.take("a", (10, 10))
    first[:] = 7.0
    assert buffers.take("a", (5, 10)).base is first.base
    assert buffers.take("b", (5,)).base is not first.base
    with threads(1) as pool:
        assert pool.submit(buffers.take, "a", (10, 10)).result().base is not first.base
    buffers.clear()
    assert buffers.take("a", (10, 10)).base is not first.base


def test_buffers_pickle_without_their_contents():
    buffers = Buffers()
    buffers.take("a", (1000, 1000))
    assert len(pickle.dumps(buffers)) < 200
