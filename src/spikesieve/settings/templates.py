"""Settings of templates: how clusters become templates."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class TemplatesParams(Params):
    """How clusters become templates."""

    min_spikes: int = setting(
        20,
        "fewest spikes of a cluster that becomes a template; lower it to keep rare neurons, raise it to save time",
        ge=1,
    )
    duplicate_correlation: float = setting(
        0.9,
        "templates that correlate more than this at some lag are joined; "
        "lower it if neurons are found twice, raise it if different neurons are merged",
        gt=0.0,
        le=1.0,
    )
    duplicate_norm_difference: float = setting(
        0.2,
        "relative difference in norm below which such templates are joined; "
        "raise it if neurons are found twice, lower it if different neurons are merged",
        ge=0.0,
    )
