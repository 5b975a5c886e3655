"""Settings: whether and how the movement of the tissue is estimated."""

from __future__ import annotations

from typing import Literal

from spikesieve.settings.params import Params, setting


class MotionParams(Params):
    """Whether and how the movement of the tissue is estimated."""

    mode: Literal["templates", "traces", "off"] = setting(
        "templates", "what follows the tissue: the templates, the traces (as Kilosort4 does it), or nothing"
    )
    estimator: Literal["decentralized", "kilosort"] = setting(
        "decentralized", "compare all pairs of times (DREDge), or each time with a template (Kilosort4)"
    )
    n_sections: int | None = setting(
        None,
        "sections of a shank that may move differently: 0 off, 1 all depths alike; default: one a section_height_um",
        old_name="nblocks",
        kilosort4="nblocks",
        ge=0,
        le=100,
    )
    section_height_um: float = setting(
        150.0, "height of a section where n_sections is not given", old_name="section_um", gt=10.0, le=10_000.0
    )
    time_bin_s: float | None = setting(
        None,
        "bin of time in s; default: so that it holds 30 spikes of each section, 2 for kilosort",
        old_name="bin_s",
        gt=0.05,
        le=600.0,
    )
    depth_bin_um: float | None = setting(
        None,
        "bin of depth; default: 2.5, and 5 for kilosort",
        kilosort4="binning_depth",
        gt=0.5,
        le=50.0,
    )
    max_shift_um: float = setting(75.0, "largest displacement between two times that is looked for", gt=5.0, le=500.0)
    time_horizon_s: float = setting(
        100.0, "times farther apart than this are not compared", old_name="horizon_s", gt=1.0, le=10_000.0
    )
