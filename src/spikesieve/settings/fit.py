"""Settings of the second pass of the method sieve: template matching by likelihood."""

from __future__ import annotations

from typing import Any

from spikesieve.settings.params import Params, setting


class FitParams(Params):
    """How spikes are found by likelihood."""

    false_detections_hz: float = setting(
        0.01,
        "detections that noise may make in the first pass, per second and contact: its threshold follows from that; "
        "raise it to find smaller neurons, lower it if noise is detected",
        gt=0.0,
        le=10.0,
    )
    detection_threshold_ratio: float = setting(
        0.89,
        "if detect.threshold is given, the first pass detects spikes down to this times it; "
        "lower it to find smaller neurons, raise it if noise is detected",
        old_name="detect_share",
        gt=0.0,
        le=2.0,
    )
    amplitude_cv: float = setting(
        0.15,
        "SD of a neuron's spike amplitudes relative to their mean; "
        "raise it if spikes of bursts are missed, lower it if units take spikes of other sizes",
        ge=0.01,
        le=1.0,
    )
    min_amplitude_ratio: float = setting(
        0.5,
        "smallest amplitude of a spike relative to its template; "
        "lower it if small spikes of bursts are missed, raise it if noise is matched",
        old_name="min_amplitude",
        ge=0.0,
        le=1.0,
    )
    min_log_odds: float = setting(
        -2.5,
        "smallest log odds of a spike against noise while units are learned; "
        "lower it to learn smaller neurons, raise it if noise units are learned",
        ge=-20.0,
        le=20.0,
    )
    final_log_odds: float = setting(
        0.0,
        "smallest log odds of a spike against noise in the result; "
        "lower it to find more spikes of each neuron, raise it if units contain noise",
        ge=-20.0,
        le=20.0,
    )
    min_membership_odds: float = setting(
        0.5,
        "smallest odds that a spike is its unit's own, not noise or another unit's; "
        "raise it for purer units, lower it for more complete ones",
        old_name="own_odds",
        ge=0.0,
    )
    learning_duration_s: float = setting(
        75.0,
        "length of recording that units are learned from, evenly spread; "
        "raise it to find rare neurons, lower it to save time and memory",
        old_name="learn_s",
        ge=1.0,
    )
    max_rounds: int = setting(
        100,
        "most rounds of template matching in a block; raise it if a note says spikes are left, lower it to save time",
        ge=1,
        le=10_000,
    )

    @property
    def for_detection(self) -> FitParams:
        """What matters for detection. The rest is default, so that changing it does not repeat the step."""
        names = ("false_detections_hz", "detection_threshold_ratio")
        return FitParams(**{name: getattr(self, name) for name in names})

    @property
    def while_learning(self) -> FitParams:
        """What matters while units are learned. The rest is default, so that changing it does not repeat the step."""
        return FitParams(**self._shared(), min_log_odds=self.min_log_odds)

    @property
    def when_learned(self) -> FitParams:
        """The same once the units are known: `final_log_odds` takes the place of `min_log_odds`."""
        return FitParams(**self._shared(), min_log_odds=self.final_log_odds)

    def _shared(self) -> dict[str, Any]:
        names = ("amplitude_cv", "min_amplitude_ratio", "min_membership_odds", "max_rounds")
        return {name: getattr(self, name) for name in names}
