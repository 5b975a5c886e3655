"""Settings of the features: which contacts describe a spike."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class FeaturesParams(Params):
    """Which contacts describe a spike."""

    contacts: int = setting(
        16,
        "contacts that describe each spike of a group; "
        "raise it if neurons spread over more contacts, lower it to save time and disk",
        ge=1,
        le=64,
    )
    max_distance_um: float = setting(
        150.0,
        "contacts farther than this from the centre of their group are left out; "
        "raise it on sparse probes, lower it if distant neurons disturb",
        gt=0.0,
    )
    group_width_um: float = setting(
        64.0,
        "a shank wider than twice this is cut into groups side by side; "
        "raise it if neurons are split between groups, lower it to save memory",
        gt=0.0,
    )
