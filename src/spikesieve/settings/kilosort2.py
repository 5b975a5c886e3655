"""Settings: how batches are ordered and templates tracked along them."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class Kilosort2Params(Params):
    """How batches are ordered and templates tracked along them."""

    drift: Literal["order", "register"] = setting(
        "order", "follow drift by reordering batches (Kilosort2) or by registering the traces (Kilosort2.5)"
    )
    batch_samples: int = setting(65_600, "length of a batch in samples", kilosort2="NT", ge=1_000, le=2_000_000)
    reorder: bool = setting(
        True, "templates are learned along the order of the batches, not of time", kilosort2="reorder"
    )
    order_threshold: float = setting(
        8.0, "smallest projection on the first components that orders batches, in noise SD", kilosort2="ThPre", gt=2.0
    )
    order_components: int = setting(3, "temporal components that batches are compared by", kilosort2="nPCs", ge=1)
    order_contacts: int = setting(17, "contacts around a spike that batches are compared by", ge=1, le=128)
    learn_threshold: float = setting(
        8.0, "smallest score that a template is learned from, in noise SD", gt=2.0, le=100.0
    )
    threshold: float = setting(4.0, "smallest score of a spike in the end, in noise SD", gt=1.0, le=100.0)
    amplitude_penalty: float = setting(
        10.0, "how strongly a spike's amplitude is held to its template's", kilosort2="lam", ge=0.0, le=1_000.0
    )
    first_momentum: float = setting(20.0, "spikes that a template averages over at first", ge=1.0)
    last_momentum: float = setting(400.0, "spikes that a template averages over in the end", ge=1.0)
    min_rate_hz: float = setting(0.02, "a template that fires less is dropped", kilosort2="minFR", ge=0.0)
    template_radius_um: float = setting(
        90.0, "no contact farther than this from a template's largest one is part of it", old_name="reach_um", gt=0.0
    )
    rank: int = setting(3, "products of a time course and a footprint that a template is made of", ge=1, le=24)
    templates_per_contact: int = setting(4, "largest number of templates", kilosort2="nfilt_factor", ge=1, le=100)
    max_peels: int = setting(500, "largest number of rounds of matching in a piece of a batch", ge=1, le=10_000)
    split_posterior: float = setting(
        0.9, "a unit is split where both sides are assigned this surely", kilosort2="AUCsplit", gt=0.5, lt=1.0
    )
    min_split_spikes: int = setting(300, "neither side of a split has fewer spikes", old_name="split_spikes", ge=10)
