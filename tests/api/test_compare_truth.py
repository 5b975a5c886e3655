"""A truth that lists only some of the neurons: what `compare` counts then, and what an oracle can say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from make_sides import HZ, N_CONTACTS, small, write_npz, write_phy

from spikesieve.api.compare import compare, summary
from spikesieve.comparison.result import Comparison
from spikesieve.settings.compare import CompareOptions

SMALL = small(n_units=5, n_spikes=600)


def write_truth(path: Path, units: tuple[int, ...], **more: object) -> Path:
    """The spikes of some units of `SMALL`."""
    listed = np.isin(SMALL.unit, units)
    np.savez(path, spike_times=SMALL.sample[listed], spike_clusters=SMALL.unit[listed], sampling_hz=HZ, **more)
    return path


def compared(place: Path, truth: Path, partial: bool | None = None) -> Comparison:
    a = place / "a.npz" if (place / "a.npz").exists() else write_npz(place / "a.npz", SMALL)
    return compare(a, truth=truth, options=CompareOptions(partial_truth=partial, oracle=False))


def test_units_outside_a_partial_truth_are_not_false(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.npz", (1, 3))
    whole, partial = compared(tmp_path, truth), compared(tmp_path, truth, partial=True)
    assert (whole.partial_truth, partial.partial_truth) == (False, True)
    assert whole.against_truth[0].score.false_positive == (0, 2, 4)
    score = partial.against_truth[0].score
    assert (score.false_positive, score.not_in_truth, score.mean_accuracy) == ((), (0, 2, 4), 1.0)
    assert [row.status for row in partial.against_truth[0].sorted_rows] == [
        *("not_in_truth", "well_detected", "not_in_truth", "well_detected", "not_in_truth")
    ]
    rows = dict(summary(partial))
    assert rows["a: units that fit none of the partial truth"] == "3"
    assert rows["a: redundant / overmerged"] == "0 / 0"
    assert dict(summary(whole))["a: false / redundant / overmerged"] == "3 / 0 / 0"


def test_a_truth_that_covers_little_is_asked_about(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.npz", (1, 3))
    (note,) = [note for note in compared(tmp_path, truth).notes if "--partial-truth" in note]
    assert "3 of the 5 units of a fit no true unit" in note
    assert not [note for note in compared(tmp_path, truth, partial=True).notes if "--partial-truth" in note]


@pytest.mark.parametrize(
    ("units", "more", "partial", "says"),
    [
        ((1, 3), {"partial": True}, True, "lists only the units that were added"),
        ((1, 3), {"partial": False}, False, ""),
        ((2,), {}, True, "has a single unit"),
        ((2,), {"partial": False}, False, ""),
        ((0, 1, 2, 3, 4), {}, False, ""),
    ],
)
def test_a_partial_truth_is_recognised(tmp_path: Path, units: tuple, more: dict, partial: bool, says: str) -> None:
    truth = write_truth(tmp_path / "truth.npz", units, **more)
    found = compared(tmp_path, truth)
    assert found.partial_truth == partial
    assert [note for note in found.notes if "--no-partial-truth counts them" in note and says in note] or not says
    # What the user says wins.
    assert compared(tmp_path, truth, partial=not partial).partial_truth != partial


def record(path: Path, waveforms: np.ndarray) -> None:
    """Five units in noise."""
    uv = np.random.default_rng(1).normal(0, 6, (300_000, N_CONTACTS)).astype(np.float32)
    for sample, unit in zip(SMALL.sample, SMALL.unit, strict=True):
        uv[sample - 41 : sample + 41] += 12 * waveforms[unit]
    np.round(uv).astype(np.int16).tofile(path)


def test_a_partial_truth_has_d_prime_but_no_ceiling(tmp_path: Path) -> None:
    record(tmp_path / "raw.bin", SMALL.white)
    recorded = write_phy(tmp_path / "sorted", SMALL)
    options = CompareOptions(recording=str(tmp_path / "raw.bin"), oracle_s=4.0, most_pairs=0)
    truth = write_truth(tmp_path / "truth.npz", (2,))
    found = compare(recorded, truth=truth, options=options, out=tmp_path / "out")
    entry = found.against_truth[0]
    assert entry.column("d_prime")[0] > 10
    assert np.isnan(entry.column("oracle_accuracy")).all()
    assert any("no ceiling" in note for note in found.notes)
    assert not any("oracle" in what for what, _ in summary(found))
    with (tmp_path / "out" / "units_vs_truth.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["class"], row["oracle_accuracy"], row["fraction_of_oracle"]) == ("well_detected", "", "")


@pytest.mark.parametrize(("alike", "says"), [(False, r"100\.0% of 1\.000"), (True, r"above 0\.000")])
def test_an_oracle_that_finds_less_is_no_measure(tmp_path: Path, alike: bool, says: str) -> None:
    # Where all units are alike, the oracle takes the others for the one that it knows.
    record(tmp_path / "raw.bin", SMALL.white[np.full(5, 2)] if alike else SMALL.white)
    recorded = write_phy(tmp_path / "sorted", SMALL)
    options = CompareOptions(recording=str(tmp_path / "raw.bin"), oracle_s=4.0, partial_truth=False)
    truth = write_truth(tmp_path / "truth.npz", (2,))
    rows = dict(summary(compare(recorded, truth=truth, options=options)))
    (share,) = [value for what, value in rows.items() if "oracle" in what]
    assert re.fullmatch(says, share)


def test_without_collisions_there_is_no_picture_of_them(tmp_path: Path) -> None:
    a = write_npz(tmp_path / "a.npz", SMALL)
    options = CompareOptions(oracle=False, most_pairs=0)
    for units, drawn in (((2,), False), ((0, 1, 2, 3, 4), True)):
        out = tmp_path / f"out{len(units)}"
        compare(a, truth=write_truth(tmp_path / "truth.npz", units), out=out, options=options)
        assert (out / "figures" / "collision_recall.png").is_file() == drawn
        assert ("collision_recall" in (out / "report.html").read_text(encoding="utf-8")) == drawn
