"""Warnings about a result and what to do about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve.model import Sorting, Unit
from spikesieve.model.text import named, one_or_more
from spikesieve.report.sorting.numbers import amplitude_changes

MIN_GOOD_SHARE = 0.3
"""Warn about a smaller share of good units, with at least `MIN_UNITS` units."""
MIN_UNITS = 5
MIN_PRESENCE = 0.8
MAX_CONTAMINATION = 0.1
MIN_SPIKES = 100
"""With fewer spikes even a train of many neurons may have no refractory violation."""
MIN_SNR = 4.0
"""Below about 4 SD the noise hides some spikes of a unit and is taken for others."""
MAX_SIMILARITY = 0.9
MAX_AMPLITUDE_RATIO = 1.3
MOVED_SHARE = 0.2
"""Amplitude changes in at least this share of the units are put down to drift of the probe."""
MAX_NOISE_RATIO = 3.0
"""Largest noise of a contact over that of the median contact."""


@dataclass(frozen=True)
class Advice:
    """One warning.

    Attributes
    ----------
    finding : str
        What was found, one sentence.
    action : str
        What to do about it, one or two sentences; "" for nothing.
    units : tuple of int
        Units concerned.
    """

    finding: str
    action: str
    units: tuple[int, ...] = ()


ADVICE_ON_NOTES = {
    "No unit was found": "Check that the probe fits the file: a wrong channel order hides every spike. Check the data "
    "type and the number of channels, and that the recording is not silent. Then try a lower detect.threshold.",
    "too close to the detection limit": "Lower refine.min_median_excess_sd to see the largest of these clusters. It is "
    "a neuron if its spikes have a refractory period and a waveform that no other unit has.",
    "(saturated)": "Check the amplifier and the reference: the signal is larger than the converter can give.",
    "dead (no signal)": "Check the connector and the channel map. preprocess.bad_contacts says what happens to them.",
    "(noisy)": "Look at these channels in the raw traces. preprocess.bad_contacts says what happens to them.",
    "(popping)": "Look at these channels in the raw traces: a contact may be loose.",
    "carry the same signal": "Check the channel map and the connector: channels may be copied or wired together.",
    "Interference was": "Look for a clock, a power supply or a ground loop. The page interference of the documentation "
    "says what was done.",
    "in step with": "These units are interference, not neurons. See the column “why”.",
    "was NaN or infinite": "Check the file and its data type (--dtype): raw recordings have no such values.",
    "blanked as artifact": "Look at the traces there. If stimuli caused them, give their times with --artifact-times.",
    "limit of the converter": "Look at the traces there: a lower gain or a better ground keeps the amplifier in range.",
    "seen whole": "Leave out the contacts that are blanked most (--bad-channels): then spikes are whole on the others.",
    "was silent": "Check for lost packets and for times that another program has set to 0.",
    "No gain is known": "Sort again with --gain-uv to have amplitudes in µV. The spike trains stay the same.",
    "other clusters in Phy": "The curated clusters are in spike_clusters.npy, their labels in cluster_group.tsv.",
    "placeholders": "Leave out spikes of clusters that are not in units.csv.",
}
"""What to do about a note of the run, by words of the note."""


def advice(sorting: Sorting, provenance: Mapping[str, Any]) -> tuple[Advice, ...]:
    """Collect the warnings about a result, most important first.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    provenance : mapping
        Content of `provenance.json` of the result.

    Returns
    -------
    tuple of Advice
        Warnings about the sorting, then the notes of the run.
    """
    found = [warning for check in _CHECKS if (warning := check(sorting)) is not None]
    return (*found, *(_on_note(note) for note in dict.fromkeys(provenance.get("notes", ()))))


def _few_good(sorting: Sorting) -> Advice | None:
    n, n_good = len(sorting.units), sum(unit.label == "good" for unit in sorting.units)
    if n < MIN_UNITS or n_good >= MIN_GOOD_SHARE * n:
        return None
    return Advice(
        f"Only {n_good} of {n} units {one_or_more(n_good, 'is', 'are')} good.",
        "Look at the reasons in the column “why”. If most units are contaminated, look for drift in the raster and for "
        "noisy channels. If most are small, the recording may hold few neurons that can be separated.",
    )


def _amplitudes_changed(sorting: Sorting) -> Advice | None:
    changes = amplitude_changes(sorting)
    has_changed = np.maximum(changes, 1 / changes) > MAX_AMPLITUDE_RATIO
    units = tuple(sorting.unit_ids[has_changed].tolist())
    if not units:
        return None
    percent = round(100 * (MAX_AMPLITUDE_RATIO - 1))
    finding = (
        f"Amplitudes changed by more than {percent}% from the first third of the time to the last: "
        f"{_count_text(units)}."
    )
    if len(units) >= MOVED_SHARE * len(sorting.units) and len(units) > 1:
        return Advice(
            finding,
            "Changes in many units mean that the probe moved in the tissue. Look at the raster for bands that rise or "
            "fall together. Units may be split in time or miss spikes: compare units with similar templates, or sort "
            "the time before and after a jump separately with --time-range.",
            units,
        )
    return Advice(
        finding,
        "Look at the amplitudes over time: a slow slope is drift, a step may be two neurons in one unit.",
        units,
    )


def _noisy_contacts(sorting: Sorting) -> Advice | None:
    noise = sorting.noise_sd_uv
    noisy = sorting.probe.channels[noise > MAX_NOISE_RATIO * np.median(noise)]
    if not noisy.size:
        return None
    channels = named("file channel", noisy[:10]) + (" …" if noisy.size > 10 else "")
    return Advice(
        f"More than {MAX_NOISE_RATIO:g} times as noisy as the median contact: {channels}.",
        "Look at these channels in the raw traces. Leave them out of the probe if they are broken.",
    )


def _similar_templates(sorting: Sorting) -> Advice | None:
    pairs = {
        (min(unit.unit, unit.nearest_unit), max(unit.unit, unit.nearest_unit))
        for unit in sorting.units
        if unit.nearest_unit is not None and (unit.nearest_similarity or 0) > MAX_SIMILARITY and unit.label != "noise"
    }
    if not pairs:
        return None
    count = "1 pair of units has" if len(pairs) == 1 else f"{len(pairs)} pairs of units have"
    return Advice(
        f"{count} templates with a similarity above {MAX_SIMILARITY:g}.",
        "They may be one neuron. Open one of them. Merge them in Phy if the cross-correlogram with the nearest unit is "
        "empty around 0, or if the amplitudes of one begin where those of the other end.",
        tuple(sorted({number for pair in pairs for number in pair})),
    )


@dataclass(frozen=True)
class _GoodUnitsWhere:
    """A check that warns about the good units which fulfil a condition."""

    condition: Callable[[Unit], bool]
    finding: str
    action: str

    def __call__(self, sorting: Sorting) -> Advice | None:
        units = _units_where(sorting, lambda unit: unit.label == "good" and self.condition(unit))
        return Advice(f"{self.finding}: {_count_text(units, 'good')}.", self.action, units) if units else None


_contaminated = _GoodUnitsWhere(
    lambda unit: (unit.contamination or 0) > MAX_CONTAMINATION,
    f"Contamination above {MAX_CONTAMINATION:.0%}",
    "Look at the amplitudes over time and at the nearest units, and decide whether these are single neurons.",
)
_absent = _GoodUnitsWhere(
    lambda unit: unit.presence < MIN_PRESENCE,
    f"Silent in more than {1 - MIN_PRESENCE:.0%} of the recording",
    "Look at the amplitudes over time: amplitudes that fall before the silence mean drift, not silence. Another unit "
    "may continue where this one ends.",
)
_small = _GoodUnitsWhere(
    lambda unit: unit.snr < MIN_SNR,
    f"SNR below {MIN_SNR:g}, so some spikes are probably missing",
    "Do not compare their firing rates with those of large units. The amplitudes over time show how many spikes are "
    "below the threshold.",
)
_few_spikes = _GoodUnitsWhere(
    lambda unit: unit.n_spikes < MIN_SPIKES,
    f"Fewer than {MIN_SPIKES} spikes, too few to confirm a refractory period",
    "Use the upper limit of the contamination, not the estimate, or make a longer recording.",
)

_CHECKS: Sequence[Callable[[Sorting], Advice | None]] = (
    _few_good,
    _amplitudes_changed,
    _noisy_contacts,
    _similar_templates,
    _contaminated,
    _absent,
    _small,
    _few_spikes,
)


def _on_note(note: str) -> Advice:
    return Advice(note, next((action for words, action in ADVICE_ON_NOTES.items() if words in note), ""))


def _units_where(sorting: Sorting, condition: Callable[[Unit], bool]) -> tuple[int, ...]:
    return tuple(unit.unit for unit in sorting.units if condition(unit))


def _count_text(units: Sequence[int], label: str = "") -> str:
    """Such as "3 good units" or "1 unit"."""
    return f"{len(units)} {label} unit{'s' if len(units) != 1 else ''}".replace("  ", " ")
