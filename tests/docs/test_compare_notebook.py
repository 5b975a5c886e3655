"""The notebook runs from the first cell to the last: a rez.mat beside our result, and two methods of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from make_sides import write_rez_arrays
from needed import needed_module
from paths import DOCS

from spikesieve.api.demo import run_demo
from spikesieve.io.sortings.read import read_any_sorting

NOTEBOOK = DOCS / "notebooks" / "compare.ipynb"


def write_matlab_side(path: Path, sorted_by_us: Path) -> None:
    """Our result with some spikes lost, in the shape of a rez.mat: rank-3 factors of the whitened templates."""
    side = read_any_sorting(sorted_by_us)
    assert side.waveforms is not None
    assert side.intermediates.whitening is not None
    white = np.einsum("dc,ktc->ktd", side.intermediates.whitening, side.waveforms.values)
    left, size, right = np.linalg.svd(white, full_matrices=False)
    keep = np.random.default_rng(0).random(side.n_spikes) < 0.92
    n = int(keep.sum())
    unit = side.trains.unit[keep] + 1
    write_rez_arrays(
        path,
        {
            "st3": np.stack([side.trains.sample[keep], unit, np.ones(n), np.ones(n), np.ones(n)], axis=1),
            "W": (left * size[:, None, :])[:, :, :3].transpose(1, 0, 2),
            "U": right[:, :3].transpose(2, 0, 1),
            "Wrot": side.intermediates.whitening,
            "xc": side.positions_um[:, :1],
            "yc": side.positions_um[:, 1:],
            "ops/fs": np.array([[side.sampling_hz]]),
            "ops/chanMap": side.channels[:, None] + 1,
            "ops/NchanTOT": np.array([[side.raw.n_channels]]),
        },
        {"ops/fbinary": str(side.raw.paths[0])},
    )


def executed(folder: Path) -> tuple[str, int]:
    """The texts of the notebook, run in the folder, and how many pictures it shows."""
    nbformat = needed_module("nbformat", "packages")
    nbclient = needed_module("nbclient", "packages")
    needed_module("ipykernel", "packages")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = "".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    return texts, sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_demo(tmp_path / "demo", quick=True)
    write_matlab_side(tmp_path / "kilosort2" / "rez.mat", tmp_path / "demo" / "sorted")
    settings = tmp_path / "compare.toml"
    settings.write_text("[compare]\noracle_s = 10\nmost_pairs = 1\n", encoding="utf-8")
    named = {
        "CONFIG": settings,
        "A": tmp_path / "kilosort2" / "rez.mat",
        "B": tmp_path / "demo" / "sorted",
        "TRUTH": tmp_path / "demo" / "truth.npz",
        "OUT": tmp_path / "out",
    }
    for name, value in named.items():
        monkeypatch.setenv(f"SPIKESIEVE_COMPARE_{name}", str(value))
    texts, n_pictures = executed(tmp_path)
    assert "kilosort2: well detected" in texts
    assert "share of the oracle's" in texts
    assert "Drift: not kept by kilosort2" in texts
    assert n_pictures == 9
    assert (tmp_path / "out" / "report.html").is_file()


def test_with_nothing_named_it_compares_two_methods_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKESIEVE_SIMULATE_S", "6")
    monkeypatch.setenv("SPIKESIEVE_COMPARE_ORACLE", "false")
    monkeypatch.setenv("SPIKESIEVE_COMPARE_MOST_PAIRS", "1")
    texts, n_pictures = executed(tmp_path)
    for words in ("kilosort2: well detected", "kilosort2: order of the batches", "the displacement of truth"):
        assert words in texts
    # 3 against the truth, 4 against each other, traces, whitening, 2 of the batches, a pair
    assert n_pictures == 12


def test_the_notebook_is_stored_without_outputs() -> None:
    nbformat = needed_module("nbformat", "packages")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
