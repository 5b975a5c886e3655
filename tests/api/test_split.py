"""A result is split into one for each file or segment: same units, times of that file, readable by Phy."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting
from phylib.io.model import load_model
from spikeinterface.extractors import read_phy
from typer.testing import CliRunner

from spikesieve import Motion, Recording, Sorting, read_recording, read_sorting, split_result
from spikesieve.cli.app import app
from spikesieve.errors import InputError, OutputError
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.model import Blanked, Reason
from spikesieve.model.clock import Clock

N, BORDER = 600_000, 240_000
# The first file has a gap; 0.5 s are missing between the files.
SEGMENTS = ((0, 90_000), (90_000, BORDER), (BORDER, N))
CLOCK = Clock((0, 90_000, BORDER), (100.0, 104.0, 109.5), "session")
NOW = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
RUN = RunRecord("sieve", {"match": {"threshold": 8.0}}, {"cluster": 5}, NOW, NOW, notes=("From the run.",))


def made(folder: Path, header_bytes: int = 6) -> tuple[Sorting, Recording]:
    """A sorting of two files, of which the last unit has no spike in the second, with a jump between them."""
    rng = np.random.default_rng(0)
    sorting = make_sorting()
    rows = (sorting.spikes.unit != 4) | (sorting.spikes.sample < BORDER)
    columns = {name: getattr(sorting.spikes, name)[rows] for name in type(sorting.spikes).__dataclass_fields__}
    at = np.array([0.0, (BORDER - 1) / SAMPLING_HZ, BORDER / SAMPLING_HZ, N / SAMPLING_HZ])
    um = np.array([-5.0, -5.0, 15.0, 15.0], np.float32)[None, :, None]
    blanked = np.array([60_000, BORDER - 30_000])
    sorting = replace(
        sorting,
        spikes=replace(sorting.spikes, **columns),
        segments=SEGMENTS,
        kept=np.ones(rows.sum(), bool),
        motion=Motion(at, np.array([100.0]), np.array([0]), um, np.abs(um), ("use",), ("It moved.",)),
        blanked=Blanked(blanked, blanked + 60_000, blanked * 0 + Reason.SILENT, np.ones(2), N),
    )
    paths = [folder / "first g0.bin", folder / "second.bin"]
    for path, n in zip(paths, (BORDER, N - BORDER), strict=True):
        path.write_bytes(b"h" * header_bytes + rng.integers(-99, 99, (n, 25), np.int16).tobytes())
    recording = read_recording(paths, 25, SAMPLING_HZ, gain_uv=0.5, header_bytes=header_bytes)
    return sorting, replace(recording.with_segments(SEGMENTS), clock=CLOCK)


def written(folder: Path) -> Path:
    sorting, recording = made(folder)
    (folder / "result").mkdir()
    write_result(folder / "result", sorting, recording, RUN)
    return folder / "result"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result that no test changes."""
    return written(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def parts(kept: Path) -> tuple[Path, ...]:
    return split_result(kept)


def test_a_part_is_the_whole_of_its_file(kept: Path, parts: tuple[Path, ...]) -> None:
    before = read_sorting(kept)
    assert parts == tuple(kept.parent / "result-by-file" / name for name in ("0_first_g0", "1_second"))
    sample, unit, features = [], [], []
    for part, start, stop in zip(parts, (0, BORDER), (BORDER, N), strict=True):
        after = read_sorting(part)
        assert after.unit_ids.tolist() == before.unit_ids.tolist()
        assert [u.label for u in after.units] == [u.label for u in before.units]
        assert after.segments == tuple((a - start, b - start) for a, b in SEGMENTS if start <= a < stop)
        np.testing.assert_array_equal(after.templates.uv, before.templates.uv)
        sample.append(after.spikes.sample + start)
        unit.append(after.spikes.unit)
        features.append(after.spikes.features)
        at = np.array([1.0, 5.0])
        where = np.full(2, 100.0), np.zeros(2, np.int64)
        np.testing.assert_allclose(after.motion.at(at, *where), before.motion.at(at + start / SAMPLING_HZ, *where))
    np.testing.assert_array_equal(np.concatenate(sample), before.spikes.sample)
    np.testing.assert_array_equal(np.concatenate(unit), before.spikes.unit)
    np.testing.assert_array_equal(np.concatenate(features), before.spikes.features)


def test_tables_are_those_of_the_part(kept: Path, parts: tuple[Path, ...]) -> None:
    first, second = map(read_sorting, parts)
    for part in (first, second):
        counts = np.bincount(part.spikes.unit, minlength=5)
        assert [u.n_spikes for u in part.units] == counts.tolist()
        rates = counts / part.sorted_time.used_s
        np.testing.assert_allclose([u.firing_rate_hz for u in part.units], rates, rtol=1e-3)
        assert part.notes[0].startswith("Part ")
    assert first.sorted_time.used_s == pytest.approx((BORDER - 90_000) / SAMPLING_HZ)
    assert second.sorted_time.used_s == pytest.approx((N - BORDER - 30_000) / SAMPLING_HZ)
    assert second.units[4].n_spikes == second.units[4].presence == 0
    assert second.units[4].contamination is second.units[4].refractory_ratio is None
    assert second.units[4].x_um == read_sorting(kept).units[4].x_um
    assert second.acgs[4].sum() == 0


def test_times_stay_on_the_clock_of_the_session(kept: Path, parts: tuple[Path, ...]) -> None:
    times_s = [np.load(part / "spike_times_sec.npy") for part in parts]
    np.testing.assert_array_equal(np.concatenate(times_s), np.load(kept / "spike_times_sec.npy"))
    rows = [list(csv.DictReader((part / "segments.csv").open())) for part in parts]
    assert [(row["start_sample"], float(row["start_s"])) for row in rows[0]] == [("0", 100.0), ("90000", 104.0)]
    assert [(row["start_sample"], float(row["start_s"])) for row in rows[1]] == [("0", 109.5)]
    # The gap before the second file is 0.5 s, as it is in the whole.
    assert [row["gap_before_s"] for of_part in rows for row in of_part] == ["", "1.000000", "0.500000"]
    assert [Path(row["file"]).name for of_part in rows for row in of_part] == ["first g0.bin"] * 2 + ["second.bin"]
    again = split_result(parts[0], "segment", kept.parent / "parts of a part")
    np.testing.assert_array_equal(np.load(again[1] / "spike_times_sec.npy"), times_s[0][times_s[0] >= 104.0])


def test_phy_shows_the_traces_of_the_part(kept: Path, parts: tuple[Path, ...]) -> None:
    recording = made(kept.parent)[1]
    of_a_part = split_result(parts[0], "segment", kept.parent / "segments of the first")
    for part, start in zip((*parts, *of_a_part), (0, BORDER, 0, 90_000), strict=True):
        model, ours = load_model(part / "params.py"), read_sorting(part)
        shown = recording.read(start + 5, start + 9)[:, ours.probe.channels]
        np.testing.assert_array_equal(model.traces[5:9], shown)
        assert model.n_templates == 5
        np.testing.assert_array_equal(model.spike_samples, ours.spikes.sample)


def test_spikeinterface_reads_a_part(parts: tuple[Path, ...]) -> None:
    read, ours = read_phy(parts[1]), read_sorting(parts[1])
    assert list(read.unit_ids) == [0, 1, 2, 3, 4]
    for unit in range(5):
        np.testing.assert_array_equal(read.get_unit_spike_train(unit), ours.spike_train(unit))


def test_what_was_curated_in_phy_is_split(whole: Path) -> None:
    clusters = np.load(whole / "spike_clusters.npy")
    clusters[clusters == 1] = 7
    np.save(whole / "spike_clusters.npy", clusters)
    (whole / "cluster_group.tsv").write_text("cluster_id\tgroup\n0\tgood\n7\tmua\n")
    (whole / "cluster_area.tsv").write_text("cluster_id\tarea\n0\tCA1\n")
    (whole / "cluster_info.tsv").write_text("cluster_id\tn_spikes\n0\t99\n")
    parts = split_result(whole)
    found = np.concatenate([np.load(part / "spike_clusters.npy") for part in parts])
    np.testing.assert_array_equal(found, clusters)
    for part in parts:
        assert "7\tmua" in (part / "cluster_group.tsv").read_text()
        assert "CA1" in (part / "cluster_area.tsv").read_text()
        assert not (part / "cluster_info.tsv").exists()
        assert any("moved to other clusters" in note for note in read_sorting(part).notes)


def test_the_recording_need_not_be_there(whole: Path) -> None:
    for path in whole.parent.glob("*.bin"):
        path.unlink()
    second = split_result(whole, "file", whole.parent / "else")[1]
    facts = json.loads((second / "provenance.json").read_text())
    assert "second.bin" in (second / "params.py").read_text()
    assert [Path(entry["path"]).name for entry in facts["inputs"]] == ["second.bin"]
    assert facts["recording"]["n_samples"] == N - BORDER


def test_parts_are_replaced_only_when_asked(whole: Path) -> None:
    split_result(whole)
    with pytest.raises(OutputError, match="exists"):
        split_result(whole)
    split_result(whole, overwrite=True)


def test_what_cannot_be_split_is_a_sentence(whole: Path, parts: tuple[Path, ...]) -> None:
    with pytest.raises(InputError, match="one file: there is nothing to split"):
        split_result(parts[0])
    with pytest.raises(InputError, match='by "file" or by "segment"'):
        split_result(whole, "shank")
    (whole / "segments.csv").unlink()
    with pytest.raises(InputError, match=r"segments\.csv"):
        split_result(whole)


def test_the_command_says_where_the_parts_are(whole: Path) -> None:
    done = CliRunner().invoke(app, ["split", str(whole), "--by", "segment"])
    assert done.exit_code == 0
    assert [Path(line.split(": ")[1]).name for line in done.output.splitlines()] == ["0", "1", "2"]
    assert (whole.parent / "result-by-segment" / "2" / "report.html").exists()


def test_each_part_has_metrics_of_its_own(kept: Path, parts: tuple[Path, ...]) -> None:
    n_spikes = np.array([[row.num_spikes for row in read_sorting(part).metrics] for part in parts])
    assert n_spikes.sum(axis=0).tolist() == np.bincount(read_sorting(kept).spikes.unit, minlength=5).tolist()
    assert n_spikes[1, 4] == 0
    assert read_sorting(parts[1]).metrics[4].amplitude_median is None
