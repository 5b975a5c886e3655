"""The columns of the unit table on the page: heading, meaning, format. The names are the fields of `model.Unit`."""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.model import Unit

UNKNOWN = "?"
"""Stands in the table for: cannot be told from these data."""


@dataclass(frozen=True)
class Column:
    """One column.

    name     field of `model.Unit`
    heading  what stands above it; "{uv}" is the unit of amplitudes
    meaning  one sentence
    format   of its numbers, for format(); "" for text
    extra    shown only on request
    """

    name: str
    heading: str
    meaning: str
    format: str = ""
    extra: bool = False

    def text(self, unit: Unit) -> str:
        """The unit's value as it stands in the table."""
        value = getattr(unit, self.name)
        if value is None or value != value:
            return UNKNOWN
        return format(value, self.format)


COLUMNS = (
    Column("unit", "unit", "Number of the unit, as in spike_clusters.npy.", "d"),
    Column("label", "label", "Single neuron (good), several (mua) or none (noise)."),
    Column("n_spikes", "spikes", "Number of spikes.", ",d"),
    Column("firing_rate_hz", "rate Hz", "Spikes over sorted seconds.", ".3g"),
    Column("amplitude_uv", "ampl. {uv}", "Peak to peak of the template on its best contact.", ".0f"),
    Column("snr", "SNR", "Peak of the template over the SD of the noise.", ".1f"),
    Column("contamination", "contam.", "Share of spikes of other neurons, from refractory violations.", ".1%"),
    Column("contamination_low", "contam. from", "Lower end of its 95 % interval.", ".1%", extra=True),
    Column("contamination_high", "contam. up to", "Upper end of its 95 % interval.", ".1%"),
    Column("refractory_ratio", "R", "Rate within the refractory period over the rate around it.", ".2f", extra=True),
    Column("refractory_probability", "Q", "Chance of so few spikes there without refractoriness.", ".2g", extra=True),
    Column(
        "missed",
        "missed",
        "Share of its spikes that seem too small to be found, at all or at some displacements.",
        ".0%",
    ),
    Column("presence", "presence", "Share of 30 equal stretches of time in which it fires.", ".0%"),
    Column("shank", "shank", "Its shank.", "d", extra=True),
    Column("file_channel", "channel", "Column of the raw file that holds its best contact.", "d"),
    Column("chan_best", "contact", "Its best contact: row of channel_map.npy.", "d", extra=True),
    Column("x_um", "x µm", "Where its spikes are, across the probe.", ".0f", extra=True),
    Column("y_um", "y µm", "Where its spikes are, along the probe.", ".0f", extra=True),
    Column("depth_um", "depth µm", "Where its best contact is, along the probe.", ".0f"),
    Column("nearest_unit", "nearest", "The other unit with the most similar template.", "d"),
    Column("nearest_similarity", "similarity", "How similar: 1 is the same shape.", ".2f"),
    Column("why", "why", "Why it has its label."),
)

AXIS_LABELS = {
    "snr": "SNR",
    "firing_rate_hz": "firing rate (Hz)",
    "amplitude_uv": "amplitude (µV)",
    "contamination": "share of foreign spikes",
    "presence": "share of time present",
}
"""What to write under an axis that shows one of the quantities in histograms."""
