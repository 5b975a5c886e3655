"""Settings: how footprints vary in space."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class TissueParams(Params):
    """How footprints vary in space."""

    length_scale_um: float = setting(30.0, "distance over which a footprint changes", old_name="length_um", gt=0.0)
    displacement_step_um: float = setting(1.0, "templates are displaced in steps of this", old_name="step_um", gt=0.0)
    displacement_bin_um: float = setting(2.0, "spikes are averaged in displacements of this", old_name="bin_um", gt=0.0)
    noise_variance_ratio: float = setting(
        0.03,
        "noise variance of one spike over that of its signal when features are moved to rest",
        old_name="noise_share",
        gt=0.0,
    )
    traces_length_scale_um: float = setting(
        20.0,
        "the same distance where traces are moved (motion.mode = traces)",
        old_name="traces_length_um",
        kilosort4="sig_interp",
        gt=0.0,
    )
