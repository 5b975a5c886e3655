"""What a person should look at in a result, and what to do about it. Thresholds say when, sentences say what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve.model import Sorting, Unit
from spikesieve.report.sorting.numbers import amplitude_changes

FEW_GOOD = 0.3
"""A smaller share of good units than this is worth a look, if there are at least ENOUGH_UNITS."""
ENOUGH_UNITS = 5
LOW_PRESENCE = 0.8
CONTAMINATED = 0.1
FEW_SPIKES = 100
"""With fewer spikes even a train of many neurons may well have no refractory violation."""
LOW_SNR = 4.0
"""Below about 4 SD the noise hides some spikes of a unit and passes for others."""
ALIKE = 0.9
AMPLITUDE_CHANGE = 1.3
MOVED_SHARE = 0.2
NOISY_CONTACT = 3.0


@dataclass(frozen=True)
class Advice:
    """One thing to look at.

    what   what was found, a sentence
    todo   what to do about it, a sentence or two
    units  the units it is about
    """

    what: str
    todo: str
    units: tuple[int, ...] = ()


ADVICE_ON_NOTES = {
    "No unit was found": "Check that the probe fits the file (a wrong order of channels hides every spike), that the "
    "type and number of channels are right, and that the recording is not silent. Then try a lower detect.threshold.",
    "dead (no signal)": "Check the connector and the channel map. preprocess.bad_contacts says what happens to them.",
    "noisy contact(s)": "Look at these channels in the raw traces. preprocess.bad_contacts says what happens to them.",
    "NaN or infinite": "Check the file and its type (--dtype): raw recordings have no such values.",
    "blanked as artifact": "Spikes under artifacts are lost. Look at the traces there, and leave bad stretches out "
    "with --exclude.",
    "No gain is known": "Sort again with --gain-uv to have amplitudes in µV. The spike trains stay the same.",
    "other clusters in Phy": "The curated clusters are in spike_clusters.npy, their labels in cluster_group.tsv.",
    "placeholders": "Leave out spikes of clusters that are not in units.csv.",
}
"""What to do about a note of the run, by words that the note holds."""


def advice(sorting: Sorting, facts: Mapping[str, Any]) -> tuple[Advice, ...]:
    """All that is worth a look, the most important first.

    facts  what provenance.json of the result holds
    """
    found = [found for find in _FINDERS if (found := find(sorting)) is not None]
    return (*found, *(_of_note(note) for note in dict.fromkeys(facts.get("notes", ()))))


def _few_good(sorting: Sorting) -> Advice | None:
    n, n_good = len(sorting.units), sum(unit.label == "good" for unit in sorting.units)
    if n < ENOUGH_UNITS or n_good >= FEW_GOOD * n:
        return None
    return Advice(
        f"Only {n_good} of {n} units are good.",
        "Look at the reasons in the column “why”. If most are contaminated, look for drift in the raster and for noisy "
        "channels; if most are small, the recording may hold little more.",
    )


def _moved(sorting: Sorting) -> Advice | None:
    changes = amplitude_changes(sorting)
    grown_or_shrunk = np.maximum(changes, 1 / changes) > AMPLITUDE_CHANGE
    units = _numbers(sorting, lambda unit: bool(grown_or_shrunk[unit.unit]))
    if not units:
        return None
    percent = round(100 * (AMPLITUDE_CHANGE - 1))
    what = f"Amplitudes changed by more than {percent}% from the first third of the time to the last: {_units(units)}."
    if len(units) >= MOVED_SHARE * len(sorting.units) and len(units) > 1:
        return Advice(
            what,
            "So many at once mean that the probe moved in the tissue. Look at the raster for bands that rise or fall "
            "together. Units may be split in time or miss spikes: compare units that are alike, or sort the stretch "
            "before and after a jump on its own with --time-range.",
            units,
        )
    return Advice(
        what, "Look at the amplitudes over time: a slow slope is drift, a step may be two neurons in one unit.", units
    )


def _alike(sorting: Sorting) -> Advice | None:
    pairs = {
        (min(unit.unit, unit.nearest_unit), max(unit.unit, unit.nearest_unit))
        for unit in sorting.units
        if unit.nearest_unit is not None and (unit.nearest_similarity or 0) > ALIKE and unit.label != "noise"
    }
    if not pairs:
        return None
    units = tuple(sorted({number for pair in pairs for number in pair}))
    count = "1 pair of units has" if len(pairs) == 1 else f"{len(pairs)} pairs of units have"
    return Advice(
        f"{count} templates that are more than {ALIKE:.0%} alike.",
        "They may be one neuron. Open one of them: if the cross-correlogram with its nearest unit is empty around 0, "
        "or the amplitudes of one begin where those of the other end, merge them in Phy.",
        units,
    )


def _contaminated(sorting: Sorting) -> Advice | None:
    units = _numbers(sorting, lambda unit: unit.label == "good" and (unit.contamination or 0) > CONTAMINATED)
    if not units:
        return None
    return Advice(
        f"More than {CONTAMINATED:.0%} of the spikes are probably of other neurons: {_units(units, 'good')}.",
        "Look at the amplitudes over time and at the units nearest to them, and decide whether to keep them as single "
        "neurons.",
        units,
    )


def _few_spikes(sorting: Sorting) -> Advice | None:
    units = _numbers(sorting, lambda unit: unit.label == "good" and unit.n_spikes < FEW_SPIKES)
    if not units:
        return None
    return Advice(
        f"Fewer than {FEW_SPIKES} spikes, too few to be sure of a refractory period: {_units(units, 'good')}.",
        "Read the upper limit of the contamination, not the estimate. A longer recording would tell.",
        units,
    )


def _small(sorting: Sorting) -> Advice | None:
    units = _numbers(sorting, lambda unit: unit.label == "good" and unit.snr < LOW_SNR)
    if not units:
        return None
    return Advice(
        f"SNR below {LOW_SNR:g}, so that some of the spikes are probably missing: {_units(units, 'good')}.",
        "Do not compare their firing rates with those of large units. The amplitudes over time show how many lie below "
        "the threshold.",
        units,
    )


def _absent(sorting: Sorting) -> Advice | None:
    units = _numbers(sorting, lambda unit: unit.label == "good" and unit.presence < LOW_PRESENCE)
    if not units:
        return None
    return Advice(
        f"Silent in more than {1 - LOW_PRESENCE:.0%} of the recording: {_units(units, 'good')}.",
        "Look at the amplitudes over time: amplitudes that sink before the silence mean drift, not silence. Another "
        "unit may go on where this one ends.",
        units,
    )


def _noisy_contacts(sorting: Sorting) -> Advice | None:
    noise = sorting.noise_sd_uv
    loud = sorting.probe.channels[noise > NOISY_CONTACT * np.median(noise)]
    if not loud.size:
        return None
    channels = ", ".join(map(str, loud[:10])) + (" …" if loud.size > 10 else "")
    return Advice(
        f"More than {NOISY_CONTACT:g} times as noisy as the median contact: file channel(s) {channels}.",
        "Look at those channels in the raw traces. Leave them out of the probe if they are broken.",
    )


_FINDERS: Sequence[Callable[[Sorting], Advice | None]] = (
    _few_good,
    _moved,
    _noisy_contacts,
    _alike,
    _contaminated,
    _absent,
    _small,
    _few_spikes,
)


def _of_note(note: str) -> Advice:
    return Advice(note, next((todo for words, todo in ADVICE_ON_NOTES.items() if words in note), ""))


def _numbers(sorting: Sorting, chosen: Callable[[Unit], bool]) -> tuple[int, ...]:
    return tuple(unit.unit for unit in sorting.units if chosen(unit))


def _units(units: Sequence[int], label: str = "") -> str:
    """ "3 good units", "1 unit"."""
    return f"{len(units)} {label} unit{'s' if len(units) != 1 else ''}".replace("  ", " ")
