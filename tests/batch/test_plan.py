"""Plans: what is read of a CSV, a TOML file, a folder and a pattern, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikeglx_files import nidq_tags, np2_tags, record

from spikesieve.batch.plan import read_plan, write_plan
from spikesieve.batch.rows import Row, make_row, settings_text
from spikesieve.batch.state import key_of_row
from spikesieve.errors import InputError, SettingsError

OUT = Path("/results")


def plan(folder: Path, text: str, name: str = "plan.csv", **defaults: str) -> tuple[Row, ...]:
    (folder / name).write_text(text, encoding="utf-8")
    return read_plan([folder / name], OUT, defaults)


def test_a_csv_gives_a_row_for_each_line_and_cells_win_over_defaults(tmp_path):
    rows = plan(
        tmp_path,
        'name,files,probe,detect.threshold,exclude\na,day1.bin,tetrode:4,8,1:2|5:\n\nb,"/far/day2.bin|day3.bin",,,\n',
        probe="linear:4:20",
        channels="16",
    )
    first, second = (row.job() for row in rows)
    assert first.files == (tmp_path / "day1.bin",)
    assert (first.probe, first.raw.n_channels, first.settings.detect.threshold) == ("tetrode:4", 16, 8.0)
    assert first.raw.exclude_s == ((1.0, 2.0), (5.0, float("inf")))
    assert (second.files, second.probe) == ((Path("/far/day2.bin"), tmp_path / "day3.bin"), "linear:4:20")
    assert [row.out for row in rows] == [OUT / "a", OUT / "b"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_of_a_spreadsheet_in_another_language_is_read(tmp_path, delimiter):
    text = "\ufeff" + delimiter.join(["files", "channels"]) + "\r\n" + delimiter.join(["a.bin", "4"]) + "\r\n"
    (row,) = plan(tmp_path, text)
    assert row.job().raw.n_channels == 4


def test_a_toml_has_defaults_above_its_rows(tmp_path):
    text = """
    channels = 4
    detect.threshold = 9
    [[row]]
    name = "mouse 1/week 1"
    files = ["day1.bin", "day2.bin"]
    split = "file"
    [[row]]
    files = "other.bin"
    detect.threshold = 8
    preprocess.bad_contacts = "keep"
    """
    first, second = plan(tmp_path, text, "plan.toml")
    assert first.files == (tmp_path / "day1.bin", tmp_path / "day2.bin")
    assert first.split_folder == OUT / "mouse 1" / "week 1-by-file"
    assert (first.job().settings.detect.threshold, second.job().settings.detect.threshold) == (9.0, 8.0)
    assert second.job().settings.preprocess.bad_contacts == "keep"
    assert second.name == "other"


def test_a_pattern_in_a_row_stands_for_sessions_in_order_of_their_numbers(tmp_path):
    for number in (10, 2):
        (tmp_path / f"day{number}.bin").touch()
    (row,) = plan(tmp_path, "files,name\nday*.bin,all\n")
    assert [path.name for path in row.files] == ["day2.bin", "day10.bin"]
    (tmp_path / "day[1]0.bin").touch()
    (row,) = plan(tmp_path, "files\nday[1]0.bin\n")
    assert row.files == (tmp_path / "day[1]0.bin",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("files,tresh\na.bin,1\n", ("Row 1", "no column 'tresh'")),
        ("files,detect.treshold\na.bin,1\n", ("detect.treshold", "Did you mean detect.threshold")),
        ("files,detect.threshold\na.bin,8\nb.bin,high\n", ("Row 2", "detect.threshold", "high")),
        ("files,channels\na.bin,four\n", ("channels is 'four'",)),
        ("files,time_range\na.bin,5\n", ("not an interval",)),
        ("files,split\na.bin,hour\n", ("split is 'hour'",)),
        ("name,channels\na,4\n", ("names no files",)),
        ("files,name\na.bin,../b\n", ("cannot be the name",)),
        ("files,name\na.bin,/b\n", ("cannot be the name",)),
        ("files\na.bin\nx/a.bin\n", ("Two rows have the name 'a'",)),
        ("files,name,out\na.bin,a,same\nb.bin,b,same\n", ("one result folder",)),
        ("files,name\na.bin,a\nb.bin,a/b\n", ("would be in that of a",)),
        ("files\na.bin,b.bin\n", ("more cells than columns",)),
        ('files\n"a.bin\n', ("no CSV",)),
        ("files\n", ("Nothing to sort",)),
        ("", ("Nothing to sort",)),
    ],
)
def test_a_wrong_plan_is_a_sentence(tmp_path, text, words):
    with pytest.raises((InputError, SettingsError)) as caught:
        plan(tmp_path, text)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("text", ["row = 3", "[[row]\n", "row = [1]", "\x00"])
def test_a_wrong_toml_is_a_sentence(tmp_path, text):
    with pytest.raises(InputError):
        plan(tmp_path, text, "plan.toml")


WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"], exclude_characters="/|*?[]~"), min_size=1
)
CELLS = st.fixed_dictionaries(
    {"name": WORDS.filter(lambda word: word not in (".", "..")), "files": WORDS},
    optional={
        "probe": WORDS,
        "channels": st.integers(1, 9999).map(str),
        "sampling_hz": st.floats(1, 1e5).map(str),
        "exclude": st.just("1:2|3:4"),
        "split": st.sampled_from(["file", "segment"]),
        "detect.threshold": st.floats(5, 10).map(str),
        "motion": WORDS,
    },
)


@settings(deadline=None, max_examples=50)
@given(st.lists(CELLS, min_size=1, max_size=4, unique_by=lambda cells: cells["name"]))
def test_a_written_plan_reads_as_the_same_rows(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("plan")
    rows = tuple(make_row(each, Path("/data"), OUT) for each in cells)
    write_plan(rows, folder / "plan.csv")
    assert read_plan([folder / "plan.csv"], Path("/elsewhere"), {}) == rows


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_plan_or_a_sentence(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("plan")
    for name in ("plan.csv", "plan.toml"):
        (folder / name).write_text(text, encoding="utf-8", newline="")
        with suppress(InputError, SettingsError):
            read_plan([folder / name], OUT, {})


SHANKS = """
channel_groups = {
    0: {"channels": [0, 1, 2, 3], "geometry": {0: (0, 0), 1: (0, 25), 2: (0, 50), 3: (0, 75)}},
    3: {"channels": [4, 5, 6, 7], "geometry": {4: (250, 0), 5: (250, 25), 6: (250, 50), 7: (250, 75)}},
}
"""


def found(place: object, **defaults: str) -> dict[str, str]:
    return {row.name: row.cell("stream") for row in read_plan([str(place)], OUT, defaults)}


def test_every_stream_and_probe_below_a_folder_is_a_row(tmp_path):
    (tmp_path / "m1").mkdir()
    (tmp_path / "m2" / "late").mkdir(parents=True)
    for probe in ("imec0", "imec1"):
        record(tmp_path / "m1", np2_tags(32), 10, f"run_g0_t0.{probe}.ap.bin")
    record(tmp_path / "m1", nidq_tags(), 10, "run_g0_t0.nidq.bin")
    record(tmp_path / "m2" / "late", np2_tags(32), 10, "run_g0_t0.imec0.ap.bin")
    (tmp_path / "plain.bin").write_bytes(bytes(8))
    (tmp_path / "old").mkdir()
    for name in ("provenance.json", "params.py", "preprocessed.dat"):
        (tmp_path / "old" / name).touch()
    assert found(tmp_path) == {"m1/imec0.ap": "imec0.ap", "m1/imec1.ap": "imec1.ap", "m2/late": ""}
    assert set(found(tmp_path, channels="4")) == {"m1/imec0.ap", "m1/imec1.ap", "m2/late", "plain"}
    pattern = tmp_path / "**" / "*.bin"
    names = {"m1/run_g0_t0.imec0.ap", "m1/run_g0_t0.imec1.ap", "m2/late/run_g0_t0.imec0.ap", "plain"}
    assert set(found(pattern)) == names
    with pytest.raises(InputError, match="Nothing to sort"):
        found(tmp_path / "*.nwb")


def test_probes_of_a_group_and_shanks_where_each_is_asked_for_are_rows_of_their_own(tmp_path):
    (tmp_path / "run.bin").write_bytes(bytes(8 * 2 * 100))
    (tmp_path / "shanks.prb").write_text(SHANKS)
    layout = "files,channels,sampling_hz,gain_uv,probe,shanks,detect.threshold\nrun.bin,8,30000,1,"
    rows = plan(tmp_path, layout + "shanks.prb,each,7\n")
    assert [(row.name, row.cell("shanks"), row.cell("out")) for row in rows] == [
        ("run/shank_0", "0", str(OUT / "run/shank_0")),
        ("run/shank_3", "3", str(OUT / "run/shank_3")),
    ]
    assert {row.cell("detect.threshold") for row in rows} == {"7"}
    assert [row.name for row in plan(tmp_path, layout + "shanks.prb,3,7\n")] == ["run"]
    assert [row.name for row in plan(tmp_path, layout + "linear:8:25,each,7\n")] == ["run"]
    # What cannot be opened says so when it is sorted.
    assert [row.name for row in plan(tmp_path, layout + "gone.prb,each,7\n")] == ["run"]
    group = {"specification": "probeinterface", "version": "0.2", "probes": [linear(range(5)), linear(range(5, 8))]}
    (tmp_path / "group.json").write_text(json.dumps(group))
    rows = plan(tmp_path, layout + "group.json,,7\n")
    assert [(row.name, row.cell("probe")) for row in rows] == [
        ("run/probe_0", f"{tmp_path / 'group.json'}#0"),
        ("run/probe_1", f"{tmp_path / 'group.json'}#1"),
    ]


def linear(channels: range) -> dict:
    """A probe as probeinterface writes it."""
    positions = [[0.0, 25.0 * number] for number in range(len(channels))]
    return {"contact_positions": positions, "device_channel_indices": list(channels), "si_units": "um", "ndim": 2}


def test_a_damaged_recording_is_a_row_that_says_so_later(tmp_path):
    (tmp_path / "run.ap.meta").write_text("typeThis=imec\n")
    assert set(found(tmp_path)) == {tmp_path.name}


def test_a_written_plan_is_a_table_for_people(tmp_path):
    write_plan([make_row({"files": "a.bin", "channels": "4"}, Path("/data"), OUT)], tmp_path / "plan.csv")
    (line,) = csv.DictReader(io.StringIO((tmp_path / "plan.csv").read_text()))
    assert line == {"name": "a", "files": "/data/a.bin", "out": "/results/a", "channels": "4"}


def test_the_key_of_a_row_has_the_settings_that_are_not_at_their_default():
    def row(**cells: str) -> Row:
        return make_row({"files": "a.bin", **cells}, Path("/data"), OUT)

    text = settings_text(row(**{"detect.threshold": "8", "method": "kilosort4"}))
    assert json.loads(text) == {"method": "kilosort4", "detect.threshold": 8.0}
    keys = [key_of_row(row(**cells)) for cells in ({}, {"method": "sieve"}, {"jobs": "3"}, {"shanks": "0"})]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_spikes_of_spikeglx_without_their_meta_file_are_a_row_that_says_so(tmp_path):
    (tmp_path / "m1").mkdir()
    (tmp_path / "m2").mkdir()
    record(tmp_path / "m1", np2_tags(32), 10, "day1_g0_t0.imec0.ap.bin")
    for lone in (tmp_path / "m1" / "day2_g0_t0.imec0.ap.bin", tmp_path / "m2" / "day3_g0_t0.imec0.ap.bin"):
        lone.write_bytes(bytes(64))
    assert set(found(tmp_path)) == {"m1", "m1-day2_g0_t0.imec0.ap", "m2/day3_g0_t0.imec0.ap"}
