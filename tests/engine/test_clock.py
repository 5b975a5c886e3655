"""Time and memory of each stage."""

from __future__ import annotations

from spikesieve.engine.clock import StageClock, StageCost


def test_clock_gives_time_to_the_stage_that_reported_last():
    now = iter([0.0, 1.0, 3.0, 7.0, 15.0])
    seen = []
    clock = StageClock(lambda *report: seen.append(report), lambda: next(now))
    clock("detect", 0, 2)  # at 1
    clock("detect", 2, 2)
    clock("match", 0, 1)  # at 3
    clock("detect", 0, 1)  # at 7
    costs = clock.costs()  # at 15
    assert [(stage, cost.seconds) for stage, cost in costs.items()] == [("start", 1), ("detect", 2 + 8), ("match", 4)]
    assert seen[1] == ("detect", 2, 2)
    assert costs["match"] == StageCost(4.0, costs["match"].peak_memory_mb)
