"""Folders for other programs hold what the result holds, by their names and in their units."""

from __future__ import annotations

import csv
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from export_sessions import metrics_of, session_of
from make_sorting import make_sorting
from needed import needed_module

from spikesieve.errors import InputError, OutputError
from spikesieve.io.exports.alf import write_alf
from spikesieve.io.exports.folder import export_folder
from spikesieve.io.exports.session import unit_columns
from spikesieve.io.exports.tables import write_csv_tables, write_parquet_tables
from spikesieve.io.exports.unitmatch import in_window, write_unitmatch
from spikesieve.model import Unit, UnitMetrics


def test_segments_end_when_the_clock_says_so(tmp_path: Path) -> None:
    session = session_of(make_sorting(), rate=1.001)
    seconds = 300_000 / session.sorting.sampling_hz / 1.001
    expected = [[100, 100 + seconds], [105 + seconds, 105 + 2 * seconds]]
    np.testing.assert_allclose(session.observed_s(), expected, atol=2e-4)  # what follows the last spike, by 0.1 %


def test_the_spikes_of_a_unit_are_its_own(tmp_path: Path) -> None:
    session = session_of(make_sorting())
    for row in range(5):
        np.testing.assert_array_equal(session.spikes_of(row), np.flatnonzero(session.sorting.spikes.unit == row))


def test_metrics_join_the_unit_table_and_every_column_is_explained() -> None:
    sorting = make_sorting()
    alone = {column.name: column for column in unit_columns(sorting)}
    assert list(alone) == [field.name for field in fields(Unit) if field.name != "unit"]
    columns = {column.name: column for column in unit_columns(replace(sorting, metrics=metrics_of(5)))}
    assert set(columns) == {field.name for kind in (Unit, UnitMetrics) for field in fields(kind)} - {"unit"}
    assert columns["snr"].values == alone["snr"].values
    assert columns["d_prime"].values == [0.0, 0.25, None, 0.75, 1.0]
    assert columns["label"].meaning == "good, mua or noise; given as a text it becomes a `Label`."
    assert [name for name, column in columns.items() if not column.meaning.endswith(".")] == []


def test_tables_hold_units_and_spikes(tmp_path: Path) -> None:
    sorting = make_sorting()
    sorting = replace(sorting, units=tuple(replace(unit, unit=2 * unit.unit + 1) for unit in sorting.units))
    session = session_of(sorting)
    write_csv_tables(tmp_path, session)
    tables = {}
    for name in ("units", "spikes", "segments", "contacts"):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file))
    assert [int(row["unit"]) for row in tables["units"]] == [1, 3, 5, 7, 9]
    assert [row["label"] for row in tables["units"]] == [unit.label for unit in sorting.units]
    assert tables["units"][0]["nearest_unit"] == ""
    assert [int(row["unit"]) for row in tables["spikes"]] == (2 * sorting.spikes.unit + 1).tolist()
    assert [float(row["time_s"]) for row in tables["spikes"]] == session.spike_s.tolist()
    assert [np.float32(row["amplitude_uv"]) for row in tables["spikes"]] == sorting.spikes.amplitude_uv.tolist()
    assert len(tables["segments"]) == 2
    assert [float(row["y_um"]) for row in tables["contacts"]] == sorting.probe.positions_um[:, 1].tolist()


def test_parquet_has_the_same_tables(tmp_path: Path) -> None:
    needed_module("pyarrow", "packages")
    import pyarrow.parquet as parquet

    session = session_of(make_sorting())
    write_parquet_tables(tmp_path, session)
    units, spikes = (parquet.read_table(tmp_path / f"{name}.parquet").to_pydict() for name in ("units", "spikes"))
    assert units["label"] == [str(unit.label) for unit in session.sorting.units]
    assert units["nearest_unit"] == [None, 0, 1, 2, 3]
    assert spikes["sample"] == session.sorting.spikes.sample.tolist()


def test_alf_is_in_volts_and_seconds(tmp_path: Path) -> None:
    session = session_of(make_sorting())
    sorting = session.sorting
    write_alf(tmp_path, session)
    found = {path.stem: np.load(path) for path in tmp_path.glob("*.npy")}
    np.testing.assert_array_equal(found["spikes.times"], session.spike_s)
    np.testing.assert_allclose(found["spikes.amps"], sorting.spikes.amplitude_uv * 1e-6, rtol=1e-6)
    dense_v = sorting.templates.dense_uv(24) * 1e-6
    channels = found["clusters.waveformsChannels"]
    assert all(len(set(row)) == len(row) for row in channels.tolist())
    np.testing.assert_allclose(
        found["clusters.waveforms"], np.take_along_axis(dense_v, channels[:, None], axis=2), rtol=1e-6
    )
    assert found["clusters.channels"].tolist() == [unit.chan_best for unit in sorting.units]
    assert ((found["clusters.peakToTrough"] > 0) & (found["clusters.peakToTrough"] < 1.5)).all()
    with (tmp_path / "clusters.metrics.csv").open(encoding="utf-8") as file:
        assert [int(row["cluster_id"]) for row in csv.DictReader(file)] == list(range(5))


def test_unitmatch_gets_the_halves_with_the_spike_in_the_middle(tmp_path: Path) -> None:
    session = session_of(make_sorting())
    sorting = session.sorting
    sorting.waveforms.half_spikes[1, 2] = 0
    notes = write_unitmatch(tmp_path, session)
    assert notes == ("Units with waveforms in one half only are given as mua: [2].",)
    dense = sorting.templates.dense_uv(24)
    for unit in range(5):
        halves = np.load(tmp_path / "RawWaveforms" / f"Unit{unit}_RawSpikes.npy")
        assert halves.shape == (82, 24, 2)
        np.testing.assert_allclose(halves[21:], np.stack([0.96 * dense[unit], 1.04 * dense[unit]], axis=-1), atol=1e-4)
        assert not halves[:21].any()
    rows = (tmp_path / "cluster_bc_unitType.tsv").read_text().split()[2:]
    assert rows == ["0", "GOOD", "1", "MUA", "2", "MUA", "3", "NOISE", "4", "GOOD"]


@pytest.mark.parametrize("sampling_hz", [20_000.0, 25_000.0, 30_000.0, 40_000.0])
def test_unitmatch_gets_the_same_waveform_at_any_rate(sampling_hz: float) -> None:
    def spike(ms: np.ndarray) -> np.ndarray:
        return -80 * np.exp(-((ms / 0.15) ** 2)) + 20 * np.exp(-(((ms - 0.5) / 0.3) ** 2))

    n, peak = round(61 / 30_000 * sampling_hz), round(20 / 30_000 * sampling_hz)
    sampled = spike((np.arange(n) - peak) / sampling_hz * 1e3).astype(np.float32)
    window = in_window(sampled, peak, sampling_hz)
    expected = spike((np.arange(82) - 41) / 30.0)
    np.testing.assert_allclose(window[23:80], expected[23:80], atol=0.5)


def test_a_result_without_halves_is_a_sentence(tmp_path: Path) -> None:
    session = session_of(replace(make_sorting(), waveforms=None))
    with pytest.raises(InputError, match="earlier version"):
        write_unitmatch(tmp_path, session)


def test_only_an_export_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    for out, overwrite in (("mine", True), ("new", False), ("new", True)):
        if out == "mine":
            with pytest.raises(OutputError, match="not a export of spikesieve"), _export(tmp_path / out, overwrite):
                pass
        else:
            with _export(tmp_path / out, overwrite) as folder:
                (folder / "a.csv").write_text("a")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.csv", "export.json"]
    assert (tmp_path / "mine" / "thesis.txt").exists()


def _export(path: Path, overwrite: bool):
    return export_folder(path, overwrite, {"format": "csv"}, path.parent / "result")
