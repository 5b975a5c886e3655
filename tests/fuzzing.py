"""Reads damaged inputs of every kind: each must give a result or a sentence, run no code, and write only its output."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np
import probeinterface
from make_motion import make_motion, make_moving_sorting
from make_sides import small, write_npz, write_phy, write_pykilosort, write_rez
from make_sorting import SAMPLING_HZ, make_probe, make_sorting
from mutations import NUMBERS, WORDS, damaged
from scipy.io import savemat
from small_files import HZ, spiking
from spikeglx_files import np1_tags, np2_tags, record

from spikesieve.api.compare import compare
from spikesieve.api.info import recording_info
from spikesieve.api.report import report_folder
from spikesieve.api.sort_files import Job, sort_files
from spikesieve.errors import SpikesieveError
from spikesieve.io.kilosort2_options import read_options
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits, write_probe_json
from spikesieve.io.recordings.artifact_times import read_artifact_times
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.motion_files import read_motion, require_motion_fits
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.results.read import curation_notes, read_provenance, read_sorting
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.settings.sort import Settings

LIMIT_S = 60
PROBE = make_probe()
TIME = datetime(2024, 2, 3, tzinfo=UTC)
FOUR = RawOptions(4, HZ, gain_uv=1.0)


@dataclass(frozen=True)
class Input:
    """A valid input, and how it is read.

    Attributes
    ----------
    path : Path
        A file or a folder; one of its files is damaged.
    read : callable
        Reads it; called with a source of random numbers.
    """

    path: Path
    read: Callable[[random.Random], object]


def raw(folder: Path) -> list[Input]:
    """Numbers without a header, and how they are said to be stored."""
    path = folder / "raw.bin"
    spiking(0.4).tofile(path)
    wanted = {
        "n_channels": (4, 4, 4, 1, 3, 5, 0, -1, 10**6, None),
        "sampling_hz": (HZ, HZ, *NUMBERS, 500.0, None),
        "dtype": ("int16", "int16", "uint16", "int32", "float32", "float64", "object", "", "int16,int16"),
        "gain_uv": (1.0, 0.2, *NUMBERS, None),
        "header_bytes": (0, 0, 1, 7, -3, 2**40),
        "time_range_s": (None, None, (0.1, 0.2), (0.2, 0.1), (0.0, 1e9), (-1.0, 0.1), (float("nan"), 1.0)),
        "exclude_s": ((), (), ((0.1, 0.2),), ((0.0, 1.0),), ((0.3, 0.1),)),
    }

    def read(chance: random.Random) -> None:
        options = {
            name: chance.choice(values) if chance.random() < 0.3 else values[0] for name, values in wanted.items()
        }
        probe = chance.choice(("linear:4:25", "linear:4:25", "linear:1:25", "grid:2x2:25", "linear:9:0"))
        recording, contacts, _ = open_input((path,), RawOptions(**options), probe)
        for start in {0, max(0, recording.n_samples - 100)}:
            recording.read_uv(start, min(start + 100, recording.n_samples), contacts.channels)

    def whole(_: random.Random) -> None:
        sort_files(Job((path,), folder / "out" / "sorted", "linear:4:25", FOUR, n_jobs=1))

    def look(_: random.Random) -> None:
        recording_info((path,), FOUR, "linear:4:25").facts()

    return [*[Input(path, read)] * 46, *[Input(path, look)] * 3, Input(path, whole)]


def probes(folder: Path) -> list[Input]:
    """Probe files of every format."""
    kilosort = {"chanMap": [3, 0, 1, 2], "xc": [0.0, 16, 0, 250], "yc": [0.0, 10, 20, 0], "kcoords": [1, 1, 1, 2]}
    (folder / "kilosort.json").write_text(json.dumps({**kilosort, "n_chan": 4}))
    np.savez(folder / "kilosort.npz", **{name: np.array(value) for name, value in kilosort.items()})
    one_based = {**kilosort, "chanMap": [4, 1, 2, 3], "connected": [1, 1, 1, 0]}
    savemat(folder / "kilosort.mat", {name: np.array(value) for name, value in one_based.items()})
    groups = "channel_groups = {k: {'channels': list(range(4 * k, 4 * k + 4)), 'graph': [(0, 1)],\n"
    (folder / "a.prb").write_text(
        groups + "    'geometry': {4 * k + c: (c * 20.0, 0.0) for c in range(4)}}\n for k in range(2)}"
    )
    (folder / "b.prb").write_text(
        "channel_groups = {\n0: {\n'channels': [0, 1],\n'geometry': [[0, 1], (2.5, -3)]\n}\n}\n"
    )
    group = probeinterface.ProbeGroup()
    for n in (3, 4):
        group.add_probe(probeinterface.generate_linear_probe(n, 25))
    probeinterface.write_probeinterface(folder / "group.json", group)
    write_probe_json(folder / "ours.json", PROBE)

    def read(path: Path, _: random.Random) -> None:
        probe = read_probe(path)
        require_fits(probe, 10_000, "x")
        probe_warnings(probe)

    return [Input(path, partial(read, path)) for path in sorted(folder.iterdir())]


def spikeglx(folder: Path) -> list[Input]:
    """Recordings of SpikeGLX: its `.meta`, and the numbers."""
    paths = [record(folder, np2_tags(), 60, "two_g0_t0.imec0.ap.bin"), record(folder, np1_tags(), 60)]

    def read(path: Path, _: random.Random) -> None:
        recording, probe, _ = open_input((path,), RawOptions())
        recording.read_uv(0, min(20, recording.n_samples), probe.channels)

    both = [Input(path.with_suffix(".meta"), partial(read, path)) for path in paths]
    return [both[0]] * 9 + [both[1]] * 5 + [Input(paths[0], partial(read, paths[0]))]


def settings(folder: Path) -> list[Input]:
    """Files and texts of settings, of this program and of others, and times of artifacts."""
    (folder / "ours.toml").write_text('method = "sieve"\n[detect]\nthreshold = 7.5\n[engine]\nblock_samples = 30000\n')
    (folder / "kilosort4.json").write_text(json.dumps({"Th_learned": 8, "nearest_chans": 10, "batch_size": 60000}))
    ops = {"Th": [10, 4], "NT": 65600, "lam": 10, "AUCsplit": 0.9, "trange": [0, 10], "fs": 30000}
    (folder / "ops.json").write_text(json.dumps(ops))
    (folder / "ops.toml").write_text("\n".join(f"{name} = {value}" for name, value in ops.items()))
    (folder / "times.txt").write_text("0.5\n1.25\n# a line of words\n2e0\n")
    np.save(folder / "times.npy", np.array([0.5, 1.25]))
    write_rez(folder / "rez.mat", small())

    def ours(path: Path, chance: random.Random) -> None:
        found = Settings.from_file(path)
        names = [
            f"{group}.{name}"
            for group, value in found.model_dump().items()
            if isinstance(value, dict)
            for name in value
        ]
        word = f"{chance.choice((*names, 'method', *WORDS))}={chance.choice((*WORDS, *map(str, NUMBERS)))}"
        found.with_overrides([word]).require_used()

    def theirs(path: Path, _: random.Random) -> None:
        Settings().with_kilosort2(read_options(path))

    recording = recording_from_array(np.zeros((90_000, 1), np.int16), SAMPLING_HZ)

    def times(path: Path, _: random.Random) -> None:
        recording.with_artifact_times(read_artifact_times(path))

    readers = {"ours.toml": ours, "kilosort4.json": ours, "times.txt": times, "times.npy": times}
    return [Input(path, partial(readers.get(path.name, theirs), path)) for path in sorted(folder.iterdir())]


def motions(folder: Path) -> list[Input]:
    """A displacement from elsewhere: an npz, and a result."""
    motion = make_motion()
    np.savez(folder / "motion.npz", displacement_um=motion.um[0], time_s=motion.time_s, depth_um=motion.depth_um)
    moved = make_moving_sorting(2, decisions=("use", "refuse"))
    result = folder / "result"
    result.mkdir()
    recording = recording_from_array(np.zeros((600_000, 49), np.int16), SAMPLING_HZ)
    write_result(result, moved, recording, RunRecord("sieve", {}, {}, TIME, TIME))
    for path in result.iterdir():
        if path.is_file() and "drift" not in path.name and path.name not in ("provenance.json", "units.csv"):
            path.unlink()

    def read(path: Path, probe: object, _: random.Random) -> None:
        require_motion_fits(read_motion(path, probe), probe, recording)

    return [
        Input(folder / "motion.npz", partial(read, folder / "motion.npz", PROBE)),
        Input(result, partial(read, result, moved.probe)),
    ]


def sortings(folder: Path) -> list[Input]:
    """Sortings of every program, compared with one that is whole."""
    what, other = small(), write_npz(folder / "other.npz", small(seed=1))
    result = folder / "result"
    result.mkdir()
    recording = recording_from_array(np.zeros((600_000, 25), np.int16), SAMPLING_HZ)
    write_result(result, make_sorting(2, 100), recording, RunRecord("sieve", {}, {}, TIME, TIME))
    paths = [
        *(write_npz(folder / "spikes.npz", what), write_phy(folder / "phy", what), write_rez(folder / "rez.mat", what)),
        *(write_pykilosort(folder / "context", what), result),
    ]

    def read(path: Path, chance: random.Random) -> None:
        found = read_any_sorting(path)
        if chance.random() < 0.3:
            compare(found, other)

    return [Input(path, partial(read, path)) for path in paths]


def results(folder: Path) -> list[Input]:
    """Result folders, for `report`."""
    result = folder / "result"
    result.mkdir()
    recording = recording_from_array(np.zeros((600_000, 49), np.int16), SAMPLING_HZ)
    write_result(result, make_moving_sorting(1, 2, 200), recording, RunRecord("sieve", {}, {}, TIME, TIME))

    def read(share: float, chance: random.Random) -> None:
        read_sorting(result), read_provenance(result), curation_notes(result)
        if chance.random() < share:
            report_folder(result)

    important = [result / name for name in ("provenance.json", "units.csv", "ops.npz")]
    return [Input(result, partial(read, 0.1)), *(Input(path, partial(read, 0.4)) for path in important)]


GROUPS: dict[str, Callable[[Path], list[Input]]] = {
    each.__name__: each for each in (raw, probes, spikeglx, settings, motions, sortings, results)
}
"""What makes valid inputs of each kind in a folder."""


class Fuzzer:
    """Damages and reads the inputs of a group.

    Parameters
    ----------
    group : str
        One of GROUPS.
    folder : Path
        An empty folder.
    """

    def __init__(self, group: str, folder: Path) -> None:
        self.group, self.folder, self.canary = group, folder, folder.parent / f"canary-{group}"
        self.inputs = GROUPS[group](folder)
        self.valid = {path: path.read_bytes() for path in _files(folder)}

    def try_one(self, number: int) -> str:
        """Read an input that is damaged; returns what is wrong with that, or nothing."""
        chance = random.Random(f"{self.group} {number}")
        chosen = chance.choice(self.inputs)
        path = chance.choice(_files(chosen.path)) if chosen.path.is_dir() else chosen.path
        path.write_bytes(damaged(path, chance, self.canary))
        before = {each: each.read_bytes() for each in _files(self.folder)}
        wrong = f"{path.name}: "
        try:
            with _limit():
                chosen.read(chance)
            wrong = ""
        except SpikesieveError as error:
            wrong = "" if str(error).strip() else f"{wrong}an error without words"
        except Exception as error:  # noqa: BLE001  to find these is what this is for
            wrong += f"{type(error).__name__}: {error}"
        after = {each: each.read_bytes() for each in _files(self.folder)}
        if self.canary.exists():
            wrong += " CODE WAS RUN"
            self.canary.unlink()
        if {
            each for each in before.keys() | after.keys() if before.get(each) != after.get(each)
        } and self.group != "results":
            wrong += " FILES WERE WRITTEN"
        self.restore()
        return wrong

    def restore(self) -> None:
        """Put the valid files back."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        for path in set(_files(self.folder)) - self.valid.keys():
            path.unlink()
        for path, data in self.valid.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "out" not in path.relative_to(folder).parts)


@contextmanager
def _limit() -> Iterator[None]:
    """Stop what takes too much of a processor's time; waiting for a busy one does not count."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"longer than {LIMIT_S} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
