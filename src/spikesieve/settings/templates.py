"""Settings: how clusters become templates."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class TemplatesParams(Params):
    """How clusters become templates."""

    min_spikes: int = setting(20, "clusters with fewer spikes become no template", ge=1)
    duplicate_correlation: float = setting(
        0.9, "templates more similar than this at some lag are joined", gt=0.0, le=1.0
    )
    duplicate_norm_difference: float = setting(0.2, "if their norms differ relatively less than this", ge=0.0)
