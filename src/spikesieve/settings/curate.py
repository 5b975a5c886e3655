"""Settings: how units are merged, cleaned and labelled."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class CurateParams(Params):
    """How units are merged, cleaned and labelled."""

    acg_threshold: float = setting(
        0.2, "largest R of a good unit's autocorrelogram", kilosort4="acg_threshold", ge=0.0, le=1.0
    )
    acg_probability: float = setting(0.2, "largest Q of a good unit's autocorrelogram", ge=0.0, le=1.0)
    ccg_threshold: float = setting(
        0.25, "largest R of two sides that are one train", kilosort4="ccg_threshold", ge=0.0, le=1.0
    )
    ccg_probability: float = setting(0.05, "largest Q of two sides that are one train", ge=0.0, le=1.0)
    merge_similarity: float = setting(0.7, "units less similar than this at every lag are never merged", ge=0.0, le=1.0)
    merge_norm_ratio: float = setting(
        0.5, "nor units of which one is smaller than this times the other", ge=0.0, le=1.0
    )
    near_identical_similarity: float = setting(
        0.9,
        "units more similar than this are merged unless their spike times speak against it",
        old_name="same_similarity",
        ge=0.0,
        le=1.0,
    )
    near_identical_norm_difference: float = setting(
        0.2, "if their norms differ relatively less than this", old_name="same_norm_difference", ge=0.0
    )
    min_spikes: int = setting(20, "a cluster with fewer spikes is no unit", ge=1)
    max_coincident_share: float = setting(
        0.5,
        "a unit with more than this share of its spikes at a larger neighbour's spikes is its echo",
        old_name="duplicate_share",
        gt=0.0,
        le=1.0,
    )
    duplicate_spike_ms: float = setting(
        0.25, "spikes of a unit closer than this are one", kilosort4="duplicate_spike_ms", ge=0.0, le=0.5
    )
