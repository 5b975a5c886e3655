"""spikesieve in SpikeInterface: a sorter for its `run_sorter`, and results as its objects.

    from spikesieve.spikeinterface import run_sorter, to_analyzer

    sorting = run_sorter("spikesieve", recording, folder="sorted")
    analyzer = to_analyzer("sorted/sorter_output", recording)

SpikeInterface is imported when one of these names is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikesieve.spikeinterface.analyzer import to_analyzer
    from spikesieve.spikeinterface.motion import to_motion
    from spikesieve.spikeinterface.registration import register, run_sorter, run_sorter_jobs
    from spikesieve.spikeinterface.sorter import SpikesieveSorter
    from spikesieve.spikeinterface.sorting import to_sorting

HOMES = {
    "SpikesieveSorter": "sorter",
    "register": "registration",
    "run_sorter": "registration",
    "run_sorter_jobs": "registration",
    "to_analyzer": "analyzer",
    "to_motion": "motion",
    "to_sorting": "sorting",
}
"""The module that each public name lives in."""

__all__ = [
    "SpikesieveSorter",
    "register",
    "run_sorter",
    "run_sorter_jobs",
    "to_analyzer",
    "to_motion",
    "to_sorting",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in HOMES:
        raise AttributeError(f"module 'spikesieve.spikeinterface' has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "spikeinterface":
            raise
        raise ModuleNotFoundError(
            f'{name} needs SpikeInterface. Install it: pip install "spikesieve[spikeinterface]".',
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return list(__all__)
