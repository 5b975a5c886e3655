"""Settings: how spikes are found by likelihood."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class FitParams(Params):
    """How spikes are found by likelihood."""

    detection_threshold_ratio: float = setting(
        0.89,
        "the first pass looks for spikes down to this times detect.threshold",
        old_name="detect_share",
        gt=0.0,
        le=2.0,
    )
    amplitude_cv: float = setting(
        0.15, "SD of the amplitudes of a neuron's spikes, relative to their mean", ge=0.01, le=1.0
    )
    min_amplitude_ratio: float = setting(
        0.5, "no spike is smaller than this times its template", old_name="min_amplitude", ge=0.0, le=1.0
    )
    min_log_odds: float = setting(
        -2.5,
        "smallest log odds of a spike against noise where units are learned; less certain ones are sorted out then",
        ge=-20.0,
        le=20.0,
    )
    final_log_odds: float = setting(
        0.0, "the same when the units are known and all of the recording is matched", ge=-20.0, le=20.0
    )
    min_membership_odds: float = setting(
        0.5,
        "a spike stays with its unit while the odds that it is its own, not of noise or others, are above this",
        old_name="own_odds",
        ge=0.0,
    )
    learning_duration_s: float = setting(
        75.0, "seconds, spread over the recording, that units are learned from", old_name="learn_s", ge=1.0
    )
    max_rounds: int = setting(100, "largest number of rounds in a block", ge=1, le=10_000)
