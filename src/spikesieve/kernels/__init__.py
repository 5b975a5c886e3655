"""Compiled loops on arrays and scalars. Tests compare each with a slow version in tests/reference.py.

Each module is imported when one of its loops is first used: Numba takes a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikesieve.kernels.cpu.add_waveforms import add_waveforms
    from spikesieve.kernels.cpu.backend import CpuBackend
    from spikesieve.kernels.cpu.butterworth import butterworth
    from spikesieve.kernels.cpu.by_unit import rows_by_unit
    from spikesieve.kernels.cpu.centres import centres_of_pairs, explained_more, gaining_pairs
    from spikesieve.kernels.cpu.coincidences import coincidences
    from spikesieve.kernels.cpu.columns import column_extremes
    from spikesieve.kernels.cpu.correlogram import correlogram, pairs_at_lags
    from spikesieve.kernels.cpu.delay import delay
    from spikesieve.kernels.cpu.describe import describe
    from spikesieve.kernels.cpu.differences import sum_differences
    from spikesieve.kernels.cpu.extents import extents
    from spikesieve.kernels.cpu.extremes import extremes, repeats
    from spikesieve.kernels.cpu.gaps import fill_gaps, mark_runs, move_pieces
    from spikesieve.kernels.cpu.graph import ascend
    from spikesieve.kernels.cpu.later import count_later
    from spikesieve.kernels.cpu.likeliest import likeliest
    from spikesieve.kernels.cpu.localize import triangulate
    from spikesieve.kernels.cpu.magnitudes import median_magnitudes
    from spikesieve.kernels.cpu.match import subtract_waveforms, template_scores
    from spikesieve.kernels.cpu.median import subtract_median
    from spikesieve.kernels.cpu.microvolts import microvolts
    from spikesieve.kernels.cpu.mix import mix
    from spikesieve.kernels.cpu.move_features import move_features, sum_scatter
    from spikesieve.kernels.cpu.nearest import keep_nearest, nearest_first
    from spikesieve.kernels.cpu.pair_products import pair_products
    from spikesieve.kernels.cpu.polygon import count_in_pixels, in_polygon
    from spikesieve.kernels.cpu.project import project
    from spikesieve.kernels.cpu.pursue import pursue
    from spikesieve.kernels.cpu.sum_rows import sum_rows
    from spikesieve.kernels.cpu.sum_waveforms import sum_waveforms
    from spikesieve.kernels.cpu.tail import gaussian_above_tail
    from spikesieve.kernels.cpu.thin import thin
    from spikesieve.kernels.cpu.two_gaussians import two_gaussians
    from spikesieve.kernels.cpu.universal import pick, universal_scores
    from spikesieve.kernels.cpu.visible import hidden_energy
    from spikesieve.kernels.pursuit import ALL_VISIBLE, ANY_AMPLITUDE, Bounds, Overlaps, Visible, Worth

HOMES = {
    "ALL_VISIBLE": "pursuit",
    "ANY_AMPLITUDE": "pursuit",
    "Bounds": "pursuit",
    "CpuBackend": "cpu.backend",
    "Overlaps": "pursuit",
    "Visible": "pursuit",
    "Worth": "pursuit",
    "add_waveforms": "cpu.add_waveforms",
    "ascend": "cpu.graph",
    "butterworth": "cpu.butterworth",
    "centres_of_pairs": "cpu.centres",
    "coincidences": "cpu.coincidences",
    "column_extremes": "cpu.columns",
    "correlogram": "cpu.correlogram",
    "count_in_pixels": "cpu.polygon",
    "count_later": "cpu.later",
    "delay": "cpu.delay",
    "describe": "cpu.describe",
    "explained_more": "cpu.centres",
    "extents": "cpu.extents",
    "extremes": "cpu.extremes",
    "fill_gaps": "cpu.gaps",
    "gaining_pairs": "cpu.centres",
    "gaussian_above_tail": "cpu.tail",
    "hidden_energy": "cpu.visible",
    "in_polygon": "cpu.polygon",
    "keep_nearest": "cpu.nearest",
    "likeliest": "cpu.likeliest",
    "mark_runs": "cpu.gaps",
    "median_magnitudes": "cpu.magnitudes",
    "microvolts": "cpu.microvolts",
    "mix": "cpu.mix",
    "move_features": "cpu.move_features",
    "move_pieces": "cpu.gaps",
    "nearest_first": "cpu.nearest",
    "pair_products": "cpu.pair_products",
    "pairs_at_lags": "cpu.correlogram",
    "pick": "cpu.universal",
    "project": "cpu.project",
    "pursue": "cpu.pursue",
    "repeats": "cpu.extremes",
    "rows_by_unit": "cpu.by_unit",
    "subtract_median": "cpu.median",
    "subtract_waveforms": "cpu.match",
    "sum_differences": "cpu.differences",
    "sum_rows": "cpu.sum_rows",
    "sum_scatter": "cpu.move_features",
    "sum_waveforms": "cpu.sum_waveforms",
    "template_scores": "cpu.match",
    "thin": "cpu.thin",
    "triangulate": "cpu.localize",
    "two_gaussians": "cpu.two_gaussians",
    "universal_scores": "cpu.universal",
}
"""The module that each name lives in."""

__all__ = [
    "ALL_VISIBLE",
    "ANY_AMPLITUDE",
    "Bounds",
    "CpuBackend",
    "Overlaps",
    "Visible",
    "Worth",
    "add_waveforms",
    "ascend",
    "butterworth",
    "centres_of_pairs",
    "coincidences",
    "column_extremes",
    "correlogram",
    "count_in_pixels",
    "count_later",
    "delay",
    "describe",
    "explained_more",
    "extents",
    "extremes",
    "fill_gaps",
    "gaining_pairs",
    "gaussian_above_tail",
    "hidden_energy",
    "in_polygon",
    "keep_nearest",
    "likeliest",
    "mark_runs",
    "median_magnitudes",
    "microvolts",
    "mix",
    "move_features",
    "move_pieces",
    "nearest_first",
    "pair_products",
    "pairs_at_lags",
    "pick",
    "project",
    "pursue",
    "repeats",
    "rows_by_unit",
    "subtract_median",
    "subtract_waveforms",
    "sum_differences",
    "sum_rows",
    "sum_scatter",
    "sum_waveforms",
    "template_scores",
    "thin",
    "triangulate",
    "two_gaussians",
    "universal_scores",
]


def __getattr__(name: str) -> Any:
    """Import a loop when it is first used."""
    if name not in HOMES:
        raise AttributeError(f"module 'spikesieve.kernels' has no attribute {name!r}")
    return getattr(import_module(f"spikesieve.kernels.{HOMES[name]}"), name)
