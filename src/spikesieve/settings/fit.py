"""Settings: how spikes are found by likelihood."""

from __future__ import annotations

from typing import Any

from spikesieve.settings.params import Params, setting


class FitParams(Params):
    """How spikes are found by likelihood."""

    detect_share: float = setting(
        0.89, "the first pass looks for spikes down to this times detect.threshold", gt=0.0, le=2.0
    )
    amplitude_cv: float = setting(
        0.15, "SD of the amplitudes of a neuron's spikes, relative to their mean", ge=0.01, le=1.0
    )
    min_amplitude: float = setting(0.5, "no spike is smaller than this times its template", ge=0.0, le=1.0)
    min_log_odds: float = setting(
        -2.5,
        "smallest log odds of a spike against noise where units are learned; less certain ones are sorted out then",
        ge=-20.0,
        le=20.0,
    )
    final_log_odds: float = setting(
        0.0, "the same when the units are known and all of the recording is matched", ge=-20.0, le=20.0
    )
    own_odds: float = setting(
        0.5,
        "a spike stays with its unit while the odds that it is its own, not of noise or others, are above this",
        ge=0.0,
    )
    learn_s: float = setting(75.0, "seconds, spread over the recording, that units are learned from", ge=1.0)
    max_rounds: int = setting(100, "largest number of rounds in a block", ge=1, le=10_000)

    @property
    def while_learning(self) -> FitParams:
        """What matters while units are learned; the rest is default, so that changing it changes no key."""
        return FitParams(**self._shared(), min_log_odds=self.min_log_odds)

    @property
    def when_learned(self) -> FitParams:
        """The same when the units are known: `min_log_odds` is what `final_log_odds` says."""
        return FitParams(**self._shared(), min_log_odds=self.final_log_odds)

    def _shared(self) -> dict[str, Any]:
        names = ("amplitude_cv", "min_amplitude", "own_odds", "max_rounds")
        return {name: getattr(self, name) for name in names}
