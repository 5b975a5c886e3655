"""Wall-clock time and peak memory of each stage, read off the progress that the stages report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from spikesieve.engine.executor import Progress, silent
from spikesieve.engine.machine import peak_memory_mb


@dataclass(frozen=True)
class StageCost:
    """What one stage cost.

    Attributes
    ----------
    seconds : float
        Wall-clock time in s.
    peak_memory_mb : float
        Highest resident memory of the process up to the end of the stage, in MB (1e6 bytes).
    """

    seconds: float
    peak_memory_mb: float


class StageClock:
    """A Progress that notes when each stage began and ended.

    A stage lasts until another one reports. What happens between two reports counts to the earlier stage, what happens
    before the first report to "start". A stage that comes back adds up.

    Parameters
    ----------
    progress : Progress, optional
        Every report is passed on to it.
    now : callable, optional
        Returns the time in s.

    Examples
    --------
    >>> clock = StageClock(now=iter([0.0, 1.0, 5.0]).__next__)
    >>> clock("detect", 0, 10)
    >>> {stage: cost.seconds for stage, cost in clock.costs().items()}
    {'start': 1.0, 'detect': 4.0}
    """

    def __init__(self, progress: Progress = silent, now: Callable[[], float] = time.perf_counter) -> None:
        self._progress = progress
        self._now = now
        self._stage = "start"
        self._since = now()
        self._costs: dict[str, StageCost] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note that a stage is at work.

        Parameters
        ----------
        stage : str
            Name of the stage.
        done, total : int
            Pieces of work that are done, and all of them.
        """
        if stage != self._stage:
            self._note()
            self._stage = stage
        self._progress(stage, done, total)

    def costs(self) -> dict[str, StageCost]:
        """Sum up every stage until now.

        Returns
        -------
        dict of str to StageCost
            By stage, in the order in which they first reported.
        """
        self._note()
        return dict(self._costs)

    def _note(self) -> None:
        now = self._now()
        before = self._costs.get(self._stage, StageCost(0.0, 0.0)).seconds
        self._costs[self._stage] = StageCost(before + now - self._since, peak_memory_mb())
        self._since = now
