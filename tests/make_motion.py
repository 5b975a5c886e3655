"""Made-up motion, and a made-up sorting whose tissue moved with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from make_sorting import make_probe, make_sorting

from spikesieve.model import Motion, Sorting


def make_motion(
    n_shanks: int = 1, n_depths: int = 3, decisions: tuple[str, ...] | None = None, seconds: float = 20.0
) -> Motion:
    """A zigzag of 10 um that is half as large at the top, later on each shank; a stretch of which nothing is known."""
    time_s = np.arange(0.5, seconds)
    depth_um = np.linspace(0, 460, n_depths) if n_depths > 1 else np.array([200.0])
    phase = time_s[:, None] / seconds + 0.2 * np.arange(n_shanks)[:, None, None]
    um = 20 * np.abs((2 * phase) % 2 - 1) * (1 - 0.5 * np.arange(n_depths) / n_depths)
    um -= np.median(um, axis=1, keepdims=True)
    se_um = np.broadcast_to(0.2 + 0.1 * np.arange(n_depths), um.shape).copy()
    se_um[:, 7:9, -1] = np.inf
    return Motion(
        time_s,
        depth_um,
        2 * np.arange(n_shanks),
        um.astype(np.float32),
        se_um.astype(np.float32),
        decisions or ("use",) * n_shanks,
        tuple(f'Measured with {90 + k} % of the "raster", ±0.2 µm.' for k in range(n_shanks)),
    )


def make_moving_sorting(
    n_shanks: int = 1, n_units: int = 8, n_spikes: int = 2000, decisions: tuple[str, ...] | None = None
) -> Sorting:
    """A made-up sorting on shanks 0, 2, 4 ... with `make_motion`."""
    probe = make_probe(24 * n_shanks, n_shanks)
    probe = replace(probe, shanks=2 * probe.shanks)
    return replace(make_sorting(n_units, n_spikes, probe), motion=make_motion(n_shanks, decisions=decisions))
