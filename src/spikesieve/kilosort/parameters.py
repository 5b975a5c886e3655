"""Settings of Kilosort4: names and defaults, as it lists them. docs/kilosort4.md says what each one means here."""

from __future__ import annotations

import math
from typing import Any

MAIN_PARAMETERS: dict[str, dict[str, Any]] = {
    name: {"default": value}
    for name, value in {
        "n_chan_bin": None,
        "fs": 30000,
        "batch_size": 60000,
        "nblocks": 1,
        "Th_universal": 9,
        "Th_learned": 8,
        "tmin": 0,
        "tmax": math.inf,
    }.items()
}
"""Settings that most scripts give, by name."""

EXTRA_PARAMETERS: dict[str, dict[str, Any]] = {
    name: {"default": value}
    for name, value in {
        "nt": 61,
        "shift": None,
        "scale": None,
        "batch_downsampling": 1,
        "artifact_threshold": math.inf,
        "nskip": 25,
        "whitening_range": 32,
        "highpass_cutoff": 300,
        "binning_depth": 5,
        "sig_interp": 20,
        "drift_smoothing": [0.5, 0.5, 0.5],
        "nt0min": None,
        "dmin": None,
        "dminx": 32,
        "min_template_size": 10,
        "template_sizes": 5,
        "nearest_chans": 10,
        "nearest_templates": 100,
        "max_channel_distance": 32,
        "max_peels": 100,
        "templates_from_data": True,
        "n_templates": 6,
        "n_pcs": 6,
        "Th_single_ch": 6,
        "acg_threshold": 0.2,
        "ccg_threshold": 0.25,
        "cluster_neighbors": 10,
        "cluster_downsampling": 20,
        "max_cluster_subset": 25000,
        "x_centers": None,
        "cluster_init_seed": 5,
        "duplicate_spike_ms": 0.25,
        "position_limit": 100,
    }.items()
}
"""The other settings."""

DEFAULT_SETTINGS: dict[str, Any] = {
    name: entry["default"] for name, entry in {**MAIN_PARAMETERS, **EXTRA_PARAMETERS}.items()
}
"""All 41 settings with their defaults. Scripts change this dict and give it to `run_kilosort`."""
