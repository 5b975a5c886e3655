"""The executor keeps order, passes errors on, stays bounded, and works with processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from killing import end_this_process

from spikesieve.engine.economy import Economy
from spikesieve.engine.executor import UnknownFunctionError, _unpacked, map_in_order, threads
from spikesieve.errors import OutOfMemoryError


def test_results_come_in_the_order_of_the_items():
    def slow_first(i: int) -> int:
        time.sleep(0.02 if i % 3 == 0 else 0.0)
        return i * i

    with threads(2) as pool:
        assert list(map_in_order(pool, slow_first, range(20), Economy(2))) == [i * i for i in range(20)]


def test_no_item_gives_no_result():
    with threads(1) as pool:
        assert list(map_in_order(pool, abs, [], Economy(1))) == []


def test_few_items_are_in_flight_however_slow_the_reader_is():
    started = []
    with threads(2) as pool:
        results = map_in_order(pool, started.append, range(100), Economy(2))
        for _ in range(10):
            next(results)
        time.sleep(0.02)
        assert 10 <= len(started) <= 10 + 4
        list(results)
    assert sorted(started) == list(range(100))


def test_an_error_reaches_the_caller_and_what_waits_is_not_started():
    started, gate = [], threading.Event()

    def fail_at_three(i: int) -> int:
        started.append(i)
        if i == 3:
            raise ZeroDivisionError("at three")
        if i > 3:
            gate.wait(0.3)
        return i

    def run() -> None:
        with threads(1) as pool:
            for _ in map_in_order(pool, fail_at_three, range(50), Economy(1)):
                pass

    with pytest.raises(ZeroDivisionError, match="at three"):
        run()
    assert started in ([0, 1, 2, 3], [0, 1, 2, 3, 4])


def test_an_interrupt_in_the_caller_stops_the_pool():
    started = []

    def slow(i: int) -> int:
        started.append(i)
        time.sleep(0.01)
        return i

    def run() -> None:
        with threads(1) as pool:
            for i in map_in_order(pool, slow, range(500), Economy(1)):
                if i == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(started) < 10


def test_workers_leave_one_blas_thread_each():
    from threadpoolctl import threadpool_info

    np.ones((8, 8)) @ np.ones((8, 8))
    with threads(2):
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def power(base: int, exponent: int) -> int:
    return base**exponent


def test_processes_give_the_same_results_and_are_sent_a_function_once():
    with ProcessPoolExecutor(2) as pool:
        assert list(map_in_order(pool, partial(power, exponent=2), range(9), Economy(2))) == [i**2 for i in range(9)]
        assert list(map_in_order(pool, partial(power, exponent=3), range(9), Economy(2))) == [i**3 for i in range(9)]


@dataclass(frozen=True)
class Counting:
    """A function that counts how often it is pickled, in this process."""

    pickled: ClassVar[list[int]] = []

    def __call__(self, i: int) -> int:
        return i + 1

    def __reduce__(self):
        self.pickled.append(1)
        return Counting, ()


class OneByOne(Executor):
    """Runs each call at once, as a worker does that forgets every function; keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def submit(self, call, item):
        packed = pickle.dumps((call, item))
        self.sent.append(len(packed))
        _unpacked.cache_clear()
        future: Future[int] = Future()
        try:
            call, item = pickle.loads(packed)  # noqa: S301  made here
            future.set_result(call(item))
        except UnknownFunctionError as error:
            future.set_exception(error)
        return future


def test_a_function_is_pickled_once_and_a_worker_that_does_not_have_it_gets_it():
    executor = OneByOne()
    assert list(map_in_order(executor, partial(power, exponent=2), range(9), Economy(1))) == [i**2 for i in range(9)]
    # Three items in flight with the function, then six without it, each of which asks for it here.
    assert len(executor.sent) == 3 + 2 * 6
    Counting.pickled.clear()
    with ProcessPoolExecutor(2) as pool:
        assert list(map_in_order(pool, Counting(), range(9), Economy(2))) == list(range(1, 10))
    assert len(Counting.pickled) == 1


def test_a_function_that_cannot_travel_is_refused_before_anything_is_done():
    with ProcessPoolExecutor(1) as pool, pytest.raises((AttributeError, TypeError)):
        list(map_in_order(pool, lambda i: i, [1], Economy(1)))


def test_what_waits_is_cancelled_when_the_reader_stops():
    started, gate = [], threading.Event()

    def wait(i: int) -> int:
        started.append(i)
        if i:
            gate.wait(5)
        return i

    with threads(1) as pool:
        results = map_in_order(pool, wait, range(50), Economy(1))
        next(results)
        results.close()
        gate.set()
    assert started in ([0], [0, 1])


@pytest.mark.skipif(os.name != "posix", reason="a signal that ends a process")
def test_a_worker_that_the_system_ends_is_a_sentence():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(OutOfMemoryError, match="A worker process was ended"):
            list(map_in_order(pool, end_this_process, range(8), Economy(2)))
        with pytest.raises(OutOfMemoryError, match="A worker process was ended"):
            list(map_in_order(pool, end_this_process, range(8), Economy(2)))
