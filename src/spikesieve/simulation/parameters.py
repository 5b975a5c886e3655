"""Parameters of a simulated recording: units, spike trains, drift, noise and faults."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from spikesieve.settings.params import Params, setting


class PopulationParams(Params):
    """Number, positions and amplitudes of the units."""

    n_units: int = setting(20, "units whose spikes are the truth", ge=0, le=100_000)
    amplitude_law: Literal["lognormal", "uniform", "exponential", "own"] = setting(
        "lognormal",
        "how amplitudes are drawn; exponential: the smallest plus one of mean amplitude_uv; own: as measured",
    )
    amplitude_uv: float = setting(95.0, "median over units of the peak to peak on the largest contact", gt=0.0, le=1e5)
    amplitude_log_sd: float = setting(0.45, "SD of the logarithm of that amplitude", ge=0.0, le=5.0)
    min_amplitude_uv: float = setting(45.0, "no unit is smaller", gt=0.0, le=1e5)
    max_amplitude_uv: float = setting(400.0, "no unit is larger", gt=0.0, le=1e5)
    aside_um: float = setting(
        15.0, "a unit lies up to this far in x and y from a contact drawn at random", ge=0, le=1e4
    )
    min_away_um: float = setting(10.0, "smallest distance of a unit from the plane of the probe", ge=0.0, le=1e4)
    max_away_um: float = setting(32.0, "largest distance of a unit from the plane of the probe", ge=0.0, le=1e4)
    min_distance_um: float = setting(
        0.0, "units keep this far apart where 100 tries find such a place, the best try otherwise", ge=0.0, le=1e4
    )
    background_per_unit: float = setting(3.0, "small far units for each unit, too small to be sorted", ge=0.0, le=1e3)
    min_background_uv: float = setting(5.0, "peak-to-peak amplitude of the smallest background unit", gt=0.0, le=1e4)
    max_background_uv: float = setting(20.0, "peak-to-peak amplitude of the largest background unit", gt=0.0, le=1e4)

    @property
    def n_background(self) -> int:
        """Number of background units."""
        return round(self.n_units * self.background_per_unit)


class TrainParams(Params):
    """Firing rates, intervals and amplitudes of the spike trains."""

    rate_law: Literal["lognormal", "uniform", "exponential"] = setting(
        "lognormal", "how firing rates are drawn: around the median rate_hz, between the bounds, or of mean rate_hz"
    )
    rate_hz: float = setting(5.0, "median over units of the firing rate", gt=0.0, le=200.0)
    rate_log_sd: float = setting(0.8, "SD of the logarithm of the firing rate", ge=0.0, le=5.0)
    min_rate_hz: float = setting(0.4, "no unit fires less", gt=0.0, le=200.0)
    max_rate_hz: float = setting(40.0, "no unit fires more", gt=0.0, le=200.0)
    refractory_ms: float = setting(2.0, "no unit fires twice within this", ge=0.0, le=5.0)
    interval_shape: float = setting(
        1.4, "shape of the gamma intervals: 1 is Poisson, larger is regular", gt=0.0, le=100
    )
    bursting_share: float = setting(0.3, "share of units that fire bursts of shrinking spikes", ge=0.0, le=1.0)
    burst_drop: float = setting(0.25, "how much smaller a spike right after another one is", ge=0.0, le=0.9)
    spike_spread: float = setting(0.08, "SD of a unit's spike amplitudes, relative to their mean", ge=0.0, le=1.0)
    slow_rate_spread: float = setting(0.0, "SD of the logarithm of each unit's slowly changing rate", ge=0.0, le=3.0)
    slow_rate_s: float = setting(30.0, "how long such a change lasts", gt=0.1, le=1e5)
    shared_rate_spread: float = setting(0.0, "SD of the logarithm of the rate that all units share", ge=0.0, le=3.0)
    shared_rate_s: float = setting(1.0, "how long a change of the shared rate lasts", gt=0.1, le=1e5)


class DriftParams(Params):
    """Drift of the tissue along the probe: the sum of all kinds that are not 0."""

    drift_sine_um: float = setting(0.0, "amplitude of a sine, half of its peak to peak", ge=-1e3, le=1e3)
    drift_sine_period_s: float = setting(600.0, "period of the sine", gt=0.1, le=1e6)
    drift_relaxation_um: float = setting(0.0, "distance from rest at the start, halved each half-life", ge=-1e3, le=1e3)
    drift_relaxation_s: float = setting(2.0, "half-life of the relaxation", gt=0.01, le=1e6)
    drift_zigzag_um: float = setting(0.0, "peak to peak of a triangle wave", ge=-1e3, le=1e3)
    drift_zigzag_period_s: float = setting(200.0, "period of the triangle wave", gt=0.1, le=1e6)
    drift_zigzag_start_s: float = setting(0.0, "when the triangle wave starts", ge=0.0, le=1e6)
    drift_walk_um: float = setting(0.0, "largest distance that a random walk gets from its start", ge=0.0, le=1e3)
    drift_smooth_um: float = setting(0.0, "peak to peak of smoothed white noise", ge=0.0, le=1e3)
    drift_smooth_s: float = setting(100.0, "SD of the Gaussian that smooths it", gt=0.1, le=1e6)
    drift_step_um: float = setting(0.0, "height of a step", ge=-1e3, le=1e3)
    drift_step_at: float = setting(0.5, "when it comes, as a share of the recording", ge=0.0, le=1.0)
    drift_event_um: float = setting(0.0, "height of fast events, up or down by chance", ge=0.0, le=1e3)
    drift_events_per_min: float = setting(6.0, "how often fast events come", ge=0.0, le=600.0)
    drift_event_rise_ms: float = setting(80.0, "time to the top of a fast event", gt=0.0, le=1e5)
    drift_event_decay_ms: float = setting(200.0, "time constant of its decay", gt=0.0, le=1e5)
    nonrigid: float = setting(
        0.0, "0: all depths move alike; 1: the top is at rest or moves on its own", ge=0.0, le=1.0
    )
    drift_decay_um: float | None = setting(
        None, "the motion falls to 1/e over this distance from drift_origin_um; none: it does not", gt=0.0, le=1e6
    )
    drift_origin_um: float = setting(3800.0, "depth at which the motion is largest where it decays", ge=-1e6, le=1e6)
    drift_per_shank: bool = setting(False, "whether each shank moves on its own")

    @property
    def moves(self) -> bool:
        """Whether the tissue moves."""
        kinds = ("sine", "relaxation", "zigzag", "walk", "smooth", "step", "event")
        return any(getattr(self, f"drift_{kind}_um") for kind in kinds)


class NoiseParams(Params):
    """Noise, slow field and hum."""

    noise_uv: float = setting(9.0, "SD of the noise, without background units, slow field and hum", ge=0.0, le=1e5)
    correlation_um: float = setting(60.0, "noise of the tissue is correlated over this distance", gt=0.0, le=1e5)
    noise_colour: Literal["tissue", "white"] = setting("tissue", "spectrum of the noise that contacts share")
    shared_share: float = setting(
        0.45, "share of the tissue's variance that neighbours have in common", ge=0.0, le=0.99
    )
    sensor_share: float = setting(0.36, "share of the variance that is each sensor's own, white", ge=0.0, le=1.0)
    slow_field_uv: float = setting(80.0, "SD of the slow field, 1.5 to 60 Hz", ge=0.0, le=1e5)
    hum_uv: float = setting(12.0, "amplitude of the mains hum", ge=0.0, le=1e5)
    hum_hz: float = setting(60.0, "frequency of the mains hum", gt=0.0, le=1e4)
    channel_gain_spread: float = setting(0.0, "SD over channels of the gain, around 1", ge=0.0, le=0.3)


class FaultParams(Params):
    """Dead channels, artifacts, stimulation, silence and saturation."""

    n_dead_channels: int = setting(0, "channels that are flat", ge=0, le=100_000)
    artifacts_per_min: float = setting(0.0, "pulses on all channels at once", ge=0.0, le=6000.0)
    artifact_uv: float = setting(2000.0, "height of such a pulse", gt=0.0, le=1e6)
    artifact_ms: float = setting(2.0, "length of such a pulse", gt=0.0, le=1000.0)
    pulses_hz: float = setting(0.0, "stimulation pulses per second, evenly spaced", ge=0.0, le=500.0)
    pulse_uv: float = setting(3000.0, "height of each of their two phases, on a contact of mean size", gt=0.0, le=1e6)
    pulse_phase_ms: float = setting(0.2, "length of a phase", gt=0.0, le=100.0)
    pulse_tail_ms: float = setting(5.0, "time constant of the tail after a pulse, a third as high", gt=0.0, le=1000.0)
    saturation_uv: float | None = setting(
        None, "the amplifier gives no more than this, either way; none: what int16 holds", gt=0.0, le=1e6
    )
    silences_per_min: float = setting(
        0.0, "evenly spaced intervals in which every channel is 0, such as lost packets", ge=0.0, le=6000.0
    )
    silence_ms: float = setting(10.0, "length of such an interval", gt=0.0, le=1e6)
    rails_per_min: float = setting(
        0.0, "evenly spaced intervals in which channels stand at the limit of the converter", ge=0.0, le=60000.0
    )
    rail_ms: float = setting(1.0, "length of such an interval", gt=0.0, le=1e6)
    n_rail_channels: int | None = setting(None, "channels that do so; none: all", ge=1, le=100_000)


class SimulationParams(PopulationParams, TrainParams, DriftParams, NoiseParams, FaultParams):
    """All parameters of a simulation on one probe."""

    seconds: float = setting(60.0, "length of the recording", gt=0.0, le=1e6)
    sampling_hz: float = setting(30000.0, "sampling rate", ge=5000.0, le=1e6)
    gain_uv: float = setting(2.34375, "µV per bit of the int16 file", gt=0.0, le=1e4)
    seed: int = setting(0, "the same seed gives the same bytes", ge=0)

    @model_validator(mode="after")
    def _ranges_are_ordered(self) -> SimulationParams:
        for low, high in (
            ("min_amplitude_uv", "max_amplitude_uv"),
            ("min_rate_hz", "max_rate_hz"),
            ("min_background_uv", "max_background_uv"),
            ("min_away_um", "max_away_um"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low} is {getattr(self, low):g} but {high} is {getattr(self, high):g}. Give a smaller {low}."
                )
        return self

    @property
    def n_samples(self) -> int:
        """Length of the recording in samples."""
        return round(self.seconds * self.sampling_hz)
