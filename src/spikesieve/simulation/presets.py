"""Presets of simulations: those of published papers, and common probes. docs/simulation.md compares them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A simulation by name.

    Attributes
    ----------
    source : str
        Whose simulation it follows, and where they describe it.
    values : dict
        Settings that differ from the defaults.
    variants : dict of dict
        Further settings of each variant, chosen as NAME:VARIANT.
    """

    source: str
    values: dict[str, Any]
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)


# Most simulators make high-passed traces: without slow field and hum.
HIGH_PASSED: dict[str, Any] = {"slow_field_uv": 0.0, "hum_uv": 0.0}

EMOUSE: dict[str, Any] = {
    "probe": "neuropixels1:64",
    "lowest_um": 20.0,
    "layout": "emouse",
    "seconds": 1200.0,
    "gain_uv": 1 / 1.3107,
    "n_units": 74,
    "background_per_unit": 0.0,
    "amplitude_law": "uniform",
    "min_amplitude_uv": 250.5,
    "max_amplitude_uv": 250.5,
    "spike_spread": 0.1,
    "rate_law": "uniform",
    "min_rate_hz": 1.0,
    "max_rate_hz": 10.0,
    "interval_shape": 1.0,
    "bursting_share": 0.0,
    "burst_drop": 0.0,
    "noise_uv": 10.0,
    "noise_colour": "white",
    "sensor_share": 0.0,
    "shared_share": 0.95,
    "correlation_um": 12.0,
    "drift_sine_um": 5.0,
    "drift_sine_period_s": 600.0,
    **HIGH_PASSED,
}

EMOUSE_VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"drift_sine_um": 0.0},
    "relaxation": {"drift_sine_um": 0.0, "drift_relaxation_um": 10.0, "drift_relaxation_s": 2.0},
    "point": {"drift_decay_um": 1000.0, "drift_origin_um": 3800.0},
    "kilosort2": {"min_amplitude_uv": 167.0, "max_amplitude_uv": 167.0, "drift_sine_um": 10.0},
}

KILOSORT4: dict[str, Any] = {
    "probe": "neuropixels1:384",
    "seconds": 2700.0,
    "gain_uv": 2.34375,
    "n_units": 600,
    "background_per_unit": 1.0,
    "amplitude_law": "exponential",
    "min_amplitude_uv": 60.0,
    "amplitude_uv": 42.0,
    "max_amplitude_uv": 1000.0,
    "min_background_uv": 24.0,
    "max_background_uv": 60.0,
    "rate_law": "exponential",
    "rate_hz": 12.6,
    "min_rate_hz": 0.2,
    "max_rate_hz": 100.0,
    "noise_uv": 9.0,
    "nonrigid": 0.5,
    **HIGH_PASSED,
}
MEDIUM: dict[str, Any] = {"drift_smooth_um": 9.4, "drift_smooth_s": 100.0}
STEP: dict[str, Any] = {"drift_smooth_um": 8.0, "drift_smooth_s": 100.0, "drift_step_um": 30.0}
KILOSORT4_DRIFTS: dict[str, dict[str, Any]] = {
    "none": {},
    "medium": MEDIUM,
    "high": {"drift_smooth_um": 27.9, "drift_smooth_s": 100.0},
    "fast": {**MEDIUM, "drift_event_um": 10.0, "drift_events_per_min": 300 / 45},
    "step": STEP,
    "step-aligned": {**STEP, "probe": "neuropixels2:384"},
}

SPIKEINTERFACE: dict[str, Any] = {
    "probe": "neuropixels1:384",
    "seconds": 1800.0,
    "n_units": 500,
    "background_per_unit": 0.0,
    "amplitude_law": "uniform",
    "min_amplitude_uv": 30.0,
    "max_amplitude_uv": 250.0,
    "aside_um": 20.0,
    "min_away_um": 5.0,
    "max_away_um": 50.0,
    "min_distance_um": 18.0,
    "rate_law": "exponential",
    "rate_hz": 5.05,
    "min_rate_hz": 0.05,
    "max_rate_hz": 100.0,
    "refractory_ms": 4.0,
    "interval_shape": 1.0,
    "bursting_share": 0.0,
    "burst_drop": 0.0,
    "spike_spread": 0.0,
    "noise_uv": 7.0,
    "noise_colour": "white",
    "sensor_share": 0.0,
    "shared_share": 0.99,
    "correlation_um": 25.0,
    "channel_gain_spread": 0.0,
    **HIGH_PASSED,
}

# As in a real lab: changing firing rates, channels with different gains, LFP and hum.
LAB: dict[str, Any] = {"slow_rate_spread": 0.3, "shared_rate_spread": 0.2, "channel_gain_spread": 0.04}

PRESETS: dict[str, Preset] = {
    "emouse-64": Preset(
        "Kilosort2's eMouse simulator with drift, 64 sites of a Neuropixels 3B probe", EMOUSE, EMOUSE_VARIANTS
    ),
    "kilosort4-paper": Preset(
        "Pachitariu et al., Nature Methods 21:914 (2024), simulations with drift", KILOSORT4, KILOSORT4_DRIFTS
    ),
    "spikeinterface-static": Preset("Garcia et al., eLife RP110588 (2026), without drift", SPIKEINTERFACE),
    "spikeinterface-drifting": Preset(
        "Garcia et al., eLife RP110588 (2026), with drift",
        {**SPIKEINTERFACE, "drift_zigzag_um": 16.0, "drift_zigzag_period_s": 200.0, "drift_walk_um": 32.0},
    ),
    "tetrode": Preset(
        "four tetrodes, as in Garcia et al., eLife RP110588 (2026), their smallest probe",
        {**LAB, "probe": "tetrode:4", "n_units": 40, "seconds": 600.0, "gain_uv": 0.195, "min_distance_um": 10.0},
    ),
    "linear-32": Preset(
        "a linear probe of 32 contacts 25 µm apart that settles slowly",
        {
            **LAB,
            "probe": "linear:32:25",
            "n_units": 24,
            "seconds": 600.0,
            "gain_uv": 0.195,
            "drift_relaxation_um": -15.0,
            "drift_relaxation_s": 150.0,
        },
    ),
    "neuropixels2-4shank": Preset(
        "a Neuropixels 2.0 probe, 96 contacts on each of four shanks 250 µm apart, each moving on its own",
        {
            **LAB,
            "probe": "neuropixels2:96",
            "n_shanks": 4,
            "n_units": 200,
            "seconds": 600.0,
            "gain_uv": 0.763,
            "drift_walk_um": 12.0,
            "nonrigid": 0.3,
            "drift_per_shank": True,
        },
    ),
    "mea-256": Preset(
        "a planar array of 16 x 16 contacts 30 µm apart, on which nothing moves",
        {**LAB, "probe": "grid:16x16:30", "n_units": 150, "seconds": 300.0, "gain_uv": 0.195, "slow_field_uv": 20.0},
    ),
    "hybrid": Preset(
        "units of a sorted recording put elsewhere in it, as Kilosort4's hybrid simulations; give hybrid_of=RESULT",
        {"amplitude_law": "own", "n_units": 20, "rate_law": "exponential", "rate_hz": 2.0, "min_rate_hz": 0.3},
    ),
}
