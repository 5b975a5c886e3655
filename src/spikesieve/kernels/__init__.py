"""Compiled loops on arrays and scalars. Tests compare each with a slow version in tests/reference.py."""

from spikesieve.kernels.cpu.add_waveforms import add_waveforms
from spikesieve.kernels.cpu.backend import CpuBackend
from spikesieve.kernels.cpu.butterworth import butterworth
from spikesieve.kernels.cpu.by_unit import rows_by_unit
from spikesieve.kernels.cpu.coincidences import coincidences
from spikesieve.kernels.cpu.columns import column_extremes
from spikesieve.kernels.cpu.correlogram import correlogram
from spikesieve.kernels.cpu.delay import delay
from spikesieve.kernels.cpu.describe import describe
from spikesieve.kernels.cpu.differences import sum_differences
from spikesieve.kernels.cpu.extents import extents
from spikesieve.kernels.cpu.extremes import extremes, repeats
from spikesieve.kernels.cpu.gaps import fill_gaps, mark_runs, move_pieces
from spikesieve.kernels.cpu.graph import ascend
from spikesieve.kernels.cpu.later import count_later
from spikesieve.kernels.cpu.localize import triangulate
from spikesieve.kernels.cpu.magnitudes import median_magnitudes
from spikesieve.kernels.cpu.match import subtract_waveforms, template_scores
from spikesieve.kernels.cpu.median import subtract_median
from spikesieve.kernels.cpu.microvolts import microvolts
from spikesieve.kernels.cpu.mix import mix
from spikesieve.kernels.cpu.pair_products import pair_products
from spikesieve.kernels.cpu.polygon import count_in_pixels, in_polygon
from spikesieve.kernels.cpu.project import project
from spikesieve.kernels.cpu.pursue import pursue
from spikesieve.kernels.cpu.sum_rows import sum_rows
from spikesieve.kernels.cpu.tail import gaussian_above_tail
from spikesieve.kernels.cpu.two_gaussians import two_gaussians
from spikesieve.kernels.cpu.universal import pick, universal_scores
from spikesieve.kernels.cpu.visible import hidden_energy
from spikesieve.kernels.pursuit import ALL_VISIBLE, ANY_AMPLITUDE, Bounds, Overlaps, Visible, Worth

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
    "coincidences",
    "column_extremes",
    "correlogram",
    "count_in_pixels",
    "count_later",
    "delay",
    "describe",
    "extents",
    "extremes",
    "fill_gaps",
    "gaussian_above_tail",
    "hidden_energy",
    "in_polygon",
    "mark_runs",
    "median_magnitudes",
    "microvolts",
    "mix",
    "move_pieces",
    "pair_products",
    "pick",
    "project",
    "pursue",
    "repeats",
    "rows_by_unit",
    "subtract_median",
    "subtract_waveforms",
    "sum_differences",
    "sum_rows",
    "template_scores",
    "triangulate",
    "two_gaussians",
    "universal_scores",
]
