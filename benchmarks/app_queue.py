"""Does the queue of the page lead back? Units are parted and joined at random, and every suggestion is taken.

    python benchmarks/app_queue.py RESULT --parted 10 --joined 10

A joined pair are two neighbours; a parted unit loses a random half of its spikes to a new one. Prints how many units
are as they were, and how many keys that took.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.app.decisions import Asked
from spikesieve.app.session import Session
from spikesieve.curation.actions import Action, Membership, Merge, Split, after
from spikesieve.curation.history import History
from spikesieve.views.result import Result

FEWEST_SPIKES = 200


def damaged(result: Result, n_parted: int, n_joined: int, rng: np.random.Generator) -> Membership:
    """Part and join good units."""
    units = result.units
    whole = Session(result, History.of(units))
    good = [k for k in units.ids if whole.label(k) == "good" and len(units.rows[k]) >= FEWEST_SPIKES]
    chosen = rng.permutation(good).tolist()
    actions: list[Action] = []
    for unit in chosen[:n_parted]:
        actions.append(Split(unit, rng.integers(0, 2, len(units.rows[unit]))))
    free = set(chosen[n_parted:])
    for unit in chosen[n_parted:]:
        near = [k for k in whole.similar(unit) if k in free and k != unit]
        if unit in free and near and sum(isinstance(one, Merge) for one in actions) < n_joined:
            actions.append(Merge((unit, near[0])))
            free -= {unit, near[0]}
    return after(units, actions)


def same_units(a: Membership, b: Membership) -> int:
    """Units of a that share nine tenths of their spikes, of both, with a unit of b."""
    of_spike = b.unit
    found = 0
    for rows in a.rows.values():
        numbers, counts = np.unique(of_spike[rows], return_counts=True)
        best, n = int(numbers[counts.argmax()]), int(counts.max())
        found += best >= 0 and n / (len(rows) + len(b.rows[best]) - n) > 0.9
    return found


def main() -> None:
    """Damage a result, and take every suggestion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parted", type=int, default=10)
    parser.add_argument("--joined", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = read_result_to_show(options.folder)
    truth = result.units
    units = damaged(result, options.parted, options.joined, np.random.default_rng(options.seed))
    changed = replace(result, units=units, described={k: v for k, v in result.described.items() if k in units.rows})
    session = Session(changed, History.of(units), lambda entry: None)
    print(f"units: {len(truth.ids)}; as they were before anything is done: {same_units(truth, units)}")
    keys = 1  # Q
    kinds = {"merge": 0, "split": 0}
    while todo := [one for one in session.suggestions() if one.kind != "label"]:
        one = todo[0]
        lasso = None if one.lasso is None else {"kind": one.lasso.kind, "corners": one.lasso.corners}
        n = len(session.history.entries)
        asked = {"do": one.kind, "units": one.units, "lasso": lasso, "seq": n, "request": str(n)}
        session.decide(Asked.model_validate(asked))
        keys += 1
        kinds[one.kind] += 1
    now = session.units
    print(f"taken: {kinds['merge']} merges, {kinds['split']} splits, with {keys} keys")
    print(f"units after it: {len(now.ids)}; as they were: {same_units(truth, now)} of {len(truth.ids)}")


if __name__ == "__main__":
    main()
