"""The pictures of a sorting: every figure as a PNG file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from spikesieve.model import Sorting
from spikesieve.report.drift import figures as drift_figures
from spikesieve.report.sorting import figures
from spikesieve.report.sorting.columns import AXIS_LABELS
from spikesieve.report.sorting.numbers import Numbers, numbers_of

DOTS_PER_INCH = 130
# Of 9: larger by a few percent than at the usual 6, and written in two thirds of the time.
COMPRESSION = 3


def write_pictures(folder: Path, sorting: Sorting, numbers: Numbers | None = None) -> tuple[Path, ...]:
    """Write the pictures of a sorting, an empty one included, into an existing folder and return their paths.

    numbers  what `numbers_of(sorting)` gives, where it is known already

    Raises OSError when they cannot be written.
    """
    probe, units = sorting.probe, sorting.units
    numbers = numbers or numbers_of(sorting)
    drawn: dict[str, Figure] = {
        "units_on_probe": figures.units_on_probe(probe, units),
        "spike_raster": figures.spike_raster(sorting.spikes, sorting.sampling_hz),
        "template_gallery": figures.template_gallery(sorting.templates, probe, units, sorting.sampling_hz),
        "amplitude_against_rate": figures.amplitude_against_rate(units),
        "acgs_of_good_units": figures.acgs_of_good_units(sorting.acgs, units),
        "amplitudes_over_time": figures.amplitudes_over_time(numbers.amplitudes, units),
        "quality_histograms": figures.quality_histograms(numbers.histograms, AXIS_LABELS),
    }
    if numbers.drift is not None:
        shank_of_unit = np.array([unit.shank for unit in units], np.int64)
        drawn["drift"] = drift_figures.displacement(numbers.drift)
        drawn["drift_raster"] = drift_figures.raster_before_and_after(numbers.drift, numbers.raster, shank_of_unit)
    paths = tuple(folder / f"{name}.png" for name in drawn)
    for path, figure in zip(paths, drawn.values(), strict=True):
        figure.savefig(path, dpi=DOTS_PER_INCH, pil_kwargs={"compress_level": COMPRESSION})
    return paths
