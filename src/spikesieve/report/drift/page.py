"""What the page of a result says and draws of drift."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesieve.report.drift.numbers import AFTER, BAND_SE, DriftNumbers
from spikesieve.report.packing import codes, packed

MOST_UNITS = 10
"""Units in the table of those that moved most."""
LEAST_MOVED_UM = 0.1


def drift_texts(drift: DriftNumbers) -> dict[str, Any]:
    """The sentences and the table of the page, for its template."""
    shown = [unit for unit in drift.moved if unit.moved_um >= LEAST_MOVED_UM][:MOST_UNITS]
    return {
        "decisions": list(zip(drift.decisions, drift.sentences, strict=True)),
        "shanks": drift.shanks.tolist(),
        "has_band": drift.has_band,
        "units": [
            {
                "unit": unit.unit,
                "label": unit.label,
                "shank": unit.shank,
                "depth": f"{unit.depth_um:.0f}",
                "moved": f"{unit.moved_um:.1f}",
                "ratio": "?" if np.isnan(unit.amplitude_ratio) else f"{unit.amplitude_ratio:.2f}",
            }
            for unit in shown
        ],
    }


def drift_data(drift: DriftNumbers) -> dict[str, Any]:
    """What the scripts need besides `drift_arrays`."""
    return {
        "time_s": [round(float(time), 3) for time in drift.time_s],
        "depth_um": [round(float(depth), 1) for depth in drift.depth_um],
        "shanks": drift.shanks.tolist(),
        "decisions": drift.decisions,
        "after": [AFTER[decision] for decision in drift.decisions],
        "windows_um": np.round(drift.window_um, 1).tolist(),
        "reach_um": drift.reach_um,
        "has_band": drift.has_band,
        "step": drift.step,
    }


def drift_arrays(drift: DriftNumbers, depth_um: tuple[float, float]) -> dict[str, Any]:
    """Depths of spikes on the probe, and (n_shanks, n_times, n_depths) displacement and half the height of its band.

    depth_um  range of the codes of depths; displacement goes from -reach to reach, half the band from 0 to twice it
    """
    reach_um = drift.reach_um
    half_um = np.minimum(BAND_SE * drift.se_um, 2 * reach_um)
    return {
        "drift_on_probe": packed(codes(drift.on_probe_um, *depth_um)),
        "drift_estimated": packed(codes(drift.estimated_um, -reach_um, reach_um)),
        "drift_used": packed(codes(drift.used_um, -reach_um, reach_um)),
        "drift_half_band": packed(codes(half_um, 0.0, 2 * reach_um)),
    }
