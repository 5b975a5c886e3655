"""Wall-clock time and peak memory of each stage, taken from the progress that the stages report."""

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
    """A Progress that measures the time of each stage.

    A stage lasts until another one reports progress. Time before the first report is counted as "start". If a stage
    runs several times, its times are added.

    Parameters
    ----------
    progress : Progress, optional
        Receives every report as well.
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
        """Record that a stage made progress.

        Parameters
        ----------
        stage : str
            Name of the stage.
        done, total : int
            Pieces of work that are done, and their total number.
        """
        if stage != self._stage:
            self._note()
            self._stage = stage
        self._progress(stage, done, total)

    def costs(self) -> dict[str, StageCost]:
        """List the cost of every stage until now.

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
