"""What SpikeGLX writes beside a recording: channels, rate, gain and probe from the `.meta` of a `.bin` file.

Tags as in SpikeGLX's metadata guides (Metadata_3A to Metadata_30).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import probeinterface

from spikesieve.errors import InputError
from spikesieve.model import F64, I64, Bool, Probe

Meta = dict[str, str]
Layout = tuple[F64, I64, Bool]  # positions in um, shanks and use of each saved AP channel

# x of the left contact on even and odd rows, x pitch, y pitch, shank pitch, all in um, by imDatPrb_type: for recordings
# that are older than ~snsGeomMap and give no part number that probeinterface could look up.
GEOMETRY_UM = {
    "0": (27.0, 11.0, 32.0, 20.0, 0.0),
    "21": (27.0, 27.0, 32.0, 15.0, 0.0),
    "24": (27.0, 27.0, 32.0, 15.0, 250.0),
}

# The first Neuropixels 2.0 probes amplify 80 times, all later ones of the 2.0 and 3.0 families 100 times.
FIRST_NEUROPIXELS_2 = (21, 24, 2000, 2010)


@dataclass(frozen=True, eq=False)
class SpikeGlxMeta:
    """What a `.meta` file says about its recording.

    path         the .meta file
    n_channels   columns of the .bin file, the sync channel included
    sampling_hz  sampling rate in Hz
    gain_uv      uV per raw number, None when it cannot be told
    range_raw    smallest and largest raw number of the converter
    probe        contacts that were connected and saved; None when the .meta does not tell where they are
    notes        sentences for the user
    """

    path: Path
    n_channels: int
    sampling_hz: float
    gain_uv: float | None
    range_raw: tuple[float, float]
    probe: Probe | None
    notes: tuple[str, ...] = ()


def read_spikeglx_meta(bin_path: Path | str) -> SpikeGlxMeta | None:
    """The metadata of a SpikeGLX recording, or None when no SpikeGLX `.meta` lies beside the `.bin` file.

    The sync channel (SY) is a column of the file but no contact of the probe, nor are contacts that SpikeGLX marks as
    not used (the reference). Raises InputError for a `.meta` that is damaged, of LFP, or of a stream other than imec
    and nidq.
    """
    data = Path(bin_path)
    path = data.with_suffix(".meta")
    if data.suffix != ".bin" or not path.is_file():
        return None
    try:
        meta = _parse(path.read_text(encoding="utf-8", errors="replace"))
        kind = meta.get("typeThis")
        if kind is None:
            return None
        if kind not in ("imec", "nidq"):
            raise InputError(
                f"{path} describes a stream of type {kind!r}; only imec and nidq are understood. Move it away and give "
                "--channels, --sampling-hz, --gain-uv and --probe."
            )
        return _imec(path, meta) if kind == "imec" else _nidq(path, meta)
    except (KeyError, ValueError, IndexError, ArithmeticError, OSError) as error:
        raise InputError(
            f"{path} is damaged, unreadable or not from SpikeGLX: {error!r}. Copy it again, or move it away and "
            "give --channels, --sampling-hz, --gain-uv and --probe."
        ) from error


def _parse(text: str) -> Meta:
    """Tags and values; the ~ before the names of tables is dropped."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lstrip("~"): value.strip() for key, _, value in pairs}


def _imec(path: Path, meta: Meta) -> SpikeGlxMeta:
    n_ap = int(meta["snsApLfSy"].split(",")[0])
    if n_ap == 0:
        raise InputError(f"{path} describes a recording of LFP only, which shows no spikes. Give its .ap.bin file.")
    saved = _saved_channels(meta)[:n_ap]
    gains, default_max = _imec_gains(meta, saved)
    max_int = int(meta.get("imMaxInt", default_max))
    gain, notes = _one_gain(path, gains)
    return SpikeGlxMeta(
        path,
        n_channels=int(meta["nSavedChans"]),
        sampling_hz=float(meta["imSampRate"]),
        gain_uv=None if gain is None else float(meta["imAiRangeMax"]) * 1e6 / max_int / gain,
        range_raw=(-float(max_int), max_int - 1.0),
        probe=_probe(path, meta, saved),
        notes=notes + _size_notes(path, meta),
    )


def _nidq(path: Path, meta: Meta) -> SpikeGlxMeta:
    n_mn, n_ma, n_xa, _ = (int(n) for n in meta["snsMnMaXaDw"].split(","))
    multiplexed = [float(meta["niMNGain"])] * n_mn + [float(meta["niMAGain"])] * n_ma
    gain, notes = _one_gain(path, multiplexed or [1.0] * n_xa)
    max_int = int(meta.get("niMaxInt", 32768))
    return SpikeGlxMeta(
        path,
        n_channels=int(meta["nSavedChans"]),
        sampling_hz=float(meta["niSampRate"]),
        gain_uv=None if gain is None else float(meta["niAiRangeMax"]) * 1e6 / max_int / gain,
        range_raw=(-float(max_int), max_int - 1.0),
        probe=None,
        notes=notes + _size_notes(path, meta),
    )


def _saved_channels(meta: Meta) -> list[int]:
    """Acquired channel of each column of the file: `all`, or a list such as 0:10,50:55,768."""
    subset = meta.get("snsSaveChanSubset", "all")
    if subset in ("all", ""):
        return list(range(int(meta["nSavedChans"])))
    ranges = (part.split(":") for part in subset.split(","))
    return [channel for ends in ranges for channel in range(int(ends[0]), int(ends[-1]) + 1)]


def _table(value: str) -> tuple[list[str], list[list[str]]]:
    """Header fields and rows of a SpikeGLX table: (a,b,c)(1:2:3)(4:5:6) with fields apart by , : or a space."""
    header, *rows = (re.split(r"[,: ]+", row.strip()) for row in re.findall(r"\(([^)]*)\)", value))
    return header, rows


def _imec_gains(meta: Meta, saved: Sequence[int]) -> tuple[list[float], int]:
    """AP gain of each saved channel (empty when unknown), and imMaxInt for files that do not say it."""
    header, rows = _table(meta["imroTbl"])
    kind = _imro_type(header)
    if (kind >= 2000 and kind != 3000) or kind in FIRST_NEUROPIXELS_2:
        fixed = 80.0 if kind in FIRST_NEUROPIXELS_2 else 100.0
        return [float(meta.get("imChan0apGain", fixed))], 8192
    if kind == 1110:  # one gain for all, in the header
        return [float(header[3])], 512
    by_channel = {int(row[0]): float(row[3]) for row in rows}
    return [by_channel[channel] for channel in saved], 512


def _imro_type(header: Sequence[str]) -> int:
    """The probe type in the head of ~imroTbl: a number, NP and a number, or an early part number."""
    if len(header) == 3 or header[0].startswith("PRB_"):  # phase 3A (serial,option,n), early 1.0
        return 0
    return 21 if header[0].startswith("PRB2_") else int(header[0].removeprefix("NP"))


def _one_gain(path: Path, gains: Sequence[float]) -> tuple[float | None, tuple[str, ...]]:
    """The commonest gain, and a note when not all channels have it; None when there is no channel or the gain is 0."""
    counts = Counter(gains).most_common()
    if not counts or counts[0][0] == 0:
        return None, ()
    gain, n = counts[0]
    if len(counts) == 1:
        return gain, ()
    others = ", ".join(f"{other:g}" for other, _ in counts[1:])
    return gain, (
        f"{path} has channels of different gain: {n} are amplified {gain:g} times, {len(gains) - n} others "
        f"{others} times. One gain serves for all, so amplitudes in uV are wrong where the gain differs.",
    )


def _size_notes(path: Path, meta: Meta) -> tuple[str, ...]:
    expected = int(meta.get("fileSizeBytes") or 0)
    found = path.with_suffix(".bin").stat().st_size
    if expected in (0, found):
        return ()
    return (
        f"{path.with_suffix('.bin')} has {found} bytes, but its .meta says {expected}: the copy may be cut short. "
        "Copy it again unless you cut it yourself.",
    )


def _probe(path: Path, meta: Meta, saved: Sequence[int]) -> Probe | None:
    """The contacts in use: from ~snsGeomMap, else by part number through probeinterface, else from ~snsShankMap."""
    if "snsGeomMap" in meta:
        layout: Layout | None = _from_geom_map(meta, saved)
    else:
        layout = _from_probeinterface(path, meta, saved) or _from_shank_map(meta, saved)
    if layout is None:
        return None
    positions_um, shanks, used = layout
    if not used.any():
        raise ValueError("no contact is in use")
    return Probe(positions_um[used], np.flatnonzero(used).astype(np.int64), shanks[used], path.name)


def _from_geom_map(meta: Meta, saved: Sequence[int]) -> Layout:
    """~snsGeomMap: (part,n_shanks,shank_pitch,shank_width)(shank:x:y:used)..., x from the left edge of its shank."""
    header, rows = _table(meta["snsGeomMap"])
    shank, x, y, used = _rows_of_saved(rows, saved).T
    return np.stack([shank * float(header[2]) + x, y], axis=1), shank.astype(np.int64), used > 0


def _from_shank_map(meta: Meta, saved: Sequence[int]) -> Layout | None:
    """~snsShankMap: (n_shanks,n_columns,n_rows)(shank:column:row:used)..., with the geometry of known probe types."""
    geometry = GEOMETRY_UM.get(meta.get("imDatPrb_type", "0"))
    if geometry is None or "snsShankMap" not in meta:
        return None
    even_x, odd_x, pitch_x, pitch_y, shank_pitch = geometry
    shank, column, row, used = _rows_of_saved(_table(meta["snsShankMap"])[1], saved).T
    x = shank * shank_pitch + np.where(row % 2 == 0, even_x, odd_x) + column * pitch_x
    return np.stack([x, row * pitch_y], axis=1), shank.astype(np.int64), used > 0


def _from_probeinterface(path: Path, meta: Meta, saved: Sequence[int]) -> Layout | None:
    """The layout that probeinterface finds for the part number; None when it knows none or the file gives none."""
    try:
        probe = probeinterface.read_spikeglx(path)
    except (KeyError, ValueError, TypeError, IndexError, AssertionError):
        return None
    positions = np.asarray(probe.contact_positions, np.float64)
    if len(positions) != len(saved):
        return None
    names = ["0"] * len(saved) if probe.shank_ids is None else probe.shank_ids
    shanks = np.array([int(name or 0) for name in names], np.int64)
    used = np.ones(len(saved), bool)
    if "snsShankMap" in meta:
        used = _rows_of_saved(_table(meta["snsShankMap"])[1], saved)[:, 3] > 0
    return positions, shanks, used


def _rows_of_saved(rows: Sequence[Sequence[str]], saved: Sequence[int]) -> F64:
    """The rows of a map that belong to the saved channels; some versions list those only, others all acquired ones."""
    table = np.array(rows, dtype=np.float64)
    return table if len(table) == len(saved) else table[np.asarray(saved)]
