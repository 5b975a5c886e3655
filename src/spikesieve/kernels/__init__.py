"""The loops that cost time, compiled. Arrays and scalars only; one door, one judge (tests/reference.py)."""

from spikesieve.kernels.add_waveforms_cpu import add_waveforms
from spikesieve.kernels.butterworth_cpu import butterworth
from spikesieve.kernels.coincidences_cpu import coincidences
from spikesieve.kernels.correlogram_cpu import correlogram
from spikesieve.kernels.graph_cpu import ascend
from spikesieve.kernels.localize_cpu import triangulate
from spikesieve.kernels.match_cpu import subtract_waveforms, template_scores
from spikesieve.kernels.microvolts_cpu import microvolts
from spikesieve.kernels.project_cpu import project
from spikesieve.kernels.pursue_cpu import ANY_AMPLITUDE, Bounds, Overlaps, Worth, pursue
from spikesieve.kernels.reference_cpu import subtract_median
from spikesieve.kernels.sum_rows_cpu import sum_rows
from spikesieve.kernels.tail_cpu import gaussian_above_tail
from spikesieve.kernels.two_gaussians_cpu import two_gaussians
from spikesieve.kernels.universal_cpu import pick, universal_scores

__all__ = [
    "ANY_AMPLITUDE",
    "Bounds",
    "Overlaps",
    "Worth",
    "add_waveforms",
    "ascend",
    "butterworth",
    "coincidences",
    "correlogram",
    "gaussian_above_tail",
    "microvolts",
    "pick",
    "project",
    "pursue",
    "subtract_median",
    "subtract_waveforms",
    "sum_rows",
    "template_scores",
    "triangulate",
    "two_gaussians",
    "universal_scores",
]
