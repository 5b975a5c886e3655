"""Settings of the unit table: how units are measured and labelled."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class UnitsParams(Params):
    """How units are measured and labelled."""

    waveform_contacts: int = setting(
        32,
        "contacts on which the mean waveform is measured; raise it on dense probes, lower it to save time",
        ge=1,
        le=128,
    )
    waveform_radius_um: float = setting(
        200.0,
        "contacts farther than this from the best contact get no mean waveform; "
        "raise it on sparse probes, lower it to save time",
        old_name="waveform_reach_um",
        gt=0.0,
    )
    waveform_spikes: int = setting(
        100,
        "spikes that a mean waveform is measured from, about; raise it for smoother waveforms, lower it to save time",
        ge=10,
    )
    waveform_duration_s: float = setting(
        100.0,
        "length of recording read for mean waveforms, then a fifth of waveform_spikes is enough; "
        "raise it for smoother waveforms of rare units, lower it to save time",
        old_name="waveform_s",
        ge=1.0,
    )
    min_snr: float = setting(
        1.5,
        "a unit whose peak is smaller than this times the noise SD is labelled noise; "
        "lower it to keep small units, raise it to label more of them noise",
        ge=0.0,
    )
    max_extent_um: float = setting(
        300.0,
        "a unit with half its peak-to-peak on contacts farther apart than this is labelled noise; "
        "raise it if large neurons are lost, lower it if artifacts remain",
        old_name="max_spread_um",
        gt=0.0,
    )
    max_missed_share: float = setting(
        0.12,
        "largest estimated share of missed spikes of a good unit; "
        "raise it to label more units good, lower it for more complete ones",
        old_name="max_missed",
        ge=0.0,
        le=1.0,
    )
