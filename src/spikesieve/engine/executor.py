"""Maps a function over items on worker threads, in order, with a bounded number in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from spikesieve.engine.heap import give_back, share_one_heap

Item = TypeVar("Item")
Result = TypeVar("Result")

# Called with (stage, done, total) whenever a piece of a stage is done.
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """A Progress that shows nothing."""


@contextmanager
def workers(n_jobs: int) -> Iterator[Executor]:
    """A pool of n_jobs threads. BLAS and OpenMP get one thread each, so that results do not depend on n_jobs."""
    share_one_heap()
    with threadpool_limits(limits=1), ThreadPoolExecutor(n_jobs) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def map_in_order(
    pool: Executor, function: Callable[[Item], Result], items: Sequence[Item], stage: str, progress: Progress
) -> Iterator[Result]:
    """function(item) for every item, yielded in the order of items whatever the order in which they finish.

    No more than a few items are in flight, so memory does not grow with their number; what was freed before goes back.
    """
    give_back()
    waiting: deque[Future[Result]] = deque()
    todo: Iterable[Item] = iter(items)
    in_flight = 2 + getattr(pool, "_max_workers", 2)
    done = 0
    progress(stage, 0, len(items))
    for item in todo:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= in_flight:
            yield waiting.popleft().result()
            done += 1
            progress(stage, done, len(items))
    while waiting:
        yield waiting.popleft().result()
        done += 1
        progress(stage, done, len(items))
