"""How long a sort that runs will take to its end, from what its steps usually take of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SHARES: dict[str, float] = {}
LEAST_SHARE = 0.03
"""Nothing is told before this share of a sort is done."""


def seconds_left(stages: Sequence[dict[str, Any]]) -> float | None:
    """Estimate how long a sort will still take.

    Parameters
    ----------
    stages : sequence of dict
        The stages until now, in order: `name`, `done` of `total`, and the `seconds` that it took.

    Returns
    -------
    float or None
        Seconds; None where too little is done, or a stage is not known.

    Examples
    --------
    >>> seconds_left([])
    """
    if not stages or any(stage["name"] not in SHARES for stage in stages):
        return None
    finished = [SHARES[stage["name"]] * stage["done"] / max(1, stage["total"]) for stage in stages]
    if sum(finished) < LEAST_SHARE:
        return None
    per_share = sum(stage["seconds"] for stage in stages) / sum(finished)
    names = list(SHARES)
    later = names[names.index(stages[-1]["name"]) + 1 :]
    current = stages[-1]
    rest = 1.0 - current["done"] / max(1, current["total"])
    own_s = current["seconds"] / (1 - rest) * rest if rest < 1 else per_share * SHARES[current["name"]]
    return float(own_s + per_share * sum(SHARES[name] for name in later))
