"""Settings of curation: how units are merged, cleaned and labelled."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class CurateParams(Params):
    """How units are merged, cleaned and labelled."""

    acg_threshold: float = setting(
        0.2,
        "largest R of a good unit's autocorrelogram, its refractory period over its shoulders; "
        "raise it to label more units good, lower it for purer ones",
        kilosort4="acg_threshold",
        ge=0.0,
        le=1.0,
    )
    acg_probability: float = setting(
        0.2,
        "largest Q of a good unit's autocorrelogram, the probability of so few violations by chance; "
        "raise it to label more units good, lower it for surer ones",
        ge=0.0,
        le=1.0,
    )
    ccg_threshold: float = setting(
        0.25,
        "largest R of the cross-correlogram of two units that are one neuron; "
        "raise it if neurons are split, lower it if different neurons are merged",
        kilosort4="ccg_threshold",
        ge=0.0,
        le=1.0,
    )
    ccg_probability: float = setting(
        0.05,
        "largest Q of the cross-correlogram of two units that are one neuron; "
        "raise it if neurons are split, lower it if different neurons are merged",
        ge=0.0,
        le=1.0,
    )
    merge_similarity: float = setting(
        0.7,
        "smallest template similarity of two units that may be merged; "
        "lower it if neurons are split, raise it if different neurons are merged",
        ge=0.0,
        le=1.0,
    )
    merge_norm_ratio: float = setting(
        0.5,
        "smallest ratio of the norms of two units that may be merged; "
        "lower it if neurons are split, raise it if different neurons are merged",
        ge=0.0,
        le=1.0,
    )
    near_identical_similarity: float = setting(
        0.9,
        "units at least this similar are merged unless their spike times speak against it; "
        "lower it if neurons are split, raise it if different neurons are merged",
        old_name="same_similarity",
        ge=0.0,
        le=1.0,
    )
    near_identical_norm_difference: float = setting(
        0.2,
        "relative difference in norm below which such units are merged; "
        "raise it if neurons are split, lower it if different neurons are merged",
        old_name="same_norm_difference",
        ge=0.0,
    )
    min_spikes: int = setting(
        20,
        "fewest spikes of a unit; lower it to keep rare neurons, raise it to drop small units",
        ge=1,
    )
    max_coincident_share: float = setting(
        0.5,
        "largest share of a unit's spikes at one lag of a larger neighbour's spikes; "
        "lower it if neurons are found twice, raise it if synchronous neurons are lost",
        old_name="duplicate_share",
        gt=0.0,
        le=1.0,
    )
    duplicate_spike_ms: float = setting(
        0.25,
        "spikes of one unit closer than this are one spike; raise it if spikes are counted twice, 0 keeps all",
        kilosort4="duplicate_spike_ms",
        ge=0.0,
        le=0.5,
    )
