"""Settings: how one group of spikes is clustered."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class ClusterParams(Params):
    """How one group of spikes is clustered."""

    n_neighbours: int = setting(
        10, "landmarks each spike is linked to", old_name="neighbours", kilosort4="cluster_neighbors", ge=2, le=100
    )
    downsampling: int = setting(
        20, "at most every n-th spike is a landmark; small groups use more", kilosort4="cluster_downsampling", ge=1
    )
    max_landmarks: int = setting(25_000, "largest number of landmarks", kilosort4="max_cluster_subset", ge=100)
    min_landmarks: int = setting(5_000, "a group is not thinned below this", ge=10)
    max_spikes: int = setting(
        25_000, "spikes of a group that templates are first found in, evenly taken where there are more", ge=1_000
    )
    initial_clusters: int = setting(200, "k-means++ centres that labels start from", ge=2, le=1000)
    resolution: float = setting(1.0, "resolution of the modularity", gt=0.0)
    max_rounds: int = setting(200, "largest number of rounds of label changes", old_name="rounds", ge=1)
    min_link_ratio: float = setting(
        0.2, "sides linked less than this times chance stay apart", old_name="weak_link_ratio", ge=0.0
    )
    min_bimodality: float = setting(
        0.6, "sides whose joint projection dips this deep are two clusters", old_name="bimodality", ge=0.0, le=1.0
    )
    min_bimodality_if_not_refractory: float = setting(
        0.3,
        "the same where the spike times say that the sides are two neurons",
        old_name="bimodality_of_two",
        ge=0.0,
        le=1.0,
    )
    seed: int = setting(5, "seed of the k-means++", kilosort4="cluster_init_seed", ge=0)
