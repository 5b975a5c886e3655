"""Settings: how raw traces become whitened ones."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class PreprocessParams(Params):
    """How raw traces become whitened ones."""

    highpass_cutoff_hz: float = setting(
        300.0, "corner of the zero-phase high-pass", kilosort4="highpass_cutoff", gt=0.0, le=3000.0
    )
    reference: Literal["median", "none"] = setting("median", "what is subtracted from all contacts of a shank")
    min_reference_contacts: int = setting(16, "a shank with fewer contacts gets no reference", ge=2)
    whitening_range: int = setting(
        32, "contacts of the same shank that whiten each contact", kilosort4="whitening_range", ge=1, le=512
    )
    whitening_shrinkage: float = setting(0.01, "share of the identity in the correlation matrix", ge=0.0, le=1.0)
    bad_contacts: Literal["exclude", "interpolate", "keep"] = setting(
        "exclude", "what to do with dead and noisy contacts"
    )
    dead_ratio: float = setting(0.2, "a contact with noise below this times the shank's median is dead", ge=0.0, lt=1.0)
    noisy_ratio: float = setting(4.0, "a contact with noise above this times the shank's median is noisy", gt=1.0)
    artifact_threshold_uv: float | None = setting(
        None, "a high-passed sample beyond this on any contact blanks its shank", kilosort4="artifact_threshold", gt=0.0
    )
    artifact_margin_ms: float = setting(
        2.0, "blanked on either side of an artifact or a saturated sample", old_name="artifact_ms", ge=0.0, le=1000.0
    )
