"""Settings of drift: how the displacement of the tissue is measured and followed."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class MotionParams(Params):
    """Whether and how the displacement of the tissue is measured and followed."""

    mode: Literal["templates", "traces", "off"] = setting(
        "templates",
        "what follows the drift: the templates, the traces (as in Kilosort4) or nothing; "
        "choose off if the file is already corrected for drift",
    )
    estimator: Literal["decentralized", "kilosort"] = setting(
        "decentralized",
        "how displacement is measured: between all pairs of times (DREDge) or against one template (Kilosort4); "
        "choose kilosort to compare with Kilosort4",
    )
    n_sections: int | None = setting(
        None,
        "sections of a shank that may move differently, 0: no drift correction (default: one a section_height_um); "
        "raise it if depths move differently, set it to 1 if all depths move alike",
        old_name="nblocks",
        kilosort4="nblocks",
        ge=0,
        le=100,
    )
    section_height_um: float = setting(
        150.0,
        "height of a section where n_sections is not given; "
        "lower it if nearby depths move differently, raise it if spikes are few",
        old_name="section_um",
        gt=10.0,
        le=10_000.0,
    )
    time_bin_s: float | None = setting(
        None,
        "length of a time bin (default: it holds 30 spikes of each section, 2 s for kilosort); "
        "lower it if drift is fast, raise it if spikes are few",
        old_name="bin_s",
        gt=0.05,
        le=600.0,
    )
    depth_bin_um: float | None = setting(
        None,
        "height of a depth bin (default: 2.5, 5 for kilosort); lower it to resolve small drift, raise it to save time",
        kilosort4="binning_depth",
        gt=0.5,
        le=50.0,
    )
    max_shift_um: float = setting(
        75.0,
        "largest displacement searched between two times; "
        "raise it if the tissue moved farther, lower it if the estimate jumps",
        gt=5.0,
        le=500.0,
    )
    time_horizon_s: float = setting(
        100.0,
        "times farther apart than this are not compared; raise it if slow drift is missed, lower it to save time",
        old_name="horizon_s",
        gt=1.0,
        le=10_000.0,
    )
