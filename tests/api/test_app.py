"""Results that the page opens, and what is exchanged with Phy and SpikeInterface."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_sorting import make_sorting, write_raw
from phylib.io.model import load_model
from typer.testing import CliRunner

from spikesieve.api.app import CURATION_FOLDER, open_session
from spikesieve.api.compare import compare
from spikesieve.api.compare_curations import compare_journals
from spikesieve.api.curation_of_result import SPIKEINTERFACE, CuratedFolder
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.app.decisions import Asked
from spikesieve.app.session import Session
from spikesieve.cli.app import app
from spikesieve.curation.actions import after
from spikesieve.errors import InputError
from spikesieve.io.curations.kept import Kept
from spikesieve.io.curations.spikeinterface import read_spikeinterface_curation
from spikesieve.io.results.phy import write_phy
from spikesieve.views.result import Result

ALL = [[-1.0, 0.0], [21.0, 0.0]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What any sorter writes for Phy."""
    sorting = make_sorting(6, 1500)
    out = tmp_path / "phy"
    out.mkdir()
    write_phy(out, sorting, write_raw(tmp_path / "raw.bin", sorting))
    return out


class Opened:
    def __init__(self, folder: Path, session: Session) -> None:
        self.session, self.folder = session, folder
        self.curated = CuratedFolder(session, folder, folder / CURATION_FOLDER)

    def do(self, what: str, **content: Any) -> dict[str, Any]:
        n = len(self.session.history.entries)
        return self.session.decide(Asked(do=what, seq=n, request=str(n), **content))


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    with ExitStack() as stack:
        yield Opened(folder, open_session(read_result_to_show(folder), folder, False, stack, lambda line: None))


def lower_half(result: Result, unit: int) -> dict[str, Any]:
    assert result.amplitude is not None
    middle = float(np.median(result.amplitude[result.units.rows[unit]]))
    return {"kind": "amplitude", "corners": [*ALL, [21.0, middle], [-1.0, middle]]}


def decide_some(it: Opened) -> None:
    it.do("merge", units=[0, 1])
    it.do("split", units=[2], lasso=lower_half(it.session.result, 2))
    it.do("discard", units=[3], lasso=lower_half(it.session.result, 3))
    it.do("label", units=[4], label="noise")
    it.do("text", units=[5], text="drifts\taway")


def test_a_phy_folder_is_opened_with_everything(folder: Path) -> None:
    result = read_result_to_show(folder)
    sorting = make_sorting(6, 1500)
    np.testing.assert_array_equal(result.sample, sorting.spikes.sample)
    assert result.units.ids == (0, 1, 2, 3, 4, 5)
    np.testing.assert_allclose(result.templates.uv[2].T, sorting.templates.dense_uv(24)[2].T, rtol=1e-2, atol=0.5)
    assert result.missing == ()
    assert result.time.segments[0][1] == sorting.segments[0][1]


def test_waveforms_of_another_sorter_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(folder / "kept")
    first = read_result_to_show(folder, kept)
    with monkeypatch.context() as patch:
        patch.setattr("spikesieve.api.phy_to_show.template_waveforms", None)
        again = read_result_to_show(folder, kept)
    np.testing.assert_array_equal(again.templates.uv, first.templates.uv)
    assert (again.templates.peak_index, again.waveform_unit) == (first.templates.peak_index, first.waveform_unit)
    np.save(folder / "templates.npy", 2 * np.load(folder / "templates.npy"))
    np.testing.assert_allclose(read_result_to_show(folder, kept).templates.uv, 2 * first.templates.uv, rtol=1e-5)


@pytest.mark.parametrize("of_ours", [False, True])
def test_the_table_of_a_result_opened_before_needs_no_loops(folder: Path, tmp_path: Path, of_ours: bool) -> None:
    if of_ours:
        folder = make_sorting(6, 1500).save(tmp_path / "ours")
    code = """
import sys
from contextlib import ExitStack
from pathlib import Path
from spikesieve.api.app import open_result
from spikesieve.app.answers import start
with ExitStack() as stack:
    session = open_result(Path(sys.argv[1]), False, stack, print).session
    session.descriptions.are_made_later = True
    assert len(start(session, {})["units"]) == 6
loaded = {*sys.argv[2:]} & set(sys.modules)
assert not loaded, loaded
"""
    words = sys.executable, "-c", code, str(folder)
    subprocess.run(words, check=True, capture_output=True)
    subprocess.run([*words, "numba", "scipy.special"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("templates.npy", "waveforms"),
        ("channel_positions.npy", "one column"),
        ("spike_positions.npy", "depth over time"),
        ("spike_clusters.npy", ""),
        ("pc_features.npy", ""),
    ],
)
def test_a_missing_file_switches_a_view_off(folder: Path, file: str, says: str) -> None:
    (folder / file).unlink()
    if file == "spike_positions.npy":
        (folder / "amplitudes.npy").unlink()
        (folder / "spike_amplitude_uv.npy").unlink()
    with opened(folder) as it:
        assert says in " ".join(it.session.result.missing)
        assert [it.session.table_row(unit)["unit"] for unit in it.session.units.ids] == list(range(6))
        it.curated.take_in()
        it.do("merge", units=[0, 1])


def test_contacts_at_one_place_are_shown_in_one_column(folder: Path) -> None:
    np.save(folder / "channel_positions.npy", np.zeros((24, 2)))
    result = read_result_to_show(folder)
    assert "one column" in " ".join(result.missing)
    assert len(np.unique(result.probe.positions_um, axis=0)) == 24


@pytest.mark.parametrize("file", ["spike_times.npy", "params.py"])
def test_without_spikes_or_rate_it_is_a_sentence(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(InputError, match=r"\."):
        read_result_to_show(folder)


def test_params_py_is_never_executed(folder: Path, tmp_path: Path) -> None:
    with (folder / "params.py").open("a") as file:
        file.write(f"\nopen({str(tmp_path / 'executed')!r}, 'w')\n")
    read_result_to_show(folder)
    assert not (tmp_path / "executed").exists()


def test_phy_opens_what_is_written_and_the_old_files_are_kept(folder: Path) -> None:
    old = {name: (folder / name).read_bytes() for name in ("spike_clusters.npy", "cluster_group.tsv")}
    (folder / ".phy").mkdir()
    (folder / ".phy" / "new_cluster_id.json").write_text("7")
    with opened(folder) as it:
        assert it.curated.take_in() is None
        decide_some(it)
        it.curated.write_phy()
        units = it.session.units
    for name, content in old.items():
        assert (folder / CURATION_FOLDER / "original" / name).read_bytes() == content
    assert not list((folder / ".phy").iterdir())
    model = load_model(folder / "params.py")
    found = {k: np.flatnonzero(model.spike_clusters == k).tolist() for k in np.unique(model.spike_clusters)}
    removed = max(found)
    assert found == {**{k: rows.tolist() for k, rows in units.rows.items()}, removed: found[removed]}
    groups = model.metadata["group"]
    assert (groups[4], groups[removed]) == ("noise", "noise")
    assert model.metadata["note"] == {5: "drifts away"}


def test_what_phy_changed_is_taken_in_and_can_be_undone(folder: Path) -> None:
    with opened(folder) as it:
        it.curated.take_in()
        decide_some(it)
        it.curated.write_phy()
        before = {k: rows.tolist() for k, rows in it.session.units.rows.items()}
    clusters = np.load(folder / "spike_clusters.npy")
    n_4, n_5 = (int((clusters == k).sum()) for k in (4, 5))
    clusters[np.isin(clusters, (4, 5))] = 77
    np.save(folder / "spike_clusters.npy", clusters)
    with (folder / "cluster_group.tsv").open("a") as file:
        file.write("77\tgood\n")
    with opened(folder) as it:
        said = it.curated.take_in()
        assert said is not None
        assert "1 merge" in said
        (new,) = set(it.session.units.ids) - set(before)
        assert len(it.session.units.rows[new]) == n_4 + n_5
        assert it.session.units.labels[new] == "good"
        it.do("undo")
        assert {k: rows.tolist() for k, rows in it.session.units.rows.items()} == before
        assert it.curated.take_in() is None


def test_what_phy_changed_meanwhile_is_not_replaced(folder: Path) -> None:
    with opened(folder) as it:
        it.curated.take_in()
        it.do("merge", units=[0, 1])
        clusters = np.load(folder / "spike_clusters.npy")
        clusters[:5] = 50
        np.save(folder / "spike_clusters.npy", clusters)
        with pytest.raises(InputError, match="Phy changed"):
            it.curated.write_phy()
        np.testing.assert_array_equal(np.load(folder / "spike_clusters.npy"), clusters)


def test_spikeinterface_gets_the_same_units(folder: Path) -> None:
    with opened(folder) as it:
        decide_some(it)
        it.curated.write_spikeinterface()
        path = folder / CURATION_FOLDER / SPIKEINTERFACE
        actions, _ = read_spikeinterface_curation(path, it.session.result.units)
        again = after(it.session.result.units, actions)
        assert sorted(map(list, again.rows.values())) == sorted(map(list, it.session.units.rows.values()))
    assert "curation_steps" in json.loads(path.read_text())


def test_a_folder_without_a_result_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no result"):
        read_result_to_show(tmp_path)


def test_the_journal_of_other_spikes_is_refused(folder: Path) -> None:
    with opened(folder) as it:
        it.do("merge", units=[0, 1])
    times = np.load(folder / "spike_times.npy")
    np.save(folder / "spike_times.npy", times + 1)
    with pytest.raises(InputError, match="another result"), opened(folder):
        pass


def test_what_phy_changes_while_it_is_open_is_named_and_taken_in_or_kept_aside(folder: Path) -> None:
    with opened(folder) as it:
        it.curated.take_in()
        assert it.curated.elsewhere() is None
        decide_some(it)
        it.curated.write_phy()
        assert it.curated.elsewhere() is None
        before = {k: rows.tolist() for k, rows in it.session.units.rows.items()}
        clusters = np.load(folder / "spike_clusters.npy")
        np.save(folder / "spike_clusters.npy", np.where(np.isin(clusters, (4, 5)), 99, clusters))
        (folder / "cluster_quality.tsv").write_text("cluster_id\tquality\n99\tnice one\n")
        assert it.curated.elsewhere() == f"Phy changed {folder.name}: 1 merge, 1 note."
        assert "nice one" not in str(it.session.units.texts)
        it.curated.keep_ours()
        assert it.curated.elsewhere() is None
        kept = folder / CURATION_FOLDER / "conflicts" / "1"
        assert (np.load(kept / "spike_clusters.npy") == 99).any()
        it.curated.write_phy()
        np.testing.assert_array_equal(np.load(folder / "spike_clusters.npy"), clusters)
        np.save(folder / "spike_clusters.npy", np.load(kept / "spike_clusters.npy"))
        assert it.curated.elsewhere() is not None
        assert it.curated.take_in_now().startswith("Taken in from Phy: 1 merge, 1 note")
        assert it.curated.elsewhere() is None
        (new,) = set(it.session.units.ids) - set(before)
        assert it.session.units.texts[new, "quality"] == "nice one"
        it.do("undo")
        assert {k: rows.tolist() for k, rows in it.session.units.rows.items()} == before
        assert it.curated.elsewhere() is None


def test_spikeinterface_s_file_is_taken_in_with_numbers_that_no_unit_had(folder: Path) -> None:
    with opened(folder) as it:
        it.do("merge", units=[0, 1])  # unit 6, which is no more after undo
        it.do("undo")
        file = {"format_version": "1", "unit_ids": list(range(6)), "merge_unit_groups": [[0, 1]]}
        file |= {"label_definitions": {}, "manual_labels": [{"unit_id": 3, "quality": ["noise"]}], "removed_units": [5]}
        said = it.curated.read_text("mine.json", json.dumps(file))
        assert said == "Taken in from mine.json: 1 removed unit, 1 merge, 1 label. Undo leads back."
        assert it.session.units.ids[:3] == (2, 3, 4)
        assert it.session.units.ids[3:] > (6,)
        assert it.session.units.labels == {3: "noise"}
        assert it.session.history.entries[-1].by == "import"
        it.do("undo")
        assert it.session.units.ids == (0, 1, 2, 3, 4, 5)
        with pytest.raises(InputError, match="another sorting"):
            it.curated.read_text("mine.json", json.dumps(file | {"unit_ids": [88]}))
        with pytest.raises(InputError, match="no curation file"):
            it.curated.read_text("mine.json", "{")


def test_steps_of_spikeinterface_and_a_folder_of_phy_are_taken_in_from_files(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with opened(copy) as it:
        it.curated.take_in()
        decide_some(it)
        it.curated.write_spikeinterface()
        it.curated.write_phy()
        wanted, ids = sorted(rows.tolist() for rows in it.session.units.rows.values()), it.session.units.ids
    removed = int(np.load(copy / "spike_clusters.npy").max())
    with opened(folder) as it:
        it.curated.read_changes(copy / CURATION_FOLDER / SPIKEINTERFACE)
        assert sorted(rows.tolist() for rows in it.session.units.rows.values()) == wanted
        it.do("undo")
        it.curated.read_changes(copy)
        found = sorted(rows.tolist() for rows in it.session.units.rows.values())
        assert [rows for rows in found if rows in wanted] == wanted
        assert len(found) == len(wanted) + 1  # Phy has no spikes without a cluster
    info = (copy / "cluster_info.tsv").read_text().splitlines()
    assert info[0].split("\t") == ["cluster_id", "amp", "ch", "depth", "fr", "group", "n_spikes", "note", "sh"]
    assert [int(line.split("\t")[0]) for line in info[1:]] == [*ids, removed]


def test_two_curators_are_compared(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    with opened(folder) as it:
        it.do("merge", units=[0, 1])
        it.do("label", units=[3], label="good")
    with opened(other) as it:
        it.do("split", units=[2], lasso=lower_half(it.session.result, 2))
        it.do("label", units=[3], label="mua")
    done = CliRunner().invoke(app, ["compare", str(folder / "curation"), str(other / "curation" / "journal.jsonl")])
    assert done.exit_code == 0, done.output
    assert "3 of 5 units have the same spikes for both" in done.output
    rows, _ = compare_journals(folder / "curation", other / "curation", tmp_path / "table")
    assert [row[-1] for row in rows if row[0] in "236"] == [
        "parted in the second: 6, 7",
        "another label",
        "parted in the second: 0, 1",
    ]
    assert (tmp_path / "table" / "curations.csv").read_text().count("\n") == 6
    scored = compare(folder / "curation", other)
    assert [len(side.trains.units) for side in scored.sides] == [5, 6]
