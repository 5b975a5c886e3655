"""Settings: how spikes are matched."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class MatchParams(Params):
    """How spikes are matched."""

    threshold: float = setting(
        8.0, "smallest projection on a learned template, in noise SD", kilosort4="Th_learned", gt=2.0, le=100.0
    )
    max_peels: int = setting(100, "largest number of rounds in a block", kilosort4="max_peels", ge=1, le=10_000)
