"""Settings of preprocessing: from raw to whitened traces."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class PreprocessParams(Params):
    """How raw traces are filtered, referenced and whitened."""

    highpass_cutoff_hz: float = setting(
        300.0,
        "corner frequency of the zero-phase high-pass filter; "
        "raise it if slow waves remain, lower it if spikes are distorted",
        kilosort4="highpass_cutoff",
        gt=0.0,
        le=3000.0,
    )
    delays: Literal["correct", "keep"] = setting(
        "correct",
        "whether contacts that the converter samples one after another are brought to one time, if the recording says "
        "when each one is sampled; choose keep if another program has done it",
    )
    reference: Literal["median", "none"] = setting(
        "median",
        "common reference subtracted from the contacts of a shank; choose none if the file is referenced",
        kilosort4="do_CAR",
    )
    min_reference_contacts: int = setting(
        16,
        "fewest contacts of a shank that get a common reference; "
        "lower it if small shanks share noise, raise it if a spike covers most contacts",
        ge=2,
    )
    whitening_range: int = setting(
        32,
        "nearest contacts of the shank that whiten each contact; raise it if noise spreads far, lower it to save time",
        kilosort4="whitening_range",
        ge=1,
        le=512,
    )
    whitening_shrinkage: float = setting(
        0.01,
        "share of the identity in the correlation matrix that whitens; "
        "raise it if nearby contacts are almost identical, lower it if noise stays correlated",
        ge=0.0,
        le=1.0,
    )
    bad_contacts: Literal["exclude", "interpolate", "keep"] = setting(
        "exclude",
        "what to do with bad contacts (dead, noisy, popping, copies); "
        "choose interpolate to fill them from their neighbours, keep to sort them as they are",
    )
    dead_ratio: float = setting(
        0.2,
        "a contact with less noise than this times the shank's median is dead; "
        "raise it to catch more of them, lower it if good contacts are lost",
        ge=0.0,
        lt=1.0,
    )
    noisy_ratio: float = setting(
        4.0,
        "a contact with more noise than this times the shank's median is noisy; "
        "lower it to catch more of them, raise it if good contacts are lost",
        gt=1.0,
    )
    artifacts: Literal["blank", "keep"] = setting(
        "blank",
        "whether artifacts are blanked: what is large on most contacts at once; choose keep if neurons fire like that",
    )
    artifact_threshold_uv: float | None = setting(
        None,
        "a high-passed sample beyond this, before the reference, is an artifact and blanks its shank while it lasts "
        "(default: none is); set it above the largest spikes if artifacts remain, as on a tetrode",
        kilosort4="artifact_threshold",
        gt=0.0,
    )
    artifact_margin_ms: float = setting(
        0.5,
        "time blanked before and after an artifact or saturation; "
        "raise it if something of them remains, lower it to keep more of the recording",
        old_name="artifact_ms",
        ge=0.0,
        le=1000.0,
    )
    artifact_before_ms: float = setting(
        0.5, "time blanked before each given artifact time; raise it if the artifact starts earlier", ge=0.0, le=1000.0
    )
    artifact_after_ms: float = setting(
        2.0, "time blanked after each given artifact time; raise it if the artifact lasts longer", ge=0.0, le=10_000.0
    )
