"""Does the queue of the page lead back? Units are parted and joined at random, and every suggestion is taken.

    python benchmarks/app_queue.py RESULT --parted 10 --joined 10 --browser

A joined pair are two neighbours; a parted unit loses a random half of its spikes to a new one. Nothing of the result
says so: templates, features and tables are those of the new units, as `spikesieve curate` makes them. Prints how many
units are as they were, and how many keys that took. With --browser the keys are pressed in Chromium.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.finished import read_finished
from spikesieve.api.result_to_show import of_sorting
from spikesieve.app.decisions import Asked
from spikesieve.app.session import Session
from spikesieve.curation.actions import Action, Membership, Merge, Split, after
from spikesieve.curation.history import History
from spikesieve.curation.recompute import curated
from spikesieve.model import Sorting
from spikesieve.views.result import Result
from spikesieve.views.suggestions import Suggestion

FEWEST_SPIKES = 200
MOST_KEYS = 500


def damage(result: Result, n_parted: int, n_joined: int, rng: np.random.Generator) -> list[Action]:
    """Part good units, and join good neighbours."""
    units = result.units
    whole = Session(result, History.of(units))
    good = [k for k in units.ids if whole.label(k) == "good" and len(units.rows[k]) >= FEWEST_SPIKES]
    chosen = rng.permutation(good).tolist()
    parted: list[Action] = [Split(k, rng.integers(0, 2, len(units.rows[k]))) for k in chosen[:n_parted]]
    joined: list[Action] = []
    free = set(chosen[n_parted:])
    for unit in chosen[n_parted:]:
        near = [k for k in whole.similar(unit) if k in free and k != unit]
        if unit in free and near and len(joined) < n_joined:
            joined.append(Merge((unit, near[0])))
            free -= {unit, near[0]}
    return parted + joined


def damaged(sorting: Sorting, actions: list[Action]) -> tuple[Result, Membership]:
    """The result with these units, and the units before, for the order of its spikes."""
    before = of_sorting(sorting, "before").units
    made = after(before, actions)
    # The order in which `curated` has the spikes.
    order = np.lexsort((np.searchsorted(made.ids, made.unit), sorting.spikes.sample))
    truth = Membership.of_spikes(before.unit[order], before.ids, before.next_unit)
    return of_sorting(curated(sorting, actions), "damaged"), truth


def same_units(truth: Membership, now: Membership) -> int:
    """Units that share nine tenths of their spikes, of both, with a unit now."""
    of_spike = now.unit
    found = 0
    for rows in truth.rows.values():
        numbers, counts = np.unique(of_spike[rows], return_counts=True)
        best, n = int(numbers[counts.argmax()]), int(counts.max())
        found += best >= 0 and n / (len(rows) + len(now.rows[best]) - n) > 0.9
    return found


def key_for(one: Suggestion | dict[str, Any]) -> str:
    """The key that takes a suggestion."""
    facts = one if isinstance(one, dict) else vars(one)
    if facts["kind"] == "label":
        return "Alt+m" if "It is good" in facts["evidence"] else "Alt+g"
    return {"merge": "g", "split": "k"}[facts["kind"]]


def by_functions(session: Session) -> Counter[str]:
    """Take every suggestion, without a page."""
    taken: Counter[str] = Counter(Q=1)
    while todo := session.queue.all():
        one, n = todo[0], len(session.history.entries)
        lasso = None if one.lasso is None else {"kind": one.lasso.kind, "corners": one.lasso.corners}
        label = {"Alt+m": "mua", "Alt+g": "good"}.get(key_for(one))
        asked = {"do": one.kind, "units": one.units, "lasso": lasso, "label": label, "seq": n, "request": str(n)}
        session.decide(Asked.model_validate(asked))
        taken[key_for(one)] += 1
    return taken


def by_keys(session: Session) -> Counter[str]:
    """Take every suggestion, by keys in Chromium."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from app_server import in_thread
    from queue_story import chromium, take_the_queue

    with in_thread(session) as running, chromium() as driver:
        return take_the_queue(driver, running, key_for)


def main() -> None:
    """Damage a result, and take every suggestion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parted", type=int, default=10)
    parser.add_argument("--joined", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--browser", action="store_true", help="press the keys in Chromium")
    options = parser.parse_args()
    sorting = read_finished(options.folder).sorting
    before = of_sorting(sorting, "before")
    untouched = [one.kind for one in Session(before, History.of(before.units)).queue.all()]
    print(f"suggestions before anything is done: {dict(Counter(untouched))}")
    actions = damage(before, options.parted, options.joined, np.random.default_rng(options.seed))
    result, truth = damaged(sorting, actions)
    n_each = Counter(type(one).__name__ for one in actions)
    print(f"units: {len(truth.ids)}; parted {n_each['Split']}, joined {n_each['Merge']} pairs")
    print(f"units then: {len(result.units.ids)}; as they were: {same_units(truth, result.units)}")
    session = Session(result, History.of(result.units), lambda entry: None)
    take: Callable[[Session], Counter[str]] = by_keys if options.browser else by_functions
    keys = take(session)
    print(f"keys: {keys.total()} ({', '.join(f'{key} {n}' for key, n in keys.items())})")
    now = session.units
    print(f"units after it: {len(now.ids)}; as they were: {same_units(truth, now)} of {len(truth.ids)}", flush=True)


if __name__ == "__main__":
    main()
