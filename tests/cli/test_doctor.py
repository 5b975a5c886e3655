"""The doctor says what is wrong, or that nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from small_files import noise, write_raw
from typer.testing import CliRunner

from spikesieve.api import doctor
from spikesieve.cli.app import app
from spikesieve.kernels import CpuBackend
from spikesieve.kernels.self_test import wrong_operations


@pytest.fixture(autouse=True)
def small_disk(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_BYTES", 2**20)
    monkeypatch.setattr(doctor, "SLOW_MB_S", 0.0)


def run(*words: str):
    return CliRunner().invoke(app, ["doctor", *words])


def test_nothing_is_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = write_raw(tmp_path, noise(0.5, 4).astype(np.int16))
    result = run(str(raw), "--probe", "linear:4:25", "--channels", "4", "--sampling-hz", "30000")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "Nothing is wrong."
    said = " ".join(result.stdout.split())
    for words in ("numpy", "processors", "4 contacts of 4 channels", "give what NumPy gives"):
        assert words in said
    assert [path.name for path in tmp_path.iterdir()] == ["raw.bin"]


def test_a_file_that_would_not_be_sorted_is_said_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = write_raw(tmp_path, noise(0.5, 4).astype(np.int16))
    result = run(str(raw))
    assert result.exit_code == 2
    assert "the probe (--probe)" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "name", ["microvolts", "highpass", "mix", "template_scores", "describe", "peaks", "universal_peaks", "pursue"]
)
def test_a_kernel_that_computes_something_else_is_named(monkeypatch, name):
    right = getattr(CpuBackend, name)

    def wrong(self, *inputs):
        answer = right(self, *inputs)
        return tuple(part + 1 for part in answer) if isinstance(answer, tuple) else answer + 1

    monkeypatch.setattr(CpuBackend, name, wrong)
    assert wrong_operations(CpuBackend()) == (name,)
