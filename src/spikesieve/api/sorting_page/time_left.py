"""How long a sort that runs will take to its end, from what its passes usually take of one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PASSES = (("detect", 1.0), ("cluster", 0.15), ("match", 0.35), ("match", 0.5), ("waveforms", 0.12), ("write", 0.1))
"""Stages of the method sieve in their order, and their time relative to the detection."""
LEAST_PASSES = 0.05
"""Nothing is told before this much of the detection is done."""


def seconds_left(stages: Sequence[dict[str, Any]]) -> float | None:
    """Estimate how long a sort will still take.

    Parameters
    ----------
    stages : sequence of dict
        The stages until now, in order: `name`, `done` of `total`, and the `seconds` that it took.

    Returns
    -------
    float or None
        Seconds; None before the detection.

    Examples
    --------
    >>> detect = {"name": "detect", "done": 10, "total": 20, "seconds": 60.0}
    >>> round(seconds_left([detect]))
    206
    >>> match = {"name": "match", "done": 0, "total": 20, "seconds": 0.0}
    >>> round(seconds_left([{**detect, "done": 20}, match, match]))
    43
    """
    place, finished, took_s = -1, 0.0, 0.0
    for stage in stages:
        found = [k for k in range(place + 1, len(PASSES)) if PASSES[k][0] == stage["name"]]
        if not found:
            continue
        place = found[0]
        finished += PASSES[place][1] * stage["done"] / max(1, stage["total"])
        took_s += stage["seconds"]
    if finished < LEAST_PASSES:
        return None
    current = stages[-1]["done"] / max(1, stages[-1]["total"]) if stages[-1]["name"] == PASSES[place][0] else 1.0
    rest = PASSES[place][1] * (1 - current) + sum(share for _, share in PASSES[place + 1 :])
    return float(rest * took_s / finished)
