"""The drift section of the page of a sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesieve.report.drift.numbers import AFTER_TITLES, BAND_SE, DriftNumbers
from spikesieve.report.packing import codes, packed

MAX_UNITS = 10
"""Units in the table of units that moved most."""
MIN_MOVED_UM = 0.1
"""Units that moved less are not listed."""


def drift_texts(drift: DriftNumbers) -> dict[str, Any]:
    """Collect the sentences and the table of the drift section.

    Parameters
    ----------
    drift : DriftNumbers
        Numbers of the drift.

    Returns
    -------
    dict
        Values for the template of the page.
    """
    shown = [unit for unit in drift.moved if unit.moved_um >= MIN_MOVED_UM][:MAX_UNITS]
    return {
        "decisions": list(zip(drift.decisions, drift.sentences, strict=True)),
        "shanks": drift.shanks.tolist(),
        "has_band": drift.has_band,
        "is_measured": drift.is_measured,
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
    """Collect the values that the scripts need besides `drift_arrays`.

    Parameters
    ----------
    drift : DriftNumbers
        Numbers of the drift.

    Returns
    -------
    dict
        Values for JSON.
    """
    return {
        "time_s": [round(float(time), 3) for time in drift.time_s],
        "depth_um": [round(float(depth), 1) for depth in drift.depth_um],
        "shanks": drift.shanks.tolist(),
        "decisions": drift.decisions,
        "after": [AFTER_TITLES[decision] for decision in drift.decisions],
        "depths": [drift.depths_text(row) for row in range(len(drift.shanks))],
        "windows_um": np.round(drift.depth_windows_um, 1).tolist(),
        "reach_um": drift.half_range_um,
        "has_band": drift.has_band,
        "step": drift.step,
    }


def drift_arrays(drift: DriftNumbers, depth_range_um: tuple[float, float]) -> dict[str, Any]:
    """Pack the arrays that the scripts draw.

    Parameters
    ----------
    drift : DriftNumbers
        Numbers of the drift.
    depth_range_um : tuple of float
        Range of the codes of depths in um.

    Returns
    -------
    dict of str to dict
        Depths of the spikes on the probe; displacement, coded from -half range to half range; half the height of its
        band, coded from 0 to twice the half range.
    """
    half_range_um = drift.half_range_um
    half_band_um = np.minimum(BAND_SE * drift.se_um, 2 * half_range_um)
    return {
        "drift_on_probe": packed(codes(drift.depth_on_probe_um, *depth_range_um)),
        "drift_estimated": packed(codes(drift.estimated_um, -half_range_um, half_range_um)),
        "drift_used": packed(codes(drift.used_um, -half_range_um, half_range_um)),
        "drift_half_band": packed(codes(half_band_um, 0.0, 2 * half_range_um)),
    }
