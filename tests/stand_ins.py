"""Tiny files with the names that the examples of the pages use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from make_sides import small, write_npz, write_phy, write_rez
from make_sorting import make_sorting, write_raw

from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.settings.sort import Settings

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


def write_recording(path: Path, n_channels: int | None, seconds: int = 30) -> None:
    """Zeros at 30 kHz. Without a number of channels: a recording of SpikeGLX, with its .meta, or a run folder."""
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


def write_sortings(place: Path) -> None:
    """Sortings of one recording in the formats that the examples compare, and the truth."""
    what = small()
    for name in ("result", "kilosort4", "kilosort4_folder"):
        write_phy(place / name, what)
    for name in ("rez.mat", "kilosort2/rez.mat"):
        write_rez(place / name, what)
    write_npz(place / "truth.npz", what)
    write_run(place / "DIR")
