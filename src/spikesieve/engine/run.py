"""The resources of a sort: executor, backend, store and progress; and the work on blocks that uses them."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.arrays import release_all
from spikesieve.engine.blocks import Block
from spikesieve.engine.economy import Economy, is_shortage
from spikesieve.engine.executor import Progress, map_in_order, silent
from spikesieve.engine.heap import give_back
from spikesieve.engine.journal import BlockColumns, OtherBytesError
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.errors import OutOfMemoryError
from spikesieve.kernels.backend import Backend
from spikesieve.model import Blanked, join_blanked
from spikesieve.stages.blanking import blanked_of_block
from spikesieve.stages.preprocess import Clean

logger = logging.getLogger(__name__)

# Columns of `Blanked`, beside those of a task.
BLANKED_COLUMNS = ("start", "stop", "reason", "share")
_NO_MEMORY = (
    "There is not enough memory for the step {name}. Close other programs, give the job more memory, or sort fewer "
    "contacts or a part of the recording."
)

Item = TypeVar("Item")
Result = TypeVar("Result")
Columns = TypeVar("Columns", covariant=True)
State = TypeVar("State")
Inputs = ParamSpec("Inputs")


@dataclass(frozen=True)
class Core:
    """The samples of the traces that belong to the block itself, without the margins.

    Attributes
    ----------
    start, stop : int
        First sample in the traces, and the first sample after them.
    block : Block
        The block.
    """

    start: int
    stop: int
    block: Block

    @property
    def span(self) -> tuple[int, int]:
        """Start and stop."""
        return self.start, self.stop


@dataclass(frozen=True, eq=False)
class BlockTask(ABC, Generic[Columns]):
    """One kind of work on a block. Subclasses are frozen dataclasses, so that they can be sent to workers.

    Attributes
    ----------
    source : Source
        The recording that the blocks are read from.
    """

    source: Source
    from_even_sample: ClassVar[bool] = False  # the margin is a sample longer where traces would begin at an odd one

    @property
    @abstractmethod
    def margin_samples(self) -> int:
        """Samples on either side of a block that the work needs."""

    @abstractmethod
    def __call__(self, clean: Clean, core: Core, backend: Backend) -> Columns:
        """Work on one block.

        Parameters
        ----------
        clean : Clean
            Traces of the block with its margins. They may be changed.
        core : Core
            The samples that belong to the block itself.
        backend : Backend
            Runs the array operations.

        Returns
        -------
        object
            A dataclass. Its arrays have one row per spike. A field `sample`, if present, counts from the start of the
            traces.
        """


@dataclass(frozen=True, eq=False)
class _OnBlock(Generic[Result]):
    """Reads a block, runs a task on it, and counts samples from the start of the recording."""

    task: BlockTask[Result]
    backend: Backend

    def __call__(self, block: Block) -> tuple[Block, Result, Blanked]:
        margin = self.task.margin_samples
        margin += (block.start - margin) % 2 if self.task.from_even_sample else 0
        clean = self.task.source.clean(block, margin, self.backend)
        blanked = blanked_of_block(clean.why, margin, block.start, block.n_samples)
        result = self.task(clean, Core(margin, margin + block.n_samples, block), self.backend)
        if hasattr(result, "sample"):
            result = replace(cast(Any, result), sample=cast(Any, result).sample + (block.start - margin))
        return block, result, blanked


@dataclass(frozen=True, eq=False)
class Run:
    """The resources of a sort.

    Attributes
    ----------
    executor : Executor
        Threads, processes, or anything with the interface of `concurrent.futures`.
    backend : Backend
        Runs the array operations.
    store : Store
        Holds the results of the steps.
    progress : callable
        Called with (stage, done, total) after each piece of work.
    economy : Economy
        How many workers are used.
    near : Executor or None
        Threads of this process; None: the workers are.
    """

    executor: Executor
    backend: Backend
    store: Store
    progress: Progress = silent
    economy: Economy = field(default_factory=lambda: Economy(1))
    near: Executor | None = None

    @property
    def here(self) -> Run:
        """The same on threads of this process, for items that take longer to send than to work on."""
        return self if self.near is None else replace(self, executor=self.near)

    def map(
        self, task: Callable[[Item], Result] | BlockTask[Result], items: Iterable[Item], name: str = ""
    ) -> Iterator[Result]:
        """Call a function for each item, or a block task for each block, on the workers.

        Parameters
        ----------
        task : callable or BlockTask
            Must be picklable unless the workers are threads. A block task receives the traces of each block.
        items : iterable
            Arguments of the function, or blocks. They are taken one by one, as workers become free.
        name : str, optional
            Stage under which progress is reported; the items must then have a length. Default: no progress.

        Yields
        ------
        object
            The result of each item, in order. Samples of block tasks count from the start of the recording.
        """
        if isinstance(task, BlockTask):
            blocks = cast(Iterable[Block], items)
            return (result for _, result, _ in self._map(_OnBlock(task, self.backend), blocks, name))
        return self._map(task, items, name)

    def map_kept(self, function: Callable[[Item], Result], items: Iterable[Item], name: str = "") -> Iterator[Result]:
        """Call a function for each item, and keep the results until the step is done: after an interruption it goes on.

        Parameters
        ----------
        function : callable
            Must be picklable unless the workers are threads, and return anything that a step can return.
        items : iterable
            Arguments of the function.
        name : str, optional
            Stage under which progress is reported. Default: no progress.

        Yields
        ------
        object
            The result of each item, in order.
        """
        items, results = list(items), self.store.results
        call, kept = results.next_call()
        computed = self._map(function, [item for number, item in enumerate(items) if number not in kept], name)
        return (kept.pop(n) if n in kept else results.add(call, n, next(computed)) for n in range(len(items)))

    def collect(self, task: BlockTask[Result], blocks: tuple[Block, ...], name: str) -> tuple[Result, Blanked]:
        """Run a block task on all blocks and write its results to disk, one file per array.

        Parameters
        ----------
        task : BlockTask
            Returns a dataclass of arrays, which are concatenated, of integers, which are added up, and of values that
            are the same in every block.
        blocks : tuple of Block
            At least one block, in order of time.
        name : str
            Stage of the progress, and start of the names of the files.

        Returns
        -------
        columns : dataclass
            The results of all blocks in the class that the task returns; its arrays are memory-mapped.
        blanked : Blanked
            Intervals of all blocks that could not be used.

        Raises
        ------
        ValueError
            Arrays have other rows in one block than in another, or another value differs.
        """
        with self.store.columns(name.replace(" ", "-")) as columns:
            try:
                form = self._collect(columns, task, columns.rest(blocks), name)
            except OtherBytesError:
                logger.warning("%s starts anew: this machine computes other bytes than those on the disk", name)
                columns.start_anew()
                form = self._collect(columns, task, blocks, name)
            self.backend.release()
            arrays, sums = columns.finish()
        left_out = {key: np.asarray(arrays.pop(f"{key} of blanked")) for key in BLANKED_COLUMNS}
        blanked = join_blanked([Blanked(**left_out, n_samples=sums.pop("n_samples of blanked"))])
        return replace(cast(Any, form), **arrays, **sums), blanked

    def _collect(self, columns: BlockColumns, task: BlockTask[Result], blocks: tuple[Block, ...], name: str) -> Result:
        """Write the results of blocks; returns that of the first."""
        first = None
        for block, result, blanked in self._on_blocks(_OnBlock(task, self.backend), blocks, name, columns.n_done):
            parts = {each.name: getattr(result, each.name) for each in fields(cast(Any, result))}
            arrays = {key: part for key, part in parts.items() if isinstance(part, np.ndarray)}
            sums = {key: part for key, part in parts.items() if isinstance(part, int)}
            for key in parts.keys() - arrays.keys() - sums.keys():
                if first is not None and parts[key] != getattr(first, key):
                    raise ValueError(f"The field {key} of {name} differs between blocks.")
            arrays |= {f"{key} of blanked": getattr(blanked, key) for key in BLANKED_COLUMNS}
            sums |= {"n_samples of blanked": blanked.n_samples}
            columns.append(block, arrays, {key: int(n) for key, n in sums.items()})
            first = result if first is None else first
        return cast(Result, first)

    def fold(
        self,
        work: Callable[[State, Sequence[Item]], Iterator[tuple[State, dict[str, NDArray[Any]]]]],
        items: Sequence[Item],
        start: State,
        name: str,
    ) -> tuple[State, dict[str, NDArray[Any]]]:
        """Do pieces of work that build on one another, and keep what each of them has made.

        Parameters
        ----------
        work : callable
            Called with a state and the items that are left. Yields, for each item, the state after it and rows for
            columns, the same columns for every item. States are anything that a step can return.
        items : sequence
            What is to be done, in order.
        start : object
            The state before the first item.
        name : str
            Stage of the progress, and start of the names of the files.

        Returns
        -------
        state : object
            The state after the last item.
        columns : dict of str to ndarray
            The rows of all items, memory-mapped.
        """
        with self.store.checkpoints(name.replace(" ", "-")) as kept:
            n_done, state = kept.load(start)
            self.progress(name, n_done, len(items))
            for done, (after, rows) in enumerate(work(state, items[n_done:]), n_done + 1):
                state = after
                kept.add(len(items), state, rows)
                self.progress(name, done, len(items))
            return state, kept.finish()

    def step(
        self,
        name: str,
        function: Callable[Concatenate[Run, Inputs], Result],
        *inputs: Inputs.args,
        **settings: Inputs.kwargs,
    ) -> Result:
        """Compute a named step, or load it from the store.

        Parameters
        ----------
        name : str
            Name of the step; each step of a run has its own.
        function : callable
            Called with the run and the inputs. Its attribute `version` (see `versioned`) is part of the key.
        *inputs, **settings
            Everything that the result depends on: dataclasses of arrays, parameter models, numbers, texts.

        Returns
        -------
        object
            The result of the function; larger arrays are memory-mapped.
        """
        everything = _named(function, inputs, settings)
        identity = (f"{function.__module__}.{function.__qualname__}", getattr(function, "version", 1))

        def compute(store: Store) -> Result:
            try:
                result = function(replace(self, store=store), *inputs, **settings)
            except (MemoryError, OSError) as error:
                if is_shortage(error):
                    raise OutOfMemoryError(_NO_MEMORY.format(name=name)) from error
                raise
            self.backend.release()
            return result

        result, _ = self.store.step(name, identity, everything, compute)
        for each in everything.values():
            release_all(each)
        give_back()
        return result

    def _map(self, function: Callable[[Item], Result], items: Iterable[Item], name: str) -> Iterator[Result]:
        """Call a function for each item."""
        progress, total = (self.progress, len(cast(Sized, items))) if name else (silent, 0)
        progress(name, 0, total)
        for done, result in enumerate(map_in_order(self.executor, function, items, self.economy), 1):
            progress(name, done, total)
            yield result

    def _on_blocks(
        self, task: _OnBlock[Result], blocks: tuple[Block, ...], name: str, n_done: int
    ) -> Iterator[tuple[Block, Result, Blanked]]:
        """Call a task for each block, or for pieces of it where memory is short; `n_done` blocks count as done."""
        total = n_done + len(blocks)
        self.progress(name, n_done, total)
        done, stops = n_done, deque(block.stop for block in blocks)
        for piece, result, blanked in map_in_order(self.executor, task, blocks, self.economy, Block.pieces):
            if piece.stop == stops[0]:
                stops.popleft()
                done += 1
                self.progress(name, done, total)
            yield piece, result, blanked


def versioned(version: int) -> Callable[[Callable[Inputs, Result]], Callable[Inputs, Result]]:
    """Give a function that computes a step a version.

    Parameters
    ----------
    version : int
        Increase it when the function computes something else from the same inputs: stored results are then computed
        again.

    Returns
    -------
    callable
        A decorator.

    Examples
    --------
    >>> @versioned(2)
    ... def count_blocks(run: Run, source: Source) -> int:
    ...     return len(source.blocks)
    >>> count_blocks.version
    2
    """

    def mark(function: Callable[Inputs, Result]) -> Callable[Inputs, Result]:
        function.version = version  # type: ignore[attr-defined]
        return function

    return mark


def _named(
    function: Callable[..., object], inputs: tuple[object, ...], settings: dict[str, object]
) -> dict[str, object]:
    """The inputs of a step by the names of the function's parameters."""
    bound = inspect.signature(function, follow_wrapped=False).bind(None, *inputs, **settings).arguments
    return dict(list(bound.items())[1:])
