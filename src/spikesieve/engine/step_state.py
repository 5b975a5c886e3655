"""How a step of a run begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepState:
    """How a step begins.

    Attributes
    ----------
    was_loaded : bool
        Whether its result was loaded. Otherwise it is computed now.
    position : (int, int) or None
        The block at which it goes on, counted from 1, and the number of blocks, if an earlier run began it.
    is_needed_again : bool
        It does not begin, but values that it made and that were removed are needed: the run begins once more.
    """

    was_loaded: bool
    position: tuple[int, int] | None = None
    is_needed_again: bool = False


def tell_nothing(name: str, state: StepState) -> None:
    """Tell nothing about a step.

    Parameters
    ----------
    name : str
        Name of the step.
    state : StepState
        How it begins.
    """
