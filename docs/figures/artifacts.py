"""Draws docs/figures/artifacts.png: a pulse before and after. `python docs/figures/artifacts.py` writes it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spikesieve
from spikesieve.kernels import CpuBackend
from spikesieve.simulation import SimulationParams, simulate_array
from spikesieve.stages.artifacts import ArtifactTest, common_pieces
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.preprocess import RawTraces, apply, only_highpass, reference_groups

FIRST, LAST, SHOWN = 14_700, 15_600, (2, 6, 10, 14)


def main() -> None:
    """Simulate, preprocess and draw."""
    probe, params = spikesieve.read_probe("linear:16:25"), spikesieve.Settings().preprocess
    made = SimulationParams(n_units=10, seconds=1.0, seed=3, rate_hz=20.0, pulses_hz=1.0)
    raw, _ = simulate_array(probe, made)
    uv = np.ascontiguousarray(raw.T * made.gain_uv, dtype=np.float32)
    alone = replace(only_highpass(probe, made.sampling_hz, params), referenced=reference_groups(probe, params))
    before = apply(RawTraces(uv), alone, CpuBackend()).uv
    test = ArtifactTest(mad_sd(before).astype(np.float32), common_pieces(probe))
    after = apply(RawTraces(uv), replace(alone, artifact_test=test), CpuBackend())
    panels = (
        ("raw", uv, 3000.0),
        ("high-pass and median alone", before, 300.0),
        ("artifact cut out before the high-pass", after.uv, 300.0),
    )
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharex=True, layout="constrained")
    ms = (np.arange(FIRST, LAST) - 15_000) / made.sampling_hz * 1e3
    for axis, (title, traces, step_uv) in zip(axes, panels, strict=True):
        for row, contact in enumerate(SHOWN):
            shown = traces[contact, FIRST:LAST] - np.median(traces[contact, FIRST:LAST])
            axis.plot(ms, np.clip(shown, -2 * step_uv, 2 * step_uv) / step_uv + row, lw=0.7, color="#2f6db3")
        axis.set_title(f"{title}\n(one row: {step_uv:g} µV)", fontsize=10)
        axis.set_xlabel("ms after the pulse")
        axis.set_ylim(-0.8, len(SHOWN) - 0.2)
        axis.set_yticks(range(len(SHOWN)), [f"contact {contact}" for contact in SHOWN] if axis is axes[0] else [])
    blanked = ms[after.blanked[SHOWN[0], FIRST:LAST]]
    axes[2].axvspan(blanked.min(), blanked.max(), color="#c98a1b", alpha=0.3, lw=0)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
