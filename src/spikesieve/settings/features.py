"""Settings: which contacts describe a spike."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class FeaturesParams(Params):
    """Which contacts describe a spike."""

    contacts: int = setting(16, "contacts that describe each spike of a group", ge=1, le=64)
    max_distance_um: float = setting(150.0, "no contact farther than this from its group's centre", gt=0.0)
    group_width_um: float = setting(64.0, "a shank wider than twice this is cut into groups across as well", gt=0.0)
