"""The interface with which a stage runs work in parallel: a `map` whose calls may run at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Share(Protocol):
    """A `map` over a list of items, such as `map` itself or the `map` of an executor.

    Notes
    -----
    The calls may run in other threads or processes. So the function, the items and the results must be picklable:
    functions of a module, `functools.partial` of them, and frozen dataclasses of arrays. None of them may hold the
    `Share` itself, since an executor cannot be pickled.
    """

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item], /) -> Iterable[Result]:
        """Apply a function to every item.

        Parameters
        ----------
        function : callable
            Takes one item.
        items : sequence
            What the function is applied to.

        Returns
        -------
        iterable
            ``function(item)`` of every item, in the order of the items.
        """
        ...
