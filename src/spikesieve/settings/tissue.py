"""Settings of templates that follow the drift: how a footprint varies in space."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class TissueParams(Params):
    """How a unit's footprint varies in space."""

    length_scale_um: float = setting(
        30.0,
        "distance over which a footprint changes; raise it on sparse probes, lower it if footprints are small",
        old_name="length_um",
        gt=0.0,
    )
    displacement_step_um: float = setting(
        1.0,
        "templates are computed in displacement steps of this size; "
        "lower it if footprints change fast, raise it to save memory",
        old_name="step_um",
        gt=0.0,
    )
    displacement_bin_um: float = setting(
        2.0,
        "spikes of a template are averaged in displacement bins of this size; "
        "lower it if footprints change fast, raise it if units have few spikes",
        old_name="bin_um",
        gt=0.0,
    )
    noise_variance_ratio: float = setting(
        0.03,
        "noise variance of a spike over its signal variance, when its features are moved to rest; "
        "raise it if moved features are noisy, lower it if drift remains in them",
        old_name="noise_share",
        gt=0.0,
    )
    traces_length_scale_um: float = setting(
        20.0,
        "length scale of the interpolation that moves traces (motion.mode = traces); "
        "raise it on sparse probes, lower it on dense ones",
        old_name="traces_length_um",
        kilosort4="sig_interp",
        gt=0.0,
    )
