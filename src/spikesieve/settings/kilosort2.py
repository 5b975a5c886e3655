"""Settings of the method kilosort2: how batches are ordered and templates follow the drift."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class Kilosort2Params(Params):
    """How batches are ordered and templates tracked along them."""

    drift: Literal["order", "register"] = setting(
        "order",
        "how drift is followed: by reordering batches (Kilosort2) or by registering traces (Kilosort2.5); "
        "choose register to compare with Kilosort2.5",
    )
    batch_samples: int = setting(
        65_600,
        "length of a batch in samples; lower it if drift is fast, raise it if a batch holds few spikes",
        kilosort2="NT",
        ge=1_000,
        le=2_000_000,
    )
    reorder: bool = setting(
        True,
        "learn templates along the reordered batches, not along time; set it to false if the tissue does not move",
        kilosort2="reorder",
    )
    order_threshold: float = setting(
        8.0,
        "smallest projection of a spike that orders batches, in noise SD; "
        "lower it if a batch holds few spikes, raise it if noise is detected",
        kilosort2="ThPre",
        gt=2.0,
    )
    order_components: int = setting(
        3,
        "temporal components (PCs) that batches are compared by; "
        "raise it to compare finer shapes, lower it if a batch holds few spikes",
        kilosort2="nPCs",
        ge=1,
    )
    order_contacts: int = setting(
        17,
        "contacts around a spike that batches are compared by; raise it on dense probes, lower it to save time",
        ge=1,
        le=128,
    )
    learn_threshold: float = setting(
        8.0,
        "smallest score of a spike that templates are learned from, in noise SD; "
        "lower it to learn smaller neurons, raise it if templates follow noise",
        gt=2.0,
        le=100.0,
    )
    threshold: float = setting(
        4.0,
        "smallest score of a spike in the result, in noise SD; "
        "lower it to find smaller spikes, raise it if units contain noise",
        gt=1.0,
        le=100.0,
    )
    amplitude_penalty: float = setting(
        10.0,
        "how strongly a spike's amplitude is held to its template's; "
        "raise it if units take spikes of other sizes, lower it if spikes of bursts are missed",
        kilosort2="lam",
        ge=0.0,
        le=1_000.0,
    )
    first_momentum: float = setting(
        20.0,
        "spikes that a template averages over at first; raise it if templates are noisy, lower it to learn faster",
        ge=1.0,
    )
    last_momentum: float = setting(
        400.0,
        "spikes that a template averages over in the end; "
        "raise it if templates are noisy, lower it if they lag behind the drift",
        ge=1.0,
    )
    min_rate_hz: float = setting(
        0.02,
        "templates that fire less often are dropped; lower it to keep rare neurons, raise it to drop noise templates",
        kilosort2="minFR",
        ge=0.0,
    )
    template_radius_um: float = setting(
        90.0,
        "contacts farther than this from a template's largest one are not part of it; "
        "raise it if neurons spread over more contacts, lower it to save time",
        old_name="reach_um",
        gt=0.0,
    )
    rank: int = setting(
        3,
        "products of a time course and a footprint that make up a template; "
        "raise it if waveforms differ between contacts, lower it to save time",
        ge=1,
        le=24,
    )
    templates_per_contact: int = setting(
        4,
        "most templates for each contact; raise it if neurons are missed in dense tissue, lower it to save time",
        kilosort2="nfilt_factor",
        ge=1,
        le=100,
    )
    max_peels: int = setting(
        500,
        "most rounds of template matching in a piece of a batch; "
        "raise it if a note says spikes are left, lower it to save time",
        ge=1,
        le=10_000,
    )
    split_posterior: float = setting(
        0.9,
        "smallest mean posterior of both sides of a split; "
        "lower it if different neurons are merged, raise it if neurons are split",
        kilosort2="AUCsplit",
        gt=0.5,
        lt=1.0,
    )
    min_split_spikes: int = setting(
        300,
        "fewest spikes of either side of a split; lower it to split off rare neurons, raise it if neurons are split",
        old_name="split_spikes",
        ge=10,
    )
