"""Settings: how units are split, joined and kept."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class RefineParams(Params):
    """How units are split, joined and kept."""

    rounds: int = setting(2, "times that splits and joins are looked for", ge=0, le=20)
    max_spikes: int = setting(3_000, "spikes of a template that splits and means are learned from", ge=100)
    split_log_likelihood_gain: float = setting(
        25.0, "smallest gain in log likelihood that makes two units of one", old_name="split_gain", ge=0.0
    )
    split_separation: float = setting(2.7, "smallest distance of the two, in SD of what is within", ge=0.0)
    merge_distance_sd: float = setting(
        3.0, "units whose means differ less than this, in noise SD, are one", old_name="same_distance", ge=0.0
    )
    merge_distance_across_drift_sd: float = setting(
        6.0,
        "the same for units of which the one is seen only at displacements where the other one is not",
        old_name="same_distance_apart",
        ge=0.0,
    )
    merge_similarity_across_drift: float = setting(
        0.9,
        "units hardly seen together are one if each is this similar to what the other is expected to be there",
        old_name="same_similarity_apart",
        ge=0.0,
        le=1.0,
    )
    refractory_log_odds: float = setting(
        3.0,
        "log odds from which on spike times tell one neuron from two and overrule shape",
        old_name="train_log_odds",
        ge=0.0,
    )
    min_median_excess_sd: float = setting(
        1.0,
        "half of a unit's spikes surely score this much, in noise SD, above the least that counts",
        old_name="min_excess",
        ge=0.0,
    )
    phase_fragment_similarity: float = setting(
        0.9,
        "a unit this similar to what is seen of another one early or late is a part of it",
        old_name="late_similarity",
        ge=0.0,
        le=1.0,
    )
    min_spikes: int = setting(20, "a unit has at least so many spikes", ge=1)
