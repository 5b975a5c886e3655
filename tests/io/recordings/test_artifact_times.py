"""Times of artifacts are read from text, CSV and npy files, and blank a sort exactly."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import BACKEND, line_probe

from spikesieve.engine.source import Source
from spikesieve.errors import InputError
from spikesieve.io.recordings.artifact_times import read_artifact_times
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.settings.preprocess import PreprocessParams


@pytest.mark.parametrize(
    "text", ["0.5\n1.25\n\n", "time_s,kind\n0.5,a\n1.25,b\n", "onset\tx\n0.5\t1\n1.25\t2", "\ufeff0.5;1\n1.25;2\n"]
)
def test_times_stand_in_the_first_column(tmp_path, text):
    (tmp_path / "times.csv").write_text(text, encoding="utf-8")
    assert read_artifact_times(tmp_path / "times.csv").tolist() == [0.5, 1.25]


def test_npy_files_hold_times_too(tmp_path):
    np.save(tmp_path / "times.npy", np.array([0.5, 1.25]))
    assert read_artifact_times(tmp_path / "times.npy").tolist() == [0.5, 1.25]


def test_a_line_without_a_time_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "times.txt").write_text("0.5\nlater\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Line 2 of .*times\.txt holds no time in s: 'later'"):
        read_artifact_times(tmp_path / "times.txt")
    with pytest.raises(InputError, match=r"missing\.txt cannot be read"):
        read_artifact_times(tmp_path / "missing.txt")


def test_blocks_are_blanked_around_the_times_and_nowhere_else():
    raw = np.random.default_rng(0).normal(0, 30, (30_000, 4)).astype(np.int16)
    recording = recording_from_array(raw, 30_000.0, 1.0).with_artifact_times(np.array([0.4, 0.1]))
    params = PreprocessParams(artifact_before_ms=1.0, artifact_after_ms=2.0)
    source = Source.of(recording, line_probe(4), params, 7000)
    found = [source.clean(block, 0, BACKEND).blanked for block in source.blocks]
    whole = np.concatenate(
        [np.zeros((4, b.n_samples), bool) if m is None else m for b, m in zip(source.blocks, found, strict=True)],
        axis=1,
    )
    expected = [*range(2970, 3061), *range(11_970, 12_061)]
    assert all(np.flatnonzero(row).tolist() == expected for row in whole)


@pytest.mark.parametrize("wrong", [[-0.1], [2.0], [np.nan]])
def test_times_outside_the_recording_are_refused(wrong):
    recording = recording_from_array(np.zeros((30_000, 4), np.int16), 30_000.0, 1.0)
    with pytest.raises(InputError, match="from 0 to 1, the length of"):
        recording.with_artifact_times(np.array(wrong))
