"""Looks into a sort: replaces steps, reads what the others made of the spikes, and says why units were left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from losses import Labelled, Spans

from spikesieve.engine.run import Run
from spikesieve.engine.store import Store
from spikesieve.model import I64
from spikesieve.passes import learning
from spikesieve.stages import curate
from spikesieve.stages.sieve import final_assignment

INSIDE_STEPS = (
    (learning, "learn_units"),
    (learning, "final_assignment"),
    (final_assignment, "sure_excess"),
    (curate, "echo_units"),
    (curate, "merge_units"),
)
"""Functions whose results are no step of their own, and where they are called from."""

Calls = Mapping[str, list[tuple[tuple[Any, ...], Any]]]
"""Arguments and result of each call, by name of the function."""

Reasons = dict[str, dict[int, str]]
"""By stage and label: why the label is not in the next stage."""


@dataclass(frozen=True, eq=False)
class SubstitutedRun(Run):
    """A Run in which other functions compute some of the steps.

    Attributes
    ----------
    substitutes : mapping of str to callable
        By name of the step: the function that is called in place of the method's own. Where the store is reused it
        must have a version of its own (see `engine.run.versioned`).
    """

    substitutes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, substitutes: Mapping[str, Callable[..., Any]]) -> SubstitutedRun:
        """Take over the resources of a run."""
        return cls(**vars(run), substitutes=substitutes)

    def step(self, name: str, function: Callable[..., Any], *inputs: Any, **settings: Any) -> Any:
        """See `Run.step`."""
        return super().step(name, self.substitutes.get(name, function), *inputs, **settings)


@contextmanager
def calls_of(functions: tuple[tuple[ModuleType, str], ...]) -> Iterator[Calls]:
    """Note the arguments and results of functions while the context lasts.

    Parameters
    ----------
    functions : tuple of (module, str)
        The module that calls each function, and the function's name there.

    Yields
    ------
    Calls
        In order of the calls; it grows while the context lasts.
    """
    calls: dict[str, list[tuple[tuple[Any, ...], Any]]] = {name: [] for _, name in functions}
    with ExitStack() as stack:
        for module, name in functions:
            stack.enter_context(patch.object(module, name, _noted(getattr(module, name), calls[name])))
        yield calls


def _noted(function: Callable[..., Any], calls: list[tuple[tuple[Any, ...], Any]]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        calls.append((args, result))
        return result

    return noted


def labelled_stages(store: Store, calls: Calls, part: Spans) -> list[Labelled]:
    """List what each step of a sort made of the spikes, in order.

    Units are learned from some spikes of each template only: stages named "units" hold no others. What happens inside
    a step that was loaded is not listed.

    Parameters
    ----------
    store : Store
        The steps of the sort.
    calls : Calls
        Of the functions in INSIDE_STEPS.
    part : Spans
        The part of the recording that the method sieve learns units from.

    Returns
    -------
    list of Labelled
        The last one is the result.
    """
    learned = iter(result for _, result in calls["learn_units"])
    stages: list[Labelled] = []

    def add(name: str, sample: I64, label: Any, spans: Spans | None = None) -> None:
        stages.append(Labelled(name, np.asarray(sample), label.astype(np.int64), spans))

    for step in store.index():
        result = store.read(step)
        match step:
            case "spikes at rest":
                add("detected", result.sample, np.full(len(result.sample), -1))
            case "clusters":
                add("clustered", store.read("spikes at rest").sample, result.unit)
            case "match a part":
                add("matched a part", result.sample, result.template, part)
            case "templates":
                if (one := next(learned, None)) is not None:
                    add("units of a part", one.spikes.sample, one.assignment.accepted_unit, part)
            case "match":
                add("matched", result.sample, result.template)
            case "spikes":
                add("extracted", result.spikes.sample, result.spikes.template)
            case "clusters again":
                add("clustered again", store.read("match").sample, result.unit)
            case "units":
                for one in learned:
                    add("units", one.spikes.sample, one.assignment.accepted_unit)
                for _, kept in calls["final_assignment"]:
                    add("kept", kept.sample, kept.unit)
                add("curated", result.trains.sample, result.trains.unit)
            case "sorting":
                add("result", result.spikes.sample, result.spikes.unit)
    return stages


def reasons_of(calls: Calls, min_spikes: int, min_excess_sd: float) -> Reasons:
    """Say why units were left out.

    Parameters
    ----------
    calls : Calls
        Of the functions in INSIDE_STEPS.
    min_spikes : int
        Smallest number of spikes of a unit.
    min_excess_sd : float
        Smallest excess of a unit over noise, in noise SD.

    Returns
    -------
    Reasons
        Of the stages "units" and "kept".
    """
    units: dict[int, str] = {}
    for (_, unit, n_units), excess_sd in calls["sure_excess"]:
        for k, n_spikes in enumerate(np.bincount(unit[unit >= 0], minlength=n_units).tolist()):
            if n_spikes < min_spikes:
                units[k] = f"{n_spikes} spikes are left to it"
            elif excess_sd[k] < min_excess_sd:
                units[k] = f"exceeds noise by {excess_sd[k]:.2f} SD"
    kept: dict[int, str] = {}
    for _, (_, became) in calls["merge_units"]:
        kept |= {k: f"merged into {j}" for k, j in enumerate(became.tolist()) if k != j}
    for _, echoes in calls["echo_units"]:
        kept |= dict.fromkeys(echoes.tolist(), "echo of a larger neighbour")
    return {"units": units, "kept": kept}
