"""`Sorting.save`: the folder that `spikesieve sort` writes, from a sorting in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_motion import make_moving_sorting
from make_sorting import SAMPLING_HZ, make_sorting, write_raw
from phylib.io.model import load_model
from small_files import HZ, facts, run_sort, spiking

from spikesieve.api.sort import sort
from spikesieve.engine.clock import StageCost
from spikesieve.errors import InputError, OutputError
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.io.results.for_the_page import OVERVIEW, PREPROCESSING
from spikesieve.io.results.read import read_sorting
from spikesieve.model import Origin, Recording, Sorting
from spikesieve.settings.sort import Settings


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def origin_of(recording: Recording) -> Origin:
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stages = {"detect": StageCost(1.5, 300.0)}
    return Origin(recording, Settings().model_dump(), started, started.replace(minute=9), stages)


def in_memory(sorting: Sorting, gain_uv: float | None = 0.5) -> Recording:
    shape = sorting.segments[-1][1], int(sorting.probe.channels.max()) + 1
    return recording_from_array(np.zeros(shape, np.int16), SAMPLING_HZ, gain_uv)


def test_the_folder_is_that_of_the_command_line(tmp_path):
    """Same files, and the same bytes in all that hold no times, costs or names."""
    raw = tmp_path / "raw.bin"
    spiking().tofile(raw)
    result = run_sort(raw, tmp_path / "theirs")
    assert result.exit_code == 0, result.output
    recording = read_recording(raw, 4, HZ, gain_uv=1.0)
    sorting = sort(recording, read_probe("linear:4:25"))
    sorting = replace(sorting, origin=origin_of(recording))
    assert sorting.save(tmp_path / "ours") == tmp_path / "ours"
    ours, theirs = files(tmp_path / "ours"), files(tmp_path / "theirs")
    # Only the command line's has what only the steps of the sort know.
    shown = {name for name in theirs if name == OVERVIEW or name.startswith(f"{PREPROCESSING}/")}
    assert shown
    assert set(ours) == set(theirs) - shown
    differ = {name for name in ours if ours[name] != theirs[name]}
    assert differ <= {"provenance.json", "report.html", "spikesieve.log"}
    one, two = facts(tmp_path / "ours"), facts(tmp_path / "theirs")
    assert {name for name in one if one[name] != two[name]} <= {"started", "finished", "stages"}
    assert "1 unit (1 good, 0 mua, 0 noise)" in (tmp_path / "ours" / "spikesieve.log").read_text()


def test_a_sorting_of_an_array_is_saved_whole(tmp_path):
    sorting = make_moving_sorting()
    sorting.save(tmp_path / "new" / "out", in_memory(sorting))
    again = read_sorting(tmp_path / "new" / "out")
    np.testing.assert_array_equal(again.spikes.sample, sorting.spikes.sample)
    # Phy's first component may be turned over.
    np.testing.assert_array_equal(np.abs(again.spikes.features), np.abs(sorting.spikes.features))
    assert again.motion.decisions == sorting.motion.decisions
    found = facts(tmp_path / "new" / "out")
    assert (found["recording"]["gain_uv"], found["recording"]["gain_is_known"]) == (0.5, True)
    assert (found["method"], found["inputs"]) == ("unknown", [])
    assert any("settings and times of this sort are not known" in note for note in found["notes"])
    assert (tmp_path / "new" / "out" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "new" / "out" / "figures" / "units_on_probe.png").is_file()
    assert len(load_model(tmp_path / "new" / "out" / "params.py").spike_samples) == len(sorting.spikes)
    assert not [path for path in (tmp_path / "new").iterdir() if path.name.startswith(".")]


def test_the_origin_tells_method_settings_seeds_times_and_recording(tmp_path):
    sorting = make_sorting()
    recording = write_raw(tmp_path / "raw.bin", sorting)
    replace(sorting, origin=origin_of(recording)).save(tmp_path / "out")
    found = facts(tmp_path / "out")
    assert found["method"] == "sieve"
    assert found["settings"]["detect"] == Settings().model_dump()["detect"]
    assert found["seeds"] == {"shapes": 5, "cluster": 5}
    assert (found["started"], found["finished"]) == ("2026-01-02T03:04:05+00:00", "2026-01-02T03:09:05+00:00")
    assert found["stages"] == {"detect": {"seconds": 1.5, "peak_memory_mb": 300.0}}
    assert [Path(entry["path"]).name for entry in found["inputs"]] == ["raw.bin"]
    assert found["notes"] == list(sorting.notes)
    assert "raw.bin" in (tmp_path / "out" / "params.py").read_text()


def test_without_any_recording_the_result_says_so(tmp_path):
    sorting = make_sorting()
    sorting.save(tmp_path / "out")
    found = facts(tmp_path / "out")
    assert found["recording"]["segments"] == [list(segment) for segment in sorting.segments]
    assert (found["recording"]["name"], found["recording"]["gain_is_known"]) == ("unknown", False)
    assert any("saved without its recording" in note for note in found["notes"])
    assert len(read_sorting(tmp_path / "out").spikes) == len(sorting.spikes)
    assert "dat_path = []" in (tmp_path / "out" / "params.py").read_text()


def test_gains_of_each_channel_are_listed_where_they_differ(tmp_path):
    sorting = make_sorting()
    gains = np.linspace(0.1, 0.5, int(sorting.probe.channels.max()) + 1)
    sorting.save(tmp_path / "out", replace(in_memory(sorting), gain_uv=gains))
    found = facts(tmp_path / "out")["recording"]
    assert (found["gain_uv"], found["zero_raw"]) == (gains.tolist(), 0.0)


def test_the_segments_are_those_that_were_sorted(tmp_path):
    sorting = replace(make_sorting(), segments=((0, 100_000), (200_000, 600_000)))
    sorting.save(tmp_path / "out", in_memory(sorting))
    assert facts(tmp_path / "out")["recording"]["segments"] == [[0, 100_000], [200_000, 600_000]]


def test_an_older_result_is_replaced_only_when_asked(tmp_path):
    sorting = make_sorting()
    sorting.save(tmp_path / "out")
    before = files(tmp_path / "out")
    with pytest.raises(OutputError, match="exists"):
        sorting.save(tmp_path / "out")
    assert files(tmp_path / "out") == before
    make_sorting(n_units=2).save(tmp_path / "out", overwrite=True)
    assert len(read_sorting(tmp_path / "out").units) == 2


@pytest.mark.parametrize(
    ("n_samples", "n_channels", "hz"), [(1000, 25, SAMPLING_HZ), (600_000, 3, SAMPLING_HZ), (600_000, 25, 2e4)]
)
def test_another_recording_is_refused_before_anything_is_written(tmp_path, n_samples, n_channels, hz):
    other = recording_from_array(np.zeros((n_samples, n_channels), np.int16), hz)
    with pytest.raises(InputError, match=r"is not the one that was sorted.*at least 25 channels and 600000 samples"):
        make_sorting().save(tmp_path / "out", other)
    assert not list(tmp_path.iterdir())
