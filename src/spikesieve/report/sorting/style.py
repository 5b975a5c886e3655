"""Colours and small helpers of the pictures of a sorting. Figures are made without pyplot, so there is no global state.

Blue, vermilion and grey are good, mua and noise, each with its marker (palette of Okabe and Ito, safe for colour
blindness, https://jfly.uni-koeln.de/color/). Amplitudes go from yellow to dark blue, in falling lightness.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spikesieve.model import Unit

COLOURS = {"good": "#0072B2", "mua": "#D55E00", "noise": "#777777"}
"""Colours of the labels."""
MARKERS = {"good": "o", "mua": "^", "noise": "x"}
"""Markers of the labels."""


def set_margins(figure: Figure, left_in: float, right_in: float, bottom_in: float = 0.55, top_in: float = 0.4) -> None:
    """Set the margins around the axes. Matplotlib would draw the axes several times to find them.

    Parameters
    ----------
    figure : Figure
        The figure.
    left_in, right_in, bottom_in, top_in : float
        Margins in inches.
    """
    width_in, height_in = figure.get_size_inches()
    figure.subplots_adjust(
        left=left_in / width_in,
        right=1 - right_in / width_in,
        bottom=bottom_in / height_in,
        top=1 - top_in / height_in,
    )


def plain_log_ticks(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as plain numbers: 1, 2, 5, 10, 20, ...

    Parameters
    ----------
    axis : Axis
        The axis.
    """
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def write_message(axes: Axes, sentence: str) -> None:
    """Write one sentence across axes without data.

    Parameters
    ----------
    axes : Axes
        The axes.
    sentence : str
        Text to show.
    """
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", fontsize=14, color="#555555")


def units_by_label(units: Sequence[Unit]) -> dict[str, list[Unit]]:
    """Group the units by label.

    Parameters
    ----------
    units : sequence of Unit
        The unit table.

    Returns
    -------
    dict of str to list of Unit
        Groups that are not empty: good, mua, noise.
    """
    groups = {label: [unit for unit in units if unit.label == label] for label in COLOURS}
    return {label: group for label, group in groups.items() if group}


def count_text(shown: Sequence[Unit], units: Sequence[Unit]) -> str:
    """Write how many units are shown.

    Parameters
    ----------
    shown : sequence of Unit
        Units in the picture: all, or the largest.
    units : sequence of Unit
        All units.

    Returns
    -------
    str
        Such as "5 units" or "the 300 largest of 420 units".

    Examples
    --------
    >>> count_text((), ())
    '0 units'
    """
    if len(shown) < len(units):
        return f"the {len(shown)} largest of {len(units)} units"
    return "1 unit" if len(units) == 1 else f"{len(units)} units"
