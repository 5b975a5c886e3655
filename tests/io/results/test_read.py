"""A result folder read back is the sorting that was written, without what only Phy needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_probe, make_sorting

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.phy import write_phy
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.results.read import curation_notes, read_provenance, read_sorting
from spikesieve.model import Blanked, Sorting, Unit
from spikesieve.stages.unit_metrics import unit_metrics

RECORDING = recording_from_array(np.zeros((600_000, 25), np.int16), SAMPLING_HZ)
TIME = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
RUN = RunRecord("kilosort4", {"match": {"threshold": 8.0}}, {"cluster": 5}, TIME, TIME, notes=("From the run.",))


def written(folder: Path, sorting: Sorting) -> Path:
    folder.mkdir(exist_ok=True)
    write_result(folder, sorting, RECORDING, RUN)
    return folder


def test_what_was_left_out_is_read(tmp_path: Path) -> None:
    n = np.arange(1, 2000)
    before = Blanked(n * 300, n * 300 + 7, 1 + n % 5, (n % 3 + 1) / 3, 600_000)
    after = read_sorting(written(tmp_path, replace(make_sorting(), blanked=before))).blanked
    for name in ("start", "stop", "reason"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == np.int64
    np.testing.assert_allclose(after.share, before.share, rtol=1e-3)
    assert after.n_samples == 600_000
    (tmp_path / "artifacts.csv").write_text("start_s,stop_s\n1,2\n")
    with pytest.raises(InputError, match=r"artifacts\.csv cannot be read"):
        read_sorting(tmp_path)


@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1), (1, 2), (5, 400)])
def test_what_was_written_is_read(tmp_path: Path, n_units: int, n_spikes: int) -> None:
    before = make_sorting(n_units, n_spikes, make_probe(n_shanks=2))
    after = read_sorting(written(tmp_path, before))
    assert len(after.spikes) == len(before.spikes)
    for name in ("sample", "unit", "detection_template", "amplitude", "amplitude_uv", "position_um"):
        np.testing.assert_array_equal(getattr(after.spikes, name), getattr(before.spikes, name), err_msg=name)
        assert getattr(after.spikes, name).dtype == getattr(before.spikes, name).dtype
    for name in ("whitening", "similarity", "kept", "noise_sd_uv", "acgs"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)
    for name in ("positions_um", "channels", "shanks"):
        np.testing.assert_array_equal(getattr(after.probe, name), getattr(before.probe, name))
    np.testing.assert_array_equal(after.templates.uv, before.templates.uv)
    np.testing.assert_array_equal(after.templates.contacts, before.templates.contacts)
    assert after.templates.peak_index == before.templates.peak_index
    assert (after.sampling_hz, after.segments) == (before.sampling_hz, before.segments)
    assert after.notes[:2] == (*before.notes, "From the run.")
    assert after.probe.name == tmp_path.name


def is_on_disk(array: object) -> bool:
    """Whether an array is a view of a mapped file."""
    return isinstance(array, np.memmap) or (isinstance(array, np.ndarray) and is_on_disk(array.base))


def test_features_follow_the_signs_of_their_pcs_and_stay_on_disk(tmp_path: Path) -> None:
    before = make_sorting()
    after = read_sorting(written(tmp_path, before))
    shown = np.einsum("nfp,pt->nft", after.spikes.features, after.pcs)
    np.testing.assert_allclose(shown, np.einsum("nfp,pt->nft", before.spikes.features, before.pcs), atol=1e-4)
    assert is_on_disk(after.spikes.features)
    np.testing.assert_array_equal(after.feature_contacts, before.feature_contacts)


def test_the_unit_table_is_the_rounded_one(tmp_path: Path) -> None:
    before = make_sorting(6)
    units = (replace(before.units[0], snr=float("nan"), why='a "quoted", reason'), *before.units[1:])
    after = read_sorting(written(tmp_path, replace(before, units=units)))
    for old, new in zip(units, after.units, strict=True):
        for field in fields(Unit):
            was, now = getattr(old, field.name), getattr(new, field.name)
            if isinstance(was, float):
                assert now == pytest.approx(was, rel=1e-3, abs=0.051, nan_ok=True), field.name
            else:
                assert (now, type(now)) == (was, type(was)), field.name
    assert units[4].contamination is after.units[4].contamination is None


@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1), (5, 400)])
def test_writing_it_again_gives_the_same_files(tmp_path: Path, n_units: int, n_spikes: int) -> None:
    before = make_sorting(n_units, n_spikes)
    gaps = before.feature_contacts.copy()
    gaps[:, -2:] = -1
    first = written(tmp_path / "first", replace(before, feature_contacts=gaps))
    second = tmp_path / "second"
    second.mkdir()
    write_phy(second, read_sorting(first), RECORDING)
    for path in second.iterdir():
        if path.name != "cluster_ContamPct.tsv":  # more digits there than in units.csv
            assert path.read_bytes() == (first / path.name).read_bytes(), path.name


def test_curation_in_phy_changes_nothing_but_is_said(tmp_path: Path) -> None:
    before = make_sorting()
    written(tmp_path, before)
    assert curation_notes(tmp_path) == ()
    merged = np.where(before.spikes.unit < 2, 17, before.spikes.unit).astype(np.int32)
    np.save(tmp_path / "spike_clusters.npy", merged)
    (tmp_path / "cluster_group.tsv").write_text("cluster_id\tgroup\n17\tgood\n")
    (note,) = curation_notes(tmp_path)
    assert note.startswith(f"{(before.spikes.unit < 2).sum()} spikes were moved to other clusters in Phy")
    np.testing.assert_array_equal(read_sorting(tmp_path).spikes.unit, before.spikes.unit)


def test_provenance_is_what_was_written(tmp_path: Path) -> None:
    facts = read_provenance(written(tmp_path, make_sorting()))
    assert facts["settings"] == {"match": {"threshold": 8.0}}
    assert facts["recording"]["n_channels"] == 25


def test_what_is_no_result_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "phy").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "provenance.json").write_text('{"program": "other"}')
    with pytest.raises(InputError, match="nowhere does not exist"):
        read_sorting(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        read_sorting(tmp_path / "file")
    with pytest.raises(InputError, match="it has no provenance"):
        read_sorting(tmp_path / "phy")
    with pytest.raises(InputError, match="not written by spikesieve"):
        read_sorting(tmp_path / "other")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["spike_times.npy", "pc_features.npy", "ops.npz", "units.csv", "provenance.json"])
@pytest.mark.parametrize("harm", [Path.unlink, cut_short, emptied])
def test_a_missing_or_damaged_file_is_a_sentence(tmp_path: Path, name: str, harm) -> None:
    folder = written(tmp_path / "result", make_sorting())
    harm(folder / name)
    with pytest.raises(InputError, match=name if harm is not Path.unlink else "is missing|it has no"):
        read_sorting(folder)


def test_files_that_do_not_fit_each_other_are_a_sentence(tmp_path: Path) -> None:
    written(tmp_path, make_sorting())
    amplitudes = np.load(tmp_path / "amplitudes.npy")
    np.save(tmp_path / "amplitudes.npy", amplitudes[:-1])
    with pytest.raises(InputError, match=r"differ in length: amplitudes has 399 spikes, and spike_times has 400"):
        read_sorting(tmp_path)
    np.save(tmp_path / "amplitudes.npy", amplitudes)
    unit = np.load(tmp_path / "spike_templates.npy")
    np.save(tmp_path / "spike_templates.npy", np.r_[np.int32(99), unit[1:]])
    with pytest.raises(InputError, match="names units that are not in"):
        read_sorting(tmp_path)
    np.save(tmp_path / "spike_templates.npy", unit)
    text = (tmp_path / "units.csv").read_text(encoding="utf-8")
    (tmp_path / "units.csv").write_text(text.replace(",good,", ",fine,"), encoding="utf-8")
    with pytest.raises(InputError, match="label 'fine'"):
        read_sorting(tmp_path)
    (tmp_path / "units.csv").write_text("".join(text.splitlines(True)[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match=r"templates_uv has 5 units, and units.csv has 4"):
        read_sorting(tmp_path)


def test_a_result_of_another_version_says_what_it_lacks(tmp_path: Path) -> None:
    written(tmp_path, make_sorting())
    with np.load(tmp_path / "ops.npz") as ops:
        arrays = {name: ops[name] for name in ops.files if name != "acgs"}
    np.savez(tmp_path / "ops.npz", **arrays)
    with pytest.raises(InputError, match="has no 'acgs'"):
        read_sorting(tmp_path)
    np.savez(tmp_path / "ops.npz", **arrays, acgs=make_sorting().acgs)
    facts = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    del facts["notes"]
    (tmp_path / "provenance.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="has no 'notes'"):
        read_sorting(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("versions", ["1.0"], "versions"),
        ("stages", {"detect": {"seconds": 1.0}}, "no 'stages.detect.peak_memory_mb'"),
        ("recording", None, "recording"),
        ("started", "yesterday", "started"),
        ("started", "2024-02-03T00:00:00", "started"),
    ],
)
def test_provenance_of_another_form_is_a_sentence(tmp_path: Path, name: str, value: object, words: str) -> None:
    written(tmp_path, make_sorting())
    facts = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    (tmp_path / "provenance.json").write_text(json.dumps({**facts, name: value}))
    with pytest.raises(InputError, match=words):
        read_sorting(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("amplitudes", lambda array: array[None], "amplitudes .* cannot be float32 of shape"),
        ("spike_times", lambda array: array.astype(np.float64), "spike_times .* cannot be float64"),
        ("spike_positions", lambda array: array[:, :1], "spike_positions has 1 columns, and a result has 2"),
        ("pc_feature_ind", lambda array: array + 1000, "contacts that the probe does not have"),
        ("kept_spikes", lambda array: array.astype(np.int64), "kept_spikes .* cannot be int64"),
    ],
)
def test_an_array_of_another_form_is_a_sentence(
    tmp_path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    written(tmp_path, make_sorting())
    np.save(tmp_path / f"{name}.npy", change(np.load(tmp_path / f"{name}.npy")))
    with pytest.raises(InputError, match=words):
        read_sorting(tmp_path)


def with_metrics() -> Sorting:
    sorting = make_sorting(n_spikes=2000)
    return replace(sorting, metrics=unit_metrics(sorting))


def test_metrics_are_read_back_as_they_are_rounded(tmp_path: Path) -> None:
    sorting = with_metrics()
    folder = written(tmp_path / "result", sorting)
    again = read_sorting(folder).metrics
    for ours, theirs in zip(again, sorting.metrics, strict=True):
        for name, value in vars(theirs).items():
            read = getattr(ours, name)
            assert type(read) is type(value), name
            assert read == (pytest.approx(value, rel=1e-3) if isinstance(value, float) else value), name
    assert [row.split(",")[0] for row in (folder / "metrics.csv").read_text().splitlines()] == ["unit", *"01234"]


def test_a_result_without_metrics_is_read_and_written_without(tmp_path: Path) -> None:
    folder = written(tmp_path / "result", make_sorting())
    assert not (folder / "metrics.csv").exists()
    assert read_sorting(folder).metrics == ()


@pytest.mark.parametrize(
    "harm", [cut_short, emptied, lambda path: path.write_text(path.read_text().replace("\n1,", "\n9,"))]
)
def test_damaged_metrics_are_a_sentence(tmp_path: Path, harm) -> None:
    folder = written(tmp_path / "result", with_metrics())
    harm(folder / "metrics.csv")
    with pytest.raises(InputError, match=r"metrics\.csv"):
        read_sorting(folder)
