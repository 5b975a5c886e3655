"""Settings of the first pass: detection with universal templates."""

from __future__ import annotations

from typing import Self

from spikesieve.settings.params import Params, setting

# Th_universal of Kilosort4, in SD of whitened traces.
KILOSORT4_THRESHOLD = 9.0


class DetectParams(Params):
    """Which universal templates find the first spikes, and where they sit."""

    threshold: float | None = setting(
        None,
        "smallest projection of a spike on a universal template, in noise SD (default: follows from the noise in the "
        "method sieve, 9 in the others); lower it to find smaller spikes, raise it if noise is detected",
        kilosort4="Th_universal",
        gt=2.0,
        le=100.0,
    )
    vertical_pitch_um: float | None = setting(
        None,
        "distance of contact rows, template centres lie half of it apart (default: the median distance); "
        "set it if rows are uneven, lower it to place more templates",
        kilosort4="dmin",
        gt=0.0,
    )
    lateral_pitch_um: float = setting(
        32.0,
        "distance of contact columns, template centres lie half of it apart; "
        "lower it on dense probes, raise it to save time",
        kilosort4="dminx",
        gt=0.0,
    )
    min_template_size_um: float = setting(
        10.0,
        "width of the smallest spatial Gaussian; lower it for small neurons on dense probes, raise it on sparse ones",
        kilosort4="min_template_size",
        gt=0.0,
    )
    template_sizes: int = setting(
        5,
        "number of spatial sizes: 1, 2 ... times the smallest; "
        "raise it if spikes spread over more contacts, lower it to save time",
        kilosort4="template_sizes",
        ge=1,
        le=20,
    )
    nearest_contacts: int = setting(
        10,
        "contacts of a universal template; raise it on dense probes, lower it to save time",
        kilosort4="nearest_chans",
        ge=1,
        le=64,
    )
    nearest_templates: int = setting(
        100,
        "nearest template centres among which a spike must be the largest; "
        "raise it if one spike is found at several places, lower it if simultaneous spikes are missed",
        kilosort4="nearest_templates",
        ge=1,
        le=1000,
    )
    max_contact_distance_um: float = setting(
        32.0,
        "template centres farther than this from every contact are dropped; "
        "raise it on sparse probes, lower it to save time",
        kilosort4="max_channel_distance",
        gt=0.0,
    )
    exclusion_samples: int = setting(
        20,
        "samples at 30 kHz within which a spike must be the largest; "
        "raise it if one spike is found twice, lower it if overlapping spikes are missed",
        ge=1,
        le=200,
    )

    def at(self, threshold_sd: float) -> Self:
        """Replace the threshold.

        Parameters
        ----------
        threshold_sd : float
            The new threshold in noise SD.

        Returns
        -------
        Self
            The same settings with this threshold.
        """
        return self.model_copy(update={"threshold": threshold_sd})

    @property
    def least_score(self) -> float:
        """The threshold in noise SD; that of Kilosort4 where none is given."""
        return KILOSORT4_THRESHOLD if self.threshold is None else self.threshold
