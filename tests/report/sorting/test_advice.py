"""Each warning is given when it fits, with what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_report import make_facts, with_spikes, with_units
from make_sorting import make_sorting

import spikesieve
from spikesieve.model import Sorting
from spikesieve.report.sorting.advice import ADVICE_ON_NOTES, advice

SRC = Path(spikesieve.__file__).parent


def advice_on(sorting: Sorting, **changes: object) -> str:
    found = advice(sorting, make_facts(sorting, **{"notes": [], **changes}))
    assert all(item.action for item in found if not changes)
    return " | ".join(f"{item.finding} {item.units}" for item in found)


def clean_sorting() -> Sorting:
    sorting = make_sorting(6, 3000)
    return with_units(
        sorting, label="good", contamination=0.01, presence=1.0, snr=8.0, n_spikes=500, nearest_similarity=0.3
    )


def test_a_clean_sorting_gets_no_advice() -> None:
    assert advice_on(clean_sorting()) == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"contamination": 0.2}, "Contamination above 10%: 6 good units."),
        ({"presence": 0.5}, "Silent in more than 20% of the recording: 6 good units."),
        ({"snr": 3.9}, "SNR below 4, so some spikes are probably missing: 6 good units."),
        ({"n_spikes": 99}, "Fewer than 100 spikes, too few to confirm a refractory period: 6 good units."),
        ({"label": "mua"}, "Only 0 of 6 units are good."),
        (
            {"nearest_unit": 0, "nearest_similarity": 0.95},
            "pairs of units have templates with a similarity above 0.9.",
        ),
    ],
)
def test_units_out_of_range_get_a_warning(values: dict, sentence: str) -> None:
    assert sentence in advice_on(with_units(clean_sorting(), **values))


def test_a_pair_of_similar_units_is_listed_once() -> None:
    units = list(clean_sorting().units)
    units[1] = replace(units[1], nearest_unit=4, nearest_similarity=0.93)
    units[4] = replace(units[4], nearest_unit=1, nearest_similarity=0.93)
    found = advice_on(replace(clean_sorting(), units=tuple(units)))
    assert "1 pair of units has templates with a similarity above 0.9. (1, 4)" in found


def test_a_probe_that_moved_is_told_from_one_unit_that_changed() -> None:
    sample = np.tile(np.arange(1000, 600_000, 1000), 6)
    unit = np.repeat(np.arange(6), 599)
    drifting = np.where(unit < 4, 50 + sample / 1e4, 80)
    moved = with_spikes(clean_sorting(), sample, unit, drifting)
    one = with_spikes(clean_sorting(), sample, unit, np.where(unit == 2, drifting, 80))
    assert "from the first third of the time to the last: 4 units. (0, 1, 2, 3)" in advice_on(moved)
    assert "the probe moved" in advice(moved, {})[0].action
    assert "1 unit. (2,)" in advice_on(one)
    assert "the probe moved" not in advice(one, {})[0].action


def test_a_noisy_contact_is_listed_by_its_file_channel() -> None:
    sorting = clean_sorting()
    noise = sorting.noise_sd_uv.copy()
    noise[3] *= 4
    found = advice_on(replace(sorting, noise_sd_uv=noise))
    assert f"file channel {sorting.probe.channels[3]}." in found


def test_notes_are_listed_once_with_what_to_do() -> None:
    note = "No gain is known, so amplitudes are in raw numbers, not uV. Give --gain-uv."
    found = advice(clean_sorting(), {"notes": [note, "One more thing.", note]})
    assert [item.finding for item in found] == [note, "One more thing."]
    assert "--gain-uv" in found[0].action
    assert found[1].action == ""


@pytest.mark.parametrize("words", ADVICE_ON_NOTES)
def test_the_notes_that_advice_knows_are_still_written_somewhere(words: str) -> None:
    files = [path for path in SRC.rglob("*.py") if path.name != "advice.py"]
    assert any(words in path.read_text(encoding="utf-8") for path in files)
