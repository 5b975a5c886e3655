"""How a stage hands out work that falls into pieces, without knowing who does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Share(Protocol):
    """function(item) of every item, in the order of the items, like `map`; the calls may run at the same time."""

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item], /) -> Iterable[Result]:
        """The results."""
        ...
