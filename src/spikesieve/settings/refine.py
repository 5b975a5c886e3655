"""Settings of units in the method sieve: how they are split, merged and kept."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class RefineParams(Params):
    """How units are split, merged and kept."""

    rounds: int = setting(
        2,
        "rounds of splits and merges; raise it if similar neurons stay merged, lower it to save time",
        ge=0,
        le=20,
    )
    max_spikes: int = setting(
        3_000,
        "most spikes of a template that splits and means are learned from; "
        "raise it to tell similar neurons apart, lower it to save time and memory",
        ge=100,
    )
    split_log_likelihood_gain: float = setting(
        25.0,
        "smallest gain in log likelihood that splits a unit; "
        "lower it if different neurons are merged, raise it if neurons are split",
        old_name="split_gain",
        ge=0.0,
    )
    split_separation: float = setting(
        2.7,
        "smallest distance of the two sides of a split, in SD within a side; "
        "lower it if different neurons are merged, raise it if neurons are split",
        ge=0.0,
    )
    merge_distance_sd: float = setting(
        3.0,
        "units whose mean waveforms are closer than this, in noise SD, are merged; "
        "raise it if neurons are split, lower it if different neurons are merged",
        old_name="same_distance",
        ge=0.0,
    )
    merge_distance_across_drift_sd: float = setting(
        6.0,
        "the same as merge_distance_sd, for two units found at different displacements of the tissue; "
        "raise it if drift splits neurons, lower it if different neurons are merged",
        old_name="same_distance_apart",
        ge=0.0,
    )
    merge_similarity_across_drift: float = setting(
        0.9,
        "units found at different displacements are merged if each looks this similar to the other's prediction; "
        "lower it if drift splits neurons, raise it if different neurons are merged",
        old_name="same_similarity_apart",
        ge=0.0,
        le=1.0,
    )
    refractory_log_odds: float = setting(
        3.0,
        "log odds at which the cross-correlogram decides between one neuron and two, whatever their shapes; "
        "raise it to trust shapes more, lower it to trust spike times more",
        old_name="train_log_odds",
        ge=0.0,
    )
    min_median_excess_sd: float = setting(
        1.0,
        "a unit is kept if its median spike exceeds the smallest countable one by at least this, in noise SD; "
        "lower it to keep smaller neurons, raise it if noise units remain",
        old_name="min_excess",
        ge=0.0,
    )
    phase_fragment_similarity: float = setting(
        0.9,
        "a unit this similar to another one's waveform seen too early or too late is a fragment of it; "
        "lower it if neurons appear twice with a lag, raise it if different neurons are merged",
        old_name="late_similarity",
        ge=0.0,
        le=1.0,
    )
    min_spikes: int = setting(
        20,
        "fewest spikes of a unit, in proportion fewer where a part of the time is blanked; "
        "lower it to keep rare neurons, raise it to drop small units",
        ge=1,
    )
