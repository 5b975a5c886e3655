"""Settings of clustering: how the spikes of one group are clustered."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class ClusterParams(Params):
    """How the spikes of one group are clustered."""

    n_neighbours: int = setting(
        10,
        "nearest landmark spikes that each spike is linked to; "
        "raise it if neurons are split, lower it if different neurons are merged",
        old_name="neighbours",
        kilosort4="cluster_neighbors",
        ge=2,
        le=100,
    )
    downsampling: int = setting(
        20,
        "every n-th spike is a landmark, more of them in small groups; "
        "lower it to find rare neurons, raise it to save time",
        kilosort4="cluster_downsampling",
        ge=1,
    )
    max_landmarks: int = setting(
        25_000,
        "most landmarks in a group; raise it to find rare neurons in long recordings, lower it to save memory",
        kilosort4="max_cluster_subset",
        ge=100,
    )
    min_landmarks: int = setting(
        5_000,
        "fewest landmarks in a group that has as many spikes; raise it to find rare neurons, lower it to save time",
        ge=10,
    )
    max_spikes: int = setting(
        25_000,
        "most spikes of a group in the first clustering, evenly taken where there are more; "
        "raise it to find rare neurons, lower it to save time and memory",
        ge=1_000,
    )
    initial_clusters: int = setting(
        200,
        "k-means++ centres that clustering starts from; "
        "raise it if neurons are merged in busy groups, lower it to save time",
        ge=2,
        le=1000,
    )
    resolution: float = setting(
        1.0,
        "resolution of the modularity; raise it if different neurons are merged, lower it if neurons are split",
        gt=0.0,
    )
    max_rounds: int = setting(
        200,
        "most rounds of label changes; raise it if clusters have not settled, lower it to save time",
        old_name="rounds",
        ge=1,
    )
    min_link_ratio: float = setting(
        0.2,
        "clusters linked less than this times chance stay apart; "
        "raise it if different neurons are merged, lower it if neurons are split",
        old_name="weak_link_ratio",
        ge=0.0,
    )
    min_bimodality: float = setting(
        0.6,
        "clusters stay apart if their joint projection dips at least this deep, from 0 (no dip) to 1 (empty); "
        "raise it if neurons are split, lower it if different neurons are merged",
        old_name="bimodality",
        ge=0.0,
        le=1.0,
    )
    min_bimodality_if_not_refractory: float = setting(
        0.3,
        "the same as min_bimodality, where the cross-correlogram shows two neurons; "
        "raise it if neurons are split, lower it if different neurons are merged",
        old_name="bimodality_of_two",
        ge=0.0,
        le=1.0,
    )
    seed: int = setting(
        5,
        "seed of the k-means++; change it to see how much depends on chance",
        kilosort4="cluster_init_seed",
        ge=0,
    )
