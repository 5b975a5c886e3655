"""Settings of template matching in the method kilosort4."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class MatchParams(Params):
    """How spikes are matched with learned templates."""

    threshold: float = setting(
        8.0,
        "smallest projection of a spike on a learned template, in noise SD; "
        "lower it to find smaller spikes, raise it if units contain noise",
        kilosort4="Th_learned",
        gt=2.0,
        le=100.0,
    )
    max_peels: int = setting(
        100,
        "most rounds of template matching in a block; raise it if a note says spikes are left, lower it to save time",
        kilosort4="max_peels",
        ge=1,
        le=10_000,
    )
