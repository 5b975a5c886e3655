"""Settings: how units are described and labelled."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class UnitsParams(Params):
    """How units are described and labelled."""

    waveform_contacts: int = setting(32, "contacts on which the mean waveform is measured", ge=1, le=128)
    waveform_radius_um: float = setting(
        200.0, "and none farther than this from the best contact", old_name="waveform_reach_um", gt=0.0
    )
    waveform_spikes: int = setting(100, "spikes that a mean waveform is measured from, about", ge=10)
    waveform_duration_s: float = setting(
        100.0,
        "and seconds, spread over the recording, after which a fifth of so many suffices",
        old_name="waveform_s",
        ge=1.0,
    )
    min_snr: float = setting(1.5, "a unit whose peak is smaller than this times the noise SD is noise", ge=0.0)
    max_spread_um: float = setting(300.0, "a unit with half its peak-to-peak farther apart than this is noise", gt=0.0)
    max_missed_share: float = setting(
        0.12,
        "a unit of which more than this share of the spikes seems too small to be found is mua",
        old_name="max_missed",
        ge=0.0,
        le=1.0,
    )
