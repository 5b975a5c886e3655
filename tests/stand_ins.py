"""Tiny files with the names that the examples of the pages use."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from intan_files import Layout, write_traditional
from make_sides import small, write_npz, write_phy, write_rez
from make_sorting import make_sorting, write_raw
from needed import needed_module
from nwb_files import write_nwb
from open_ephys_files import PROBE_STREAM, channel, count, settings_of, tree, write_stream
from probeinterface import generate_linear_probe

from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.settings.sort import Settings

DATE = (2026, 1, 4, 1, 10, 0, 0, 0)
META = {
    "imAiRangeMax": "0.5",
    "imDatPrb_pn": "NP2010",
    "imDatPrb_type": "24",
    "imMaxInt": "8192",
    "imSampRate": "30000",
    "nSavedChans": "9",
    "snsApLfSy": "8,0,1",
    "snsSaveChanSubset": "all",
    "typeThis": "imec",
    "~imroTbl": "(24,8)" + "".join(f"({c} {c // 2} 0 0 {c % 2})" for c in range(8)),
    "~snsGeomMap": "(NP2010,4,250,70)" + "".join(f"({c // 2}:{27 + 32 * (c % 2)}:0:1)" for c in range(8)),
}
"""What SpikeGLX writes beside a recording of two contacts on each shank of a Neuropixels 2.0."""


def write_open_ephys(folder: Path) -> None:
    channels = [channel(f"AP{n}", 0.195, "") for n in range(4)]
    write_stream(tree(folder), np.zeros((30_000, 4), "<i2"), count(30_000), PROBE_STREAM, channels)
    (folder / "Record Node 101" / "settings.xml").write_text(settings_of(4))


def write_intan(folder: Path) -> None:
    folder.mkdir()
    zero = np.full((234 * 128, 32), 32768, "<u2")
    write_traditional(folder / f"{folder.name}.rhd", Layout(n_amplifiers=32), zero, np.arange(len(zero)))


def write_saved(path: Path) -> None:
    core = needed_module("spikeinterface.core", "packages")
    recording = core.NumpyRecording([np.zeros((30_000, 4), "<i2")], 30_000.0)
    probe = generate_linear_probe(4)
    probe.set_device_channel_indices(np.arange(4))
    recording = recording.set_probe(probe) or recording
    kind = "zarr" if path.suffix == ".zarr" else "binary"
    recording.save(folder=path, format=kind, verbose=False, progress_bar=False)


def write_nwb_session(path: Path) -> None:
    write_nwb(path.parent, np.zeros((30_000, 4), "<i2")).rename(path)


def write_blackrock(path: Path, n_channels: int = 64, n_samples: int = 30_000) -> None:
    """A file of version 2.3: a header, one for each channel, and one packet of samples."""
    text = struct.pack(
        "<8sBBI16s256sII8HI", b"NEURALCD", 2, 3, 314 + 66 * n_channels, b"", b"", 1, 30_000, *DATE, n_channels
    )
    for n in range(1, n_channels + 1):
        limits = (-32764, 32764, -8191, 8191)
        text += struct.pack(
            "<2sH16sBB4h16sIIHIIH", b"CC", n, b"chan%d" % n, 1, n % 32, *limits, b"uV", 300, 1, 1, 7500, 3, 1
        )
    samples = np.zeros((n_samples, n_channels), "<i2")
    path.write_bytes(text + struct.pack("<BII", 1, 0, n_samples) + samples.tobytes())


OTHER_FORMATS = {
    "recording.ns5": write_blackrock,
    "2026-01-01_10-00-00": write_open_ephys,
    "baseline_240101_120000": write_intan,
    "saved": write_saved,
    "saved.zarr": write_saved,
    "session.nwb": write_nwb_session,
}
"""What lies under the names that the pages give to recordings of other systems."""


def write_recording(path: Path, n_channels: int | None, seconds: int = 30) -> None:
    """Zeros at 30 kHz. Without a number of channels: a recording of SpikeGLX, with its .meta, or a run folder."""
    if path.name in OTHER_FORMATS:
        OTHER_FORMATS[path.name](path)
        return
    if not path.suffix:
        path.mkdir()
        path = path / "run_g0_t0.imec0.ap.bin"
    with path.open("wb") as file:
        file.truncate(seconds * 30_000 * (n_channels or int(META["nSavedChans"])) * 2)
    if n_channels is None:
        tags = META | {"fileSizeBytes": str(path.stat().st_size)}
        path.with_suffix(".meta").write_text("".join(f"{name}={value}\n" for name, value in tags.items()))


def write_run(folder: Path) -> None:
    """A result folder of spikesieve."""
    sorting = make_sorting()
    folder.mkdir()
    recording = write_raw(folder.with_name(f"{folder.name}.raw"), sorting)
    now = datetime(2024, 2, 3, tzinfo=UTC)
    settings = Settings().model_dump()
    write_result(folder, sorting, recording, RunRecord("sieve", settings, {}, now, now, {}))


def write_corrected_run(folder: Path) -> None:
    """A result of two files, in which two units were merged in Phy."""
    folder.mkdir()
    sorting = make_sorting()
    n_samples, middle = sorting.segments[-1][1], sorting.segments[-1][1] // 2
    sorting = replace(sorting, segments=((0, middle), (middle, n_samples)))
    recording = recording_from_array(np.zeros((n_samples, 25), np.int16), sorting.sampling_hz)
    recording = replace(recording.with_segments(sorting.segments), file_starts=(0, middle))
    now = datetime(2024, 2, 3, tzinfo=UTC)
    write_result(folder, sorting, recording, RunRecord("sieve", Settings().model_dump(), {}, now, now, {}))
    clusters = np.load(folder / "spike_clusters.npy")
    np.save(folder / "spike_clusters.npy", np.where(clusters < 2, len(sorting.units), clusters).astype(np.int32))


def write_sortings(place: Path) -> None:
    """Sortings of one recording in the formats that the examples compare, and the truth."""
    what = small()
    for name in ("result", "kilosort4", "kilosort4_folder"):
        write_phy(place / name, what)
    for name in ("rez.mat", "kilosort2/rez.mat"):
        write_rez(place / name, what)
    write_npz(place / "truth.npz", what)
    write_run(place / "DIR")
