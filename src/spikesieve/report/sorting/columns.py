"""The columns of the unit table on the page: the fields of `model.Unit`, and two of `model.UnitMetrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spikesieve.model import Sorting

UNKNOWN = "?"
"""Shown in the table for a value that is not known."""


@dataclass(frozen=True)
class Column:
    """One column of the unit table.

    Attributes
    ----------
    name : str
        Field of `model.Unit`, or one of `OF_METRICS`.
    heading : str
        Heading; "{uv}" stands for the unit of the amplitudes.
    meaning : str
        One sentence.
    format : str
        Format of the numbers, for `format()`; "" for text.
    extra : bool
        Whether the column is shown only on request.
    """

    name: str
    heading: str
    meaning: str
    format: str = ""
    extra: bool = False

    def text(self, unit: Mapping[str, Any]) -> str:
        """Format the value of a unit.

        Parameters
        ----------
        unit : mapping
            A row of the table, from `unit_rows`.

        Returns
        -------
        str
            The value; "?" where it is not known.
        """
        value = unit[self.name]
        if value is None or value != value:
            return UNKNOWN
        return format(value, self.format)


OF_METRICS = ("cell_type", "bombcell_label")
"""Columns of metrics.csv that the page shows."""

COLUMNS = (
    Column("unit", "unit", "Unit number, as in spike_clusters.npy.", "d"),
    Column("label", "label", "good: single neuron; mua: several neurons; noise: no neuron."),
    Column("n_spikes", "spikes", "Number of spikes.", ",d"),
    Column("firing_rate_hz", "rate Hz", "Number of spikes over the time that was sorted and not blanked.", ".3g"),
    Column("amplitude_uv", "ampl. {uv}", "Peak-to-peak amplitude of the template on the best contact.", ".0f"),
    Column("snr", "SNR", "Peak of the template over the noise SD.", ".1f"),
    Column("contamination", "contam.", "Share of spikes from other neurons, from refractory violations.", ".1%"),
    Column("contamination_low", "contam. from", "Lower end of the 95 % interval.", ".1%", extra=True),
    Column("contamination_high", "contam. up to", "Upper end of the 95 % interval.", ".1%"),
    Column("refractory_ratio", "R", "Rate within the refractory period over the rate around it.", ".2f", extra=True),
    Column(
        "refractory_probability",
        "Q",
        "Probability of so few refractory violations without a refractory period.",
        ".2g",
        extra=True,
    ),
    Column(
        "missed", "missed", "Estimated share of spikes too small to be found, at all or at some displacements.", ".0%"
    ),
    Column(
        "echo_share",
        "echo",
        "Share of spikes at one lag of a larger unit's spikes, beyond chance: perhaps the same spikes again.",
        ".0%",
    ),
    Column("echo_unit", "echo of", "That larger unit.", "d", extra=True),
    Column("echo_lag_ms", "echo lag ms", "That lag; positive after the spikes of the larger unit.", ".1f", extra=True),
    Column("presence", "presence", "Share of 30 equal parts of that time in which the unit fires.", ".0%"),
    Column(
        "cell_type", "cell", "Regular, narrow, axonal or complex, by waveform and autocorrelogram; see metrics.csv."
    ),
    Column("bombcell_label", "bombcell", "Label by bombcell's thresholds; metrics.csv has the reason.", extra=True),
    Column("shank", "shank", "Shank number.", "d", extra=True),
    Column("file_channel", "channel", "Column of the raw file that holds the best contact.", "d"),
    Column("chan_best", "contact", "Best contact, a row of channel_map.npy.", "d", extra=True),
    Column("x_um", "x µm", "Position of the spikes across the probe.", ".0f", extra=True),
    Column("y_um", "y µm", "Position of the spikes along the probe.", ".0f", extra=True),
    Column("depth_um", "depth µm", "Position of the best contact along the probe.", ".0f"),
    Column("nearest_unit", "nearest", "Unit with the most similar template.", "d"),
    Column("nearest_similarity", "similarity", "Similarity to that template; 1 is the same shape.", ".2f"),
    Column("why", "why", "Reason for the label."),
)
"""The unit table, from left to right."""

AXIS_LABELS = {
    "snr": "SNR",
    "firing_rate_hz": "firing rate (Hz)",
    "amplitude_uv": "amplitude (µV)",
    "contamination": "contamination (share of spikes)",
    "presence": "presence (share of time)",
}
"""Axis labels of the quantities in histograms."""


def unit_rows(sorting: Sorting) -> list[dict[str, Any]]:
    """Collect the values of the table.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    list of dict
        One row a unit, by names of `COLUMNS`; None where a value is not known.
    """
    metrics = [{name: getattr(row, name) for name in OF_METRICS} for row in sorting.metrics]
    unknown = [dict.fromkeys(OF_METRICS)] * len(sorting.units)
    return [{**asdict(unit), **more} for unit, more in zip(sorting.units, metrics or unknown, strict=True)]
