"""Settings: how footprints vary in space."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class TissueParams(Params):
    """How footprints vary in space."""

    length_um: float = setting(30.0, "distance over which a footprint changes", gt=0.0)
    step_um: float = setting(1.0, "templates are displaced in steps of this", gt=0.0)
    bin_um: float = setting(2.0, "spikes are averaged in displacements of this", gt=0.0)
    noise_share: float = setting(
        0.03, "noise variance of one spike over that of its signal when features are moved to rest", gt=0.0
    )
    traces_length_um: float = setting(
        20.0, "the same distance where traces are moved (motion.mode = traces)", kilosort4="sig_interp", gt=0.0
    )
