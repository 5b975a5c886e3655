"""The result folder appears complete or not at all, and says where it comes from."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting, write_raw

from spikesieve.errors import InUseError, OutputError
from spikesieve.io.hidden_folder import REPLACED, hidden_path
from spikesieve.io.recordings import preprocessed
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results import folder as folder_module
from spikesieve.io.results.folder import FILES, OF_ANY_SORTER, made_by_hand, result_folder, write_result
from spikesieve.io.results.provenance import RunRecord, StageCost, fingerprint, to_json, write_ops
from spikesieve.io.results.unit_table import write_table
from spikesieve.model import Unit

START = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
RUN = RunRecord(
    method="kilosort4",
    settings={"match": {"threshold": 8.0, "tmax_s": float("inf")}, "out": Path("x")},
    seeds={"cluster": 5},
    started=START,
    finished=START + timedelta(seconds=90),
    stages={"detect": StageCost(12.5, 640.0)},
)


def result(path: Path, overwrite: bool = False, text: str = "new") -> None:
    with result_folder(path, overwrite) as new:
        (new / "provenance.json").write_text(text)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_folder_appears_complete_and_alone(tmp_path: Path) -> None:
    with result_folder(tmp_path / "out", overwrite=False) as new:
        (new / "provenance.json").write_text("{}")
        assert not (tmp_path / "out").exists()
        assert new.parent.name.startswith(".")
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_missing_parents_are_made(tmp_path: Path) -> None:
    result(tmp_path / "a" / "b" / "out")
    assert (tmp_path / "a" / "b" / "out" / "provenance.json").is_file()


def fail_half_way(path: Path, error: BaseException) -> None:
    with result_folder(path, overwrite=False) as new:
        (new / "templates.npy").write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_interruption_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        fail_half_way(tmp_path / "a" / "out", error())
    assert contents(tmp_path) == []


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("100000 requested and 512 written")]
)
def test_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(OutputError, match=r"disk is full: .* has [\d,]+ MB left"):
        fail_half_way(tmp_path / "out", error)
    assert contents(tmp_path) == []


def test_other_errors_of_the_system_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), result_folder(tmp_path / "out", overwrite=False):
        (tmp_path / "nowhere").read_bytes()


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    result(tmp_path / "out", text="old")
    with pytest.raises(OutputError, match="--overwrite"):
        result(tmp_path / "out")
    assert (tmp_path / "out" / "provenance.json").read_text() == "old"


def test_overwrite_replaces_an_older_result_whole(tmp_path: Path) -> None:
    result(tmp_path / "out", text="old")
    (tmp_path / "out" / "phy.log").write_text("from Phy")
    result(tmp_path / "out", overwrite=True)
    assert contents(tmp_path) == ["out", "provenance.json"]
    assert (tmp_path / "out" / "provenance.json").read_text() == "new"


@pytest.mark.parametrize("changed", ["thesis.txt", "cluster_info.tsv", "cluster_group.tsv", "spike_clusters.npy"])
def test_an_older_result_with_work_of_a_person_is_kept_aside(tmp_path: Path, changed: str) -> None:
    sorting = make_sorting()
    with result_folder(tmp_path / "out", overwrite=False) as new:
        write_result(new, sorting, write_raw(tmp_path / "raw.bin", sorting), RUN)
    assert made_by_hand(tmp_path / "out") == ""
    (tmp_path / "out" / changed).write_text("cluster_id\tgroup\n0\tby hand\n")
    assert made_by_hand(tmp_path / "out")
    result(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out-before" / changed).read_text() == "cluster_id\tgroup\n0\tby hand\n"
    assert contents(tmp_path / "out") == ["provenance.json"]
    assert not list(tmp_path.glob(".*"))


def test_every_file_that_is_written_into_a_result_is_known() -> None:
    sources = [*Path(folder_module.__file__).parent.glob("*.py"), Path(preprocessed.__file__)]
    found = re.findall(r'folder / "([^"]+[.][^"]+)"', "".join(path.read_text(encoding="utf-8") for path in sources))
    assert len(found) > 15
    assert set(found) <= FILES | set(OF_ANY_SORTER)


def test_overwrite_keeps_the_older_result_when_the_run_fails(tmp_path: Path) -> None:
    result(tmp_path / "out", text="old")
    with pytest.raises(KeyboardInterrupt), result_folder(tmp_path / "out", overwrite=True):
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "provenance.json").read_text() == "old"
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_the_older_result_comes_back_when_the_last_move_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result(tmp_path / "out", text="old")
    move = os.replace

    def stubborn(source: Path, target: Path) -> None:
        if Path(source).name == "result":
            raise PermissionError(errno.EACCES, "used by another program")
        move(source, target)

    monkeypatch.setattr(os, "replace", stubborn)
    with pytest.raises(OutputError, match="used by another program"):
        result(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "provenance.json").read_text() == "old"
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_a_folder_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def slow() -> None:
        with result_folder(tmp_path / "out", overwrite=False) as new:
            (new / "provenance.json").write_text("second")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "provenance.json").write_text("first")

    with pytest.raises(OutputError, match="exists"):
        slow()
    assert (tmp_path / "out" / "provenance.json").read_text() == "first"
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_two_results_of_one_name_at_once_are_refused(tmp_path: Path) -> None:
    with result_folder(tmp_path / "out", overwrite=False), pytest.raises(InUseError, match=r"Process \d+ on"):
        result(tmp_path / "out")


def test_what_a_killed_run_left_is_removed_and_what_it_had_put_aside_comes_back(tmp_path: Path) -> None:
    left = hidden_path(tmp_path / "out", "new")
    (left / REPLACED).mkdir(parents=True)
    (left / REPLACED / "provenance.json").write_text("old")
    (left / "result").mkdir()
    with pytest.raises(KeyboardInterrupt), result_folder(tmp_path / "out", overwrite=True):
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "provenance.json").read_text() == "old"
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_overwrite_refuses_a_folder_that_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"not a result of spikesieve"):
        result(tmp_path / "out", overwrite=True)
    assert contents(tmp_path) == ["out", "thesis.tex"]


def test_overwrite_takes_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result(tmp_path / "out", overwrite=True)
    assert contents(tmp_path) == ["out", "provenance.json"]


def test_overwrite_refuses_a_folder_that_holds_an_input(tmp_path: Path) -> None:
    result(tmp_path / "out", text="old")
    raw = tmp_path / "out" / "raw.bin"
    raw.write_bytes(b"data")
    with pytest.raises(OutputError, match=r"raw\.bin"), result_folder(tmp_path / "out", overwrite=True, inputs=[raw]):
        pass
    assert raw.read_bytes() == b"data"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        result(tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError, match="cannot be written into"):
        result(tmp_path / "out" / "deeper")
    assert (tmp_path / "out").read_text() == "a file"


def test_an_unwritable_place_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        result(tmp_path / "out")


def test_a_whole_result_has_all_its_files(tmp_path: Path) -> None:
    sorting = make_sorting()
    recording = write_raw(tmp_path / "raw.bin", sorting)
    with result_folder(tmp_path / "out", overwrite=False) as new:
        write_result(new, sorting, recording, RUN)
    names = contents(tmp_path / "out")
    assert {"params.py", "units.csv", "ops.npz", "provenance.json", "spike_times.npy", "cluster_group.tsv"} < set(names)
    facts = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert facts["settings"] == {"match": {"threshold": 8.0, "tmax_s": "inf"}, "out": "x"}
    assert facts["seeds"] == {"cluster": 5}
    assert facts["stages"] == {"detect": {"seconds": 12.5, "peak_memory_mb": 640.0}}
    assert facts["inputs"][0]["bytes"] == (tmp_path / "raw.bin").stat().st_size
    assert facts["result"]["n_units"] == 5
    assert facts["result"]["n_spikes"] == 400
    assert facts["result"]["n_double_detections"] == 3
    assert facts["notes"] == ["One channel was flat."]
    assert facts["finished"] == "2024-02-03T04:06:36+00:00"
    assert {"spikesieve", "python", "numpy", "scipy", "numba", "os"} <= set(facts["versions"])


def test_placeholders_of_an_empty_result_are_noted(tmp_path: Path) -> None:
    recording = recording_from_array(np.zeros((100, 25), np.int16), SAMPLING_HZ)
    write_result(tmp_path, make_sorting(0, 0), recording, RUN)
    facts = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert facts["result"]["n_spikes"] == 0
    assert "placeholders" in facts["notes"][-1]


def test_ops_needs_no_pickle_and_repeats_byte_for_byte(tmp_path: Path) -> None:
    sorting = make_sorting()
    for name in ("a.npz", "b.npz"):
        write_ops(tmp_path / name, sorting, RUN)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as ops:
        arrays = {name: ops[name] for name in ops.files}
    assert json.loads(str(arrays["settings_json"])) == {"match": {"threshold": 8.0, "tmax_s": "inf"}, "out": "x"}
    np.testing.assert_array_equal(arrays["whitening"], sorting.whitening)
    assert arrays["pcs"][0].min() < -np.abs(arrays["pcs"][0].max())


def test_a_small_file_is_hashed_whole(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"spikes")
    assert fingerprint(tmp_path / "small") == {
        "path": str(tmp_path / "small"),
        "bytes": 6,
        "sha256": hashlib.sha256(b"spikes").hexdigest(),
    }


@pytest.mark.parametrize("place", [0, 70 * 2**20 - 1, 70 * 2**20 * 33 // 65])
def test_a_large_file_is_hashed_in_pieces_and_the_name_says_so(tmp_path: Path, place: int) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(70 * 2**20)
    before = fingerprint(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    after = fingerprint(path)
    name = "sha256_of_head_tail_and_64_evenly_spaced_pieces_of_1_mib"
    assert before[name] != after[name]
    assert "sha256" not in before


def test_json_is_strict() -> None:
    text = to_json({"a": np.float32("nan"), "b": np.arange(2), "c": (None, True)})
    assert json.loads(text) == {"a": "nan", "b": [0, 1], "c": [None, True]}


def test_unit_table_has_a_column_for_all_that_is_promised(tmp_path: Path) -> None:
    sorting = make_sorting()
    write_table(tmp_path / "units.csv", Unit, sorting.units)
    with (tmp_path / "units.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    promised = (
        "unit label why chan_best file_channel shank x_um y_um depth_um n_spikes firing_rate_hz amplitude_uv snr "
        "refractory_ratio refractory_probability contamination contamination_low contamination_high presence "
        "nearest_unit nearest_similarity missed echo_share echo_unit echo_lag_ms"
    )
    assert promised.split() == list(rows[0])
    assert [row["label"] for row in rows] == [u.label for u in sorting.units]
    assert float(rows[1]["amplitude_uv"]) == pytest.approx(sorting.units[1].amplitude_uv, abs=0.051)
    assert int(rows[1]["n_spikes"]) == sorting.units[1].n_spikes
    assert rows[0]["refractory_probability"] == "0.01235"


def test_unknown_values_are_empty_fields(tmp_path: Path) -> None:
    unit = replace(make_sorting().units[0], contamination=None, snr=float("nan"))
    write_table(tmp_path / "units.csv", Unit, [unit])
    with (tmp_path / "units.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert row["contamination"] == row["snr"] == row["nearest_unit"] == ""
