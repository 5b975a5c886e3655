"""Calls a function for many items with any executor: threads, processes, a cluster."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from spikesieve.engine.heap import give_back

Item = TypeVar("Item")
Result = TypeVar("Result")

# Called with (stage, done, total) after each piece of work.
Progress = Callable[[str, int, int], None]

# Items queued beyond the busy workers, so that no worker is idle.
WAITING = 2


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress.

    Parameters
    ----------
    stage : str
        Name of the stage.
    done, total : int
        Pieces of work that are done, and their total number.
    """


@contextmanager
def threads(n_workers: int) -> Iterator[Executor]:
    """Open a pool of threads. BLAS and OpenMP use one thread each, so that results do not depend on `n_workers`.

    Parameters
    ----------
    n_workers : int
        Number of threads.

    Yields
    ------
    Executor
        The pool. After an error, work that has not started is cancelled.
    """
    with threadpool_limits(limits=1), ThreadPoolExecutor(n_workers) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def map_in_order(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], n_workers: int
) -> Iterator[Result]:
    """Call a function for every item and yield the results in the order of the items.

    Parameters
    ----------
    executor : Executor
        Threads, processes, or anything with the interface of `concurrent.futures`.
    function : callable
        Called with one item. It must be picklable unless the workers are threads. It is sent once to each worker.
    items : iterable
        Arguments of the calls.
    n_workers : int
        Workers of the executor. Two more items are submitted at a time, so that memory does not grow with their number.

    Yields
    ------
    object
        The result of each item.

    Examples
    --------
    >>> with threads(2) as pool:
    ...     list(map_in_order(pool, abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    give_back()
    whole: Any = function if isinstance(executor, ThreadPoolExecutor) else Travelling.of(function)
    # Later items travel with the name of the function only: workers have it from the first ones.
    named: Any = replace(whole, pickled=b"") if isinstance(whole, Travelling) else whole
    limit = n_workers + WAITING
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for n, item in enumerate(items):
            waiting.append((item, executor.submit(whole if n < limit else named, item)))
            if len(waiting) >= limit:
                yield _result(executor, whole, *waiting.popleft())
        while waiting:
            yield _result(executor, whole, *waiting.popleft())
    finally:
        # After an error the rest is not wanted.
        for _, future in waiting:
            future.cancel()


def _result(executor: Executor, whole: Any, item: Item, future: Future[Result]) -> Result:
    """The result of an item. A worker that does not know the function gets it."""
    try:
        return future.result()
    except UnknownFunctionError:
        result: Result = executor.submit(whole, item).result()
        return result


class UnknownFunctionError(Exception):
    """A worker was sent the digest of a function that it does not have."""


@dataclass(frozen=True)
class Travelling(Generic[Item, Result]):
    """A pickled function that is sent to another process, with a digest to recognise it.

    Attributes
    ----------
    digest : bytes
        Digest of the pickle.
    pickled : bytes
        The pickled function; empty for workers that have it.
    """

    digest: bytes
    pickled: bytes

    @classmethod
    def of(cls, function: Callable[[Item], Result]) -> Travelling[Item, Result]:
        """Pickle a function.

        Parameters
        ----------
        function : callable
            A picklable function.

        Returns
        -------
        Travelling
            Called with an item, it calls the function.
        """
        pickled = pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL)
        return cls(blake2b(pickled, digest_size=16).digest(), pickled)

    def __call__(self, item: Item) -> Result:
        """Call the function with an item; each worker unpickles it at its first item."""
        result: Result = _unpacked(self)(item)
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Travelling) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@lru_cache(maxsize=2)
def _unpacked(packed: Travelling[Any, Any]) -> Callable[[Any], Any]:
    if not packed.pickled:
        raise UnknownFunctionError
    # The workers share the processors, so each gets one BLAS thread.
    threadpool_limits(limits=1)
    function: Callable[[Any], Any] = pickle.loads(packed.pickled)  # noqa: S301  of this program itself
    return function
