"""Calls a function for many items with any executor: threads, processes, a cluster."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from threading import Barrier
from typing import Any, Generic, TypeVar, cast

import numpy as np
from threadpoolctl import threadpool_limits

from spikesieve.engine.economy import Economy, free_frames, is_shortage
from spikesieve.engine.heap import give_back
from spikesieve.errors import OutOfMemoryError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORKER_ENDED = (
    "A worker process was ended from outside, as the system does where memory is short. Use fewer workers, or give the "
    "job more memory. With a folder for the steps, the same sort goes on with a new pool of workers."
)

# Called with (stage, done, total) after each piece of work.
Progress = Callable[[str, int, int], None]


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
        all_at_once = Barrier(n_workers)
        list(pool.map(lambda _: _multiply(all_at_once), range(n_workers)))
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _multiply(all_at_once: Barrier) -> None:
    """Multiply matrices on each thread: OpenBLAS then takes its memory now, and does not end the process later."""
    all_at_once.wait()
    _ = np.ones((512, 512), np.float32) @ np.ones((512, 512), np.float32)


def map_in_order(
    executor: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    economy: Economy,
    cut: Callable[[Item, int], tuple[Item, ...]] | None = None,
) -> Iterator[Result]:
    """Call a function for every item and yield the results in the order of the items.

    Where there is no memory for an item, it is done again by itself, and then fewer workers are used.

    Parameters
    ----------
    executor : Executor
        Threads, processes, or anything with the interface of `concurrent.futures`.
    function : callable
        Called with one item. It must be picklable unless the workers are threads. It is sent once to each worker.
    items : iterable
        Arguments of the calls.
    economy : Economy
        Workers that are used. Two more items are submitted at a time, so that memory does not grow with their number.
    cut : callable, optional
        Cuts an item into a number of pieces at most, where one worker has no memory for the whole; the results are then
        those of the pieces. Default: items cannot be cut.

    Yields
    ------
    object
        The result of each item.

    Raises
    ------
    MemoryError
        There is no memory for an item even with a single worker.
    OutOfMemoryError
        A worker process was ended by the system.

    Examples
    --------
    >>> with threads(2) as pool:
    ...     list(map_in_order(pool, abs, [-1, 2, -3], Economy(2)))
    [1, 2, 3]
    """
    give_back()
    work = _Work(executor, function, economy, cut)
    try:
        for item in items:
            for piece in work.pieces(item, economy.n_pieces):
                work.submit(piece)
                while len(work.waiting) >= economy.in_flight:
                    yield from work.take()
        while work.waiting:
            yield from work.take()
    except BrokenExecutor as error:
        raise OutOfMemoryError(_WORKER_ENDED) from error
    finally:
        # After an error the rest is not wanted.
        for handed in work.waiting:
            handed.future.cancel()


@dataclass(frozen=True)
class _Handed(Generic[Item, Result]):
    """An item that was handed out, with the workers that were used then, and the pieces that its block was cut into."""

    item: Item
    n_workers: int
    n_pieces: int
    future: Future[Result]


class _Work(Generic[Item, Result]):
    """Items that were handed out, in order."""

    def __init__(
        self,
        executor: Executor,
        function: Callable[[Item], Result],
        economy: Economy,
        cut: Callable[[Item, int], tuple[Item, ...]] | None,
    ) -> None:
        self._executor, self._economy, self._cut = executor, economy, cut
        self._whole: Any = function if isinstance(executor, ThreadPoolExecutor) else Travelling.of(function)
        self._n_submitted, self._n_first = 0, economy.in_flight
        self.waiting: deque[_Handed[Item, Result]] = deque()

    def pieces(self, item: Item, n: int) -> tuple[Item, ...]:
        """Cut an item into at most n pieces."""
        return (item,) if n == 1 or self._cut is None else self._cut(item, n)

    def submit(self, item: Item) -> None:
        """Hand out an item."""
        # Later items travel with the name of the function only: workers have it from the first ones.
        named = self._n_submitted >= self._n_first and isinstance(self._whole, Travelling)
        future = self._executor.submit(replace(self._whole, pickled=b"") if named else self._whole, item)
        self.waiting.append(_Handed(item, self._economy.n_workers, self._economy.n_pieces, future))
        self._n_submitted += 1

    def take(self) -> Iterator[Result]:
        """Wait for the oldest item; yields its result, or those of its pieces if there is no memory for the whole."""
        self._economy.look()
        oldest = self.waiting.popleft()
        result, why = self._result(oldest.item, oldest.future)
        if why:
            if oldest.n_workers == self._economy.n_workers > 1:
                self._economy.save(why)
            result, why = self._alone(oldest.item)
        if why:
            yield from self._in_pieces(oldest.item, oldest.n_pieces, why)
        else:
            yield cast(Result, result)

    def _alone(self, item: Item) -> tuple[Result | None, str]:
        """The result of an item while no other one is at work, or why there was no memory."""
        for handed in self.waiting:
            free_frames(handed.future.exception())
        give_back()
        return self._result(item, self._executor.submit(self._whole, item))

    def _in_pieces(self, item: Item, n_pieces: int, why: str) -> Iterator[Result]:
        """Results of the two halves of an item, or of smaller pieces, one after the other."""
        halves = self.pieces(item, 2)
        if len(halves) == 1:
            raise MemoryError(why)
        while self._economy.n_workers > 1 or self._economy.n_pieces < 2 * n_pieces:
            self._economy.save(why)
        for half in halves:
            result, why_not = self._alone(half)
            if why_not:
                yield from self._in_pieces(half, 2 * n_pieces, why_not)
            else:
                yield cast(Result, result)

    def _result(self, item: Item, future: Future[Result]) -> tuple[Result | None, str]:
        """The result of an item, or why there was no memory. A worker that does not know the function gets it."""
        try:
            try:
                return future.result(), ""
            except UnknownFunctionError:
                return self._executor.submit(self._whole, item).result(), ""
        except Exception as error:
            if not is_shortage(error):
                raise
            free_frames(error)
            return None, str(error) or "there is no memory left"


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
