"""Colours and small helpers of the pictures of a comparison.

A is blue with circles, B vermilion with triangles, the oracle grey. The palette of Okabe and Ito is safe for colour
blindness.
"""

from __future__ import annotations

from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00")
"""Colours of sorting A and B."""
MARKERS = ("o", "^")
"""Markers of sorting A and B."""
ORACLE_COLOUR = "#777777"


def single_axes(size_in: tuple[float, float]) -> tuple[Figure, Axes]:
    """Make a figure with one axes.

    Parameters
    ----------
    size_in : tuple of float
        Width and height in inches.

    Returns
    -------
    tuple of Figure, Axes
        The figure and its axes.
    """
    figure = Figure(figsize=size_in, layout="constrained")
    return figure, figure.add_subplot()


def shade(darkness: float) -> Any:
    """Pick a colour from light yellow to dark blue.

    Parameters
    ----------
    darkness : float
        0 (light) to 1 (dark).

    Returns
    -------
    tuple of float
        Red, green, blue and alpha.
    """
    return colormaps["viridis"](1 - darkness)


def write_message(axes: Axes, sentence: str) -> None:
    """Write one sentence across empty axes.

    Parameters
    ----------
    axes : Axes
        Axes without data.
    sentence : str
        Text to show.
    """
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color="#777777")
    axes.set(xticks=[])
