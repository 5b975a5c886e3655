"""Settings: universal templates and where they sit."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class DetectParams(Params):
    """Universal templates and where they sit."""

    threshold: float = setting(
        9.0, "smallest projection on a universal template, in noise SD", kilosort4="Th_universal", gt=2.0, le=100.0
    )
    vertical_pitch_um: float | None = setting(
        None, "template centres sit at half of it; default: median distance of contact rows", kilosort4="dmin", gt=0.0
    )
    lateral_pitch_um: float = setting(32.0, "template centres sit at half of it across", kilosort4="dminx", gt=0.0)
    min_template_size_um: float = setting(10.0, "smallest spatial Gaussian", kilosort4="min_template_size", gt=0.0)
    template_sizes: int = setting(5, "sizes: 1, 2 ... times the smallest", kilosort4="template_sizes", ge=1, le=20)
    nearest_contacts: int = setting(10, "contacts of a universal template", kilosort4="nearest_chans", ge=1, le=64)
    nearest_templates: int = setting(
        100, "centres among which a spike must be the largest", kilosort4="nearest_templates", ge=1, le=1000
    )
    max_contact_distance_um: float = setting(
        32.0, "centres farther than this from any contact are dropped", kilosort4="max_channel_distance", gt=0.0
    )
    exclusion_samples: int = setting(20, "and within this many samples at 30 kHz", ge=1, le=200)
