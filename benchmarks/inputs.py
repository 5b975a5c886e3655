"""Time and memory of whole sorts of one recording in several formats, in turns.

    python benchmarks/inputs.py WORKDIR FILE --probe probe.json --channels 384 --seconds 20 --jobs 2 --repeat 2
    python benchmarks/inputs.py WORKDIR FILE --probe probe.json --channels 384 --seconds 20 80 --jobs 1 --base SRC

FILE holds int16 samples. Its first seconds are written as plain numbers, as SpikeGLX, Open Ephys and Intan write them,
compressed by mtscomp (.cbin), as a Zarr folder of SpikeInterface, and as NWB with gzip; plain numbers are also read
through SpikeInterface. Each sort is a
process of its own; formats take turns, A B A B, and medians are printed. "each pass" decodes in each pass, which is
chosen here by a disk that seems full. --base is the src folder of another version: both sort the plain numbers by the
command line, report included. user + sys is processor time. Needs mtscomp, spikeinterface, zarr and h5py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import intan_files
import open_ephys_files

HZ, GAIN_UV = 30_000.0, 2.34375

FORMATS = (
    *("raw", "spikeglx", "open ephys", "intan", "spikeinterface"),
    *("cbin", "cbin, each pass", "zarr", "nwb", "nwb, each pass"),
)
"""What is sorted, in this order."""

BY_COMMAND = ("raw, command line", "raw, command line, base")

SORT = """
import shutil, sys
from pathlib import Path
from types import SimpleNamespace
import spikesieve
kind, path, probe, n_channels, out, jobs = sys.argv[1:]
if "each pass" in kind:
    shutil.disk_usage = lambda _: SimpleNamespace(free=0)
raw = spikesieve.RawOptions(n_channels=int(n_channels), sampling_hz=30_000.0, gain_uv=2.34375)
if kind == "spikeinterface":
    import spikeinterface.core as si
    recording = si.read_binary(path, 30_000.0, "int16", int(n_channels), gain_to_uV=2.34375, offset_to_uV=0.0)
    contacts = spikesieve.read_probe(probe)
else:
    if not kind.startswith("raw"):
        raw = spikesieve.RawOptions(sampling_hz=30_000.0, gain_uv=2.34375)
    recording, contacts, _ = spikesieve.open_input(path, raw, probe)
resources = spikesieve.Resources(n_jobs=int(jobs), folder=Path(out) / "steps")
sorting = spikesieve.sort(recording, contacts, resources=resources)
sorting.spikes.sample.tofile(Path(out) / "sample")
sorting.spikes.unit.tofile(Path(out) / "unit")
"""


def write_formats(
    workdir: Path, file: Path, n_channels: int, seconds: int, formats: tuple[str, ...]
) -> dict[str, Path]:
    """Write the first seconds of a file in each format, once.

    Parameters
    ----------
    workdir : Path
        Where to.
    file : Path
        Samples, int16.
    n_channels : int
        Its channels.
    seconds : int
        How much of it, in whole blocks of Intan. A short file is repeated.
    formats : tuple of str
        Which formats.

    Returns
    -------
    dict of str to Path
        What to open, by format.
    """
    folder = workdir / f"{seconds}s"
    folder.mkdir(parents=True, exist_ok=True)
    whole = np.memmap(file, np.int16, "r").reshape(-1, n_channels)
    n, plain = round(seconds * HZ) // 128 * 128, folder / "a.bin"
    if not plain.is_file():
        with plain.open("wb") as out:
            for start in range(0, n, len(whole)):
                out.write(np.ascontiguousarray(whole[: n - start]).data)
    paths = {"raw": plain}
    for kind in formats:
        written = kind.partition(",")[0]
        name, write = WRITERS.get(written, ("a.bin", write_nothing))
        paths[kind] = folder / name
        if not paths[kind].exists():
            write(paths[kind], np.memmap(plain, np.int16, "r").reshape(-1, n_channels))
    return paths


def write_nothing(path: Path, raw: NDArray[np.int16]) -> None:
    """Plain numbers are there."""


def write_cbin(path: Path, raw: NDArray[np.int16]) -> None:
    """Compress by mtscomp, with differences in time and chunks of 1 s."""
    import mtscomp

    mtscomp.compress(
        *(path.with_suffix(".bin"), path, path.with_suffix(".ch")),
        sample_rate=HZ,
        n_channels=raw.shape[1],
        dtype=np.int16,
        check_after_compress=False,
    )


def write_zarr(path: Path, raw: NDArray[np.int16]) -> None:
    """Save by SpikeInterface."""
    import spikeinterface.core as si

    recording = si.read_binary(path.with_name("a.bin"), HZ, "int16", raw.shape[1], gain_to_uV=GAIN_UV, offset_to_uV=0.0)
    recording.save(folder=path.with_suffix(""), format="zarr", verbose=False, progress_bar=False, chunk_duration="1s")


def write_nwb(path: Path, raw: NDArray[np.int16]) -> None:
    """An ElectricalSeries, with gzip."""
    import h5py

    with h5py.File(path, "w") as nwb:
        nwb.attrs["nwb_version"] = "2.7.0"
        series = nwb.create_group("acquisition/ElectricalSeries")
        series.attrs["neurodata_type"] = "ElectricalSeries"
        data = series.create_dataset(
            "data", data=raw, chunks=(12_000, min(64, raw.shape[1])), compression="gzip", shuffle=True
        )
        data.attrs["conversion"] = GAIN_UV * 1e-6
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = HZ


def write_spikeglx(path: Path, raw: NDArray[np.int16]) -> None:
    """A .bin with its .meta, of a probe without a known part."""
    path.parent.mkdir()
    raw.tofile(path)
    n_channels, gain = raw.shape[1], 500
    tags = {
        "typeThis": "imec",
        "nSavedChans": n_channels,
        "snsApLfSy": f"{n_channels},0,0",
        "snsSaveChanSubset": "all",
        "imSampRate": HZ,
        "imAiRangeMax": GAIN_UV * 1e-6 * gain * 32_768,
        "imMaxInt": 32_768,
        "imDatPrb_pn": "none",
        "fileSizeBytes": path.stat().st_size,
        "~imroTbl": f"(0,{n_channels})" + "".join(f"({c} 0 0 {gain} 250 1)" for c in range(n_channels)),
    }
    path.with_suffix(".meta").write_text("".join(f"{name}={value}\n" for name, value in tags.items()))


def write_open_ephys(path: Path, raw: NDArray[np.int16]) -> None:
    """A tree of the binary format."""
    numbers = open_ephys_files.count(len(raw))
    channels = [open_ephys_files.channel(f"CH{c + 1}", GAIN_UV) for c in range(raw.shape[1])]
    open_ephys_files.write_stream(open_ephys_files.tree(path), raw, numbers, channels=channels)


def write_intan(path: Path, raw: NDArray[np.int16]) -> None:
    """A file of the traditional format."""
    unsigned = (raw.astype(np.int32) + 32_768).astype("<u2")
    layout = intan_files.Layout(n_amplifiers=raw.shape[1])
    intan_files.write_traditional(path, layout, unsigned, np.arange(len(raw)))


WRITERS = {
    "cbin": ("a.cbin", write_cbin),
    "zarr": ("a.zarr", write_zarr),
    "nwb": ("a.nwb", write_nwb),
    "spikeglx": ("glx/run_g0_t0.imec0.ap.bin", write_spikeglx),
    "open ephys": ("openephys", write_open_ephys),
    "intan": ("a.rhd", write_intan),
}
"""What is opened, and who writes it."""


def run(kind: str, path: Path, args: argparse.Namespace, out: Path, src: Path | None) -> dict[str, object]:
    """Sort in a process of its own.

    Parameters
    ----------
    kind : str
        The format.
    path : Path
        What to open.
    args : Namespace
        Probe, channels and workers.
    out : Path
        An empty folder for the steps and the spikes.
    src : Path or None
        The src folder of another version.

    Returns
    -------
    dict
        Wall and processor time in s, peak memory in GB, and the spikes as bytes.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    command = [sys.executable, "-c", SORT, kind, *map(str, (path, args.probe, args.channels, out, args.jobs))]
    if kind in BY_COMMAND:
        options = {
            "probe": args.probe,
            "channels": args.channels,
            "sampling-hz": HZ,
            "gain-uv": GAIN_UV,
            "jobs": args.jobs,
        }
        given = (text for name, value in options.items() for text in (f"--{name}", str(value)))
        command = [sys.executable, "-m", "spikesieve", "sort", str(path), *given, "--out", str(out / "result"), "-q"]
    environment = dict(os.environ) if src is None else dict(os.environ, PYTHONPATH=str(src))
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{kind} failed")
    found = {
        "wall": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "gb": used.ru_maxrss / 1e6,
        "spikes": b"".join(file.read_bytes() for file in (out / "sample", out / "unit") if file.is_file()),
    }
    shutil.rmtree(out)
    return found


def main() -> None:
    """Sort all formats in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--seconds", type=int, nargs="+", default=[20])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    args = parser.parse_args()
    print("| s | format | wall s | of raw | user + sys s | of raw | peak GB | spikes of raw |")
    print("|---" * 8 + "|")
    for seconds in args.seconds:
        paths = write_formats(args.workdir, args.file, args.channels, seconds, tuple(args.formats))
        paths |= dict.fromkeys(BY_COMMAND, paths["raw"]) if args.base else {}
        runs: dict[str, list[dict[str, object]]] = defaultdict(list)
        for _ in range(args.repeat):
            for kind in paths:
                base = args.base if kind == BY_COMMAND[1] else None
                found = run(kind, paths[kind], args, args.workdir / "out", base)
                runs[kind].append(found)
                with (args.workdir / "inputs.jsonl").open("a") as log:
                    facts = {key: value for key, value in found.items() if key != "spikes"}
                    log.write(json.dumps({"seconds": seconds, "format": kind, "jobs": args.jobs, **facts}) + "\n")
        for kind in paths:
            wall, cpu, gb = (median(each[key] for each in runs[kind]) for key in ("wall", "cpu", "gb"))  # type: ignore[type-var]
            raw = [median(each[key] for each in runs["raw"]) for key in ("wall", "cpu")]  # type: ignore[type-var]
            same = "same" if runs[kind][0]["spikes"] == runs["raw"][0]["spikes"] else "others"
            times = f"{wall:.1f} | {wall / raw[0]:.2f} | {cpu:.1f} | {cpu / raw[1]:.2f}"
            print(f"| {seconds} | {kind} | {times} | {gb:.2f} | {same} |", flush=True)


if __name__ == "__main__":
    main()
