"""`compare` from inputs to a page: everything is written, what is missing is said, mixed inputs are refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from make_sides import N_CONTACTS, Small, small, traces, write_npz, write_phy, write_pykilosort, write_rez

from spikesieve.api.compare import compare, compare_with, summary
from spikesieve.errors import InputError, OutputError, SettingsError
from spikesieve.settings.compare import CompareOptions

QUICK = CompareOptions(most_pairs=1)


def jittered(what: Small) -> Small:
    """Some spikes lost, the others moved a little, in order of time."""
    rng = np.random.default_rng(9)
    keep = rng.random(len(what.sample)) < 0.9
    moved = what.sample[keep] + rng.integers(-3, 4, keep.sum())
    order = np.argsort(moved, kind="stable")
    columns = {name: getattr(what, name)[keep][order] for name in ("unit", "amplitude")}
    return Small(**{**vars(what), **columns, "sample": moved[order]})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rez.mat and a pykilosort folder with intermediates, preprocessed traces 25 samples apart, and the truth."""
    place = tmp_path_factory.mktemp("compare")
    what, values = small(), traces()
    values[:-25].tofile(place / "temp_wh.dat")
    write_rez(place / "matlab" / "rez.mat", what, place / "temp_wh.dat")
    write_pykilosort(place / "python", jittered(what))
    values[25:].tofile(place / "python" / ".kilosort" / "raw" / "proc.dat")
    write_npz(place / "truth.npz", what)
    return place


@pytest.fixture(scope="module")
def written(inputs: Path) -> Path:
    out = inputs / "out"
    compare(inputs / "matlab", inputs / "python", inputs / "truth.npz", out=out, options=QUICK)
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_units_vs_truth_has_its_columns_and_a_row_for_each_true_unit_and_sorting(written: Path) -> None:
    with (written / "units_vs_truth.csv").open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    # Other programs read these columns.
    assert header[:8] == [
        *("unit", "n_spikes", "matched_unit", "accuracy", "recall", "precision", "kilosort_score", "class"),
    ]
    table = rows(written / "units_vs_truth.csv")
    assert [(row["sorting"], row["unit"]) for row in table] == [
        (s, str(k)) for s in ("matlab", "raw") for k in range(4)
    ]
    assert all(row["accuracy"] == "1" and row["kilosort_score"] == "1" for row in table[:4])
    assert all(0.8 < float(row["accuracy"]) < 1 and row["class"] == "well_detected" for row in table[4:])


def test_everything_is_drawn_when_the_intermediates_are_there(written: Path) -> None:
    pictures = {path.stem for path in (written / "figures").glob("*.png")}
    assert {
        *("truth_accuracy", "truth_by_property", "collision_recall"),
        *("relations", "agreement", "template_similarity", "only_in_one"),
        *("preprocessed_traces", "whitening", "batch_dissimilarity", "batch_dissimilarity_sorted"),
        *("drift", "batch_order"),
    } <= pictures
    assert len([name for name in pictures if name.startswith("pair_")]) == 1


def test_every_picture_has_its_numbers_beside_it(written: Path) -> None:
    pictures = sorted(written.rglob("*.png"))
    assert len(pictures) > 10
    for picture in pictures:
        table = rows(picture.with_suffix(".csv"))
        assert table, picture
        assert all(None not in row and None not in row.values() for row in table), picture


def test_the_numbers_of_the_pictures_are_those_of_the_inputs(written: Path) -> None:
    what, figures = small(), written / "figures"
    order = [int(row["batch"]) for row in rows(figures / "batch_order.csv") if row["sorting"] == "matlab"]
    assert order == what.iorig.tolist()
    whitening = rows(figures / "whitening.csv")
    scale = np.sqrt((what.Wrot**2).mean())
    found = np.reshape([float(row["a"]) for row in whitening], what.Wrot.shape) * scale
    np.testing.assert_allclose(found, what.Wrot, rtol=1e-5)
    drift = rows(figures / "drift.csv")
    moved = [float(row["displacement_um"]) for row in drift if row["sorting"] == "raw"]
    np.testing.assert_allclose(np.abs(moved), np.abs(np.cos(np.arange(8))), rtol=1e-5)
    alike = {
        (row["unit_a"], row["unit_b"]): float(row["similarity"]) for row in rows(figures / "template_similarity.csv")
    }
    assert all(alike[str(k), str(k)] > 0.999 for k in range(4))
    traces_csv = rows(figures / "preprocessed_traces.csv")
    both = [(row["a"], row["b_moved"]) for row in traces_csv if row["a"] and row["b_moved"]]
    assert len(both) > 100
    assert all(a == b for a, b in both)


def test_the_numbers_of_a_pair_are_its_templates_correlograms_and_spikes(written: Path) -> None:
    (path,) = (written / "figures").glob("pair_*.csv")
    unit, what = int(path.stem.split("_")[1]), small()
    of_a = [row for row in rows(path) if row["side"] == "A"]
    samples = [int(row["at"]) for row in of_a if row["what"] == "spike"]
    assert samples == what.sample[what.unit == unit].tolist()
    assert len([row for row in of_a if row["what"] == "autocorrelogram"]) == 101
    template = [float(row["value"]) for row in of_a if row["what"] == "template"]
    assert len(template) == 82 * N_CONTACTS
    assert np.abs(template).max() > 0


def test_the_page_needs_no_network_and_names_the_lag(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "The preprocessed traces of matlab come 25 samples (0.833 ms) after those of raw" in page
    sources = re.findall(r'<(?:img|script|link)[^>]*(?:src|href)="([^"]{0,30})', page)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    for target in re.findall(r'<a href="([^"#]+)"', page):
        assert (written / target).is_file(), target


def test_spikes_of_only_one_are_in_a_file(written: Path) -> None:
    with np.load(written / "spikes_of_one.npz") as found:
        n_lost = len(small().sample) - len(jittered(small()).sample)
        assert len(found["spike_times_a"]) == len(found["amplitudes_a"]) == n_lost
        assert len(found["spike_times_b"]) == 0


def test_matched_pairs_have_agreement_and_similarity(written: Path) -> None:
    table = rows(written / "matched_pairs.csv")
    assert [(row["unit_a"], row["unit_b"], row["lag_samples"]) for row in table] == [
        (str(k), str(k), "0") for k in range(4)
    ]
    assert all(float(row["similarity"]) > 0.999 for row in table)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    found = compare(write_phy(tmp_path / "a", small()), write_phy(tmp_path / "b", jittered(small())))
    said = " ".join(found.notes)
    for what in ("Preprocessed traces", "Drift", "ccb0", "ccbsort", "iorig"):
        assert what in said
    assert "Whitening" not in said
    truth = compare(tmp_path / "a", truth=tmp_path / "b")
    assert any("No recording was given or found" in note for note in truth.notes)
    assert ("a: well detected", "4 of 4 true units") in summary(truth)


def test_the_oracle_says_what_is_possible(tmp_path: Path) -> None:
    what = small(n_units=3, n_spikes=400)
    rng = np.random.default_rng(1)
    uv = rng.normal(0, 6, (300_000, N_CONTACTS)).astype(np.float32)
    size = np.array([12.0, 3.0, 0.1])
    for sample, unit in zip(what.sample, what.unit, strict=True):
        uv[sample - 41 : sample + 41] += size[unit] * what.white[unit]
    np.round(uv).astype(np.int16).tofile(tmp_path / "raw.bin")
    folder = write_phy(tmp_path / "a", what)
    options = CompareOptions(recording=str(tmp_path / "raw.bin"), oracle_s=8.0)
    entry = compare(folder, truth=write_npz(tmp_path / "truth.npz", what), options=options).against_truth[0]
    d_prime, possible = entry.column("d_prime"), entry.column("oracle_accuracy")
    assert d_prime[0] > 2 * d_prime[1] > 10 * d_prime[2]
    assert possible[0] > 0.95
    assert possible[2] < 0.3
    assert np.isfinite(entry.column("snr")).all()
    unasked = compare(folder, truth=tmp_path / "truth.npz", options=options.model_copy(update={"oracle": False}))
    assert np.isnan(unasked.against_truth[0].column("d_prime")).all()


# Wrong and mixed inputs


def test_different_rates_are_refused(tmp_path: Path) -> None:
    a, b = write_npz(tmp_path / "a.npz", small()), write_npz(tmp_path / "b.npz", small(), 25_000.0)
    with pytest.raises(InputError, match="30000 Hz, b at 25000 Hz"):
        compare(a, b)
    with pytest.raises(InputError, match="30000 Hz, b at 25000 Hz"):
        compare(a, truth=b)


def test_different_numbers_of_channels_are_refused(tmp_path: Path) -> None:
    a, b = write_phy(tmp_path / "a", small()), write_phy(tmp_path / "b", small(), n_channels=7)
    with pytest.raises(InputError, match="from 6 channels, b from 7"):
        compare(a, b)


def test_contacts_without_channel_numbers_must_be_as_many(tmp_path: Path) -> None:
    a, b = write_phy(tmp_path / "a", small()), write_phy(tmp_path / "b", small())
    (b / "channel_map.npy").unlink()
    (b / "templates.npy").unlink()
    np.save(b / "channel_positions.npy", small().positions_um[:5])
    with pytest.raises(InputError, match="a has 6 contacts, b has 5"):
        compare(a, b)


def test_contacts_are_joined_by_their_channels(tmp_path: Path) -> None:
    what = small()
    a, b = write_phy(tmp_path / "a", what), write_phy(tmp_path / "b", what)
    order = np.array([4, 2, 0, 1, 3])
    np.save(b / "templates.npy", what.white[:, :, order].astype(np.float32))
    np.save(b / "channel_positions.npy", what.positions_um[order])
    np.save(b / "channel_map.npy", order)
    for name in ("whitening_mat_inv", "whitening_mat"):
        (a / f"{name}.npy").unlink()
        (b / f"{name}.npy").unlink()
    found = compare(a, b).each_other
    assert found is not None
    assert found.template_similarity is not None
    np.testing.assert_allclose(np.diag(found.template_similarity.similarity), 1, atol=1e-3)


def test_something_to_compare_with_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nothing to compare"):
        compare(write_npz(tmp_path / "a.npz", small()))


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    a = write_npz(tmp_path / "a.npz", small())
    with pytest.raises(OutputError, match="exists"):
        compare(a, a, out=tmp_path)


def test_overwrite_replaces_an_older_comparison_and_nothing_else(tmp_path: Path) -> None:
    a, replacing = write_npz(tmp_path / "a.npz", small()), CompareOptions(most_pairs=0, overwrite=True)
    compare(a, a, out=tmp_path / "out", options=replacing)
    (tmp_path / "out" / "old.txt").touch()
    compare(a, a, out=tmp_path / "out", options=replacing)
    assert not (tmp_path / "out" / "old.txt").exists()
    facts = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert facts["compared"]["B"] == {"name": "a (B)", "kind": "npz of spikes", "units": 4, "spikes": 300}
    assert facts["summary"]["matched units (agreement >= 0.5)"] == "4"
    assert facts["options"]["match_ms"] == 0.4
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"not a comparison of spikesieve: it has no comparison\.json"):
        compare(a, a, out=tmp_path / "mine", options=replacing)
    inside = write_npz(tmp_path / "out" / "a.npz", small())
    with pytest.raises(OutputError, match="which --overwrite would delete"):
        compare(a, inside, out=tmp_path / "out", options=replacing)
    assert inside.is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_comparison_appears_complete_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    a, out = write_npz(tmp_path / "a.npz", small()), tmp_path / "deep" / "out"

    def stop(folder: Path, *_more: object) -> None:
        (folder / "report.html").write_text("half", encoding="utf-8")
        assert not out.exists()
        raise error

    monkeypatch.setattr("spikesieve.api.compare.write_comparison", stop)
    with pytest.raises(error):
        compare(a, a, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_the_command_line_needs_a_sorting_and_a_folder() -> None:
    with pytest.raises(SettingsError, match="compare needs a"):
        compare_with(CompareOptions(out="x"))
    with pytest.raises(SettingsError, match="compare needs out"):
        compare_with(CompareOptions(a="x"))
