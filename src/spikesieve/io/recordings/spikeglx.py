"""SpikeGLX metadata: channels, sampling rate, gain and probe from the `.meta` file beside a `.bin` file.

The tags are those of SpikeGLX's metadata guides (Metadata_3A to Metadata_30).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import probeinterface
from probeinterface.neuropixels_tools import build_neuropixels_probe

from spikesieve.errors import InputError
from spikesieve.model import F64, I64, Bool, Probe

Meta = dict[str, str]
Layout = tuple[F64, I64, Bool]  # positions in um, shank, and whether it is in use, of each saved AP channel

# Recordings older than ~snsGeomMap may give no part number, only imDatPrb_type. By that type: the part number of the
# same layout in probeinterface, and how far its leftmost contact is from the left edge of the shank, in um.
PART_AND_EDGE_UM = {"0": ("NP1000", 11.0), "21": ("NP2000", 27.0), "24": ("NP2010", 27.0)}
N_COLUMNS = 2

# The first Neuropixels 2.0 probes have a gain of 80, all later ones of the 2.0 and 3.0 families a gain of 100.
FIRST_NEUROPIXELS_2 = (21, 24, 2000, 2010)


@dataclass(frozen=True, eq=False)
class SpikeGlxMeta:
    """What a `.meta` file says about its recording.

    Attributes
    ----------
    path : Path
        The .meta file.
    n_channels : int
        Number of channels (columns of the .bin file), the sync channel included.
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : float or None
        uV per raw number; None: unknown.
    range_raw : tuple of float
        Smallest and largest raw number of the converter.
    probe : Probe or None
        Contacts that were connected and saved; None if the file does not say where they are.
    notes : tuple of str
        Sentences for the user.
    """

    path: Path
    n_channels: int
    sampling_hz: float
    gain_uv: float | None
    range_raw: tuple[float, float]
    probe: Probe | None
    notes: tuple[str, ...] = ()


def read_spikeglx_meta(bin_path: Path | str) -> SpikeGlxMeta | None:
    """Read the metadata of a SpikeGLX recording.

    The sync channel (SY) is a column of the file but not a contact of the probe. Contacts that SpikeGLX marks as not
    used, such as the reference, are left out too.

    Parameters
    ----------
    bin_path : Path or str
        The `.bin` file; its `.meta` file is in the same folder.

    Returns
    -------
    SpikeGlxMeta or None
        The metadata; None if there is no `.meta` file of SpikeGLX.

    Raises
    ------
    InputError
        If the `.meta` file is damaged, describes LFP, or a stream other than imec and nidq.
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
                f"{path} describes a stream of type {kind!r}; only imec and nidq can be read. Move the file away and "
                "give --channels, --sampling-hz, --gain-uv and --probe."
            )
        return _imec(path, meta) if kind == "imec" else _nidq(path, meta)
    except (KeyError, ValueError, IndexError, ArithmeticError, OSError) as error:
        raise InputError(
            f"{path} is damaged, unreadable or not from SpikeGLX: {error!r}. Copy it again, or move it away and "
            "give --channels, --sampling-hz, --gain-uv and --probe."
        ) from error


def _parse(text: str) -> Meta:
    """Tags and their values; table names lose their leading ~."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lstrip("~"): value.strip() for key, _, value in pairs}


def _imec(path: Path, meta: Meta) -> SpikeGlxMeta:
    n_ap = int(meta["snsApLfSy"].split(",")[0])
    if n_ap == 0:
        raise InputError(f"{path} describes a recording of LFP only, without spikes. Give the .ap.bin file.")
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
    """Acquired channel of each column of the file, from `all` or a list such as 0:10,50:55,768."""
    subset = meta.get("snsSaveChanSubset", "all")
    if subset in ("all", ""):
        return list(range(int(meta["nSavedChans"])))
    ranges = (part.split(":") for part in subset.split(","))
    return [channel for ends in ranges for channel in range(int(ends[0]), int(ends[-1]) + 1)]


def _table(value: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a SpikeGLX table such as (a,b,c)(1:2:3)(4:5:6); fields are separated by , : or a space."""
    header, *rows = (re.split(r"[,: ]+", row.strip()) for row in re.findall(r"\(([^)]*)\)", value))
    return header, rows


def _imec_gains(meta: Meta, saved: Sequence[int]) -> tuple[list[float], int]:
    """AP gain of each saved channel (empty if unknown), and the default of imMaxInt."""
    header, rows = _table(meta["imroTbl"])
    kind = _imro_type(header)
    if (kind >= 2000 and kind != 3000) or kind in FIRST_NEUROPIXELS_2:
        fixed = 80.0 if kind in FIRST_NEUROPIXELS_2 else 100.0
        return [float(meta.get("imChan0apGain", fixed))], 8192
    if kind == 1110:  # one gain for all channels, in the header
        return [float(header[3])], 512
    by_channel = {int(row[0]): float(row[3]) for row in rows}
    return [by_channel[channel] for channel in saved], 512


def _imro_type(header: Sequence[str]) -> int:
    """Probe type from the header of ~imroTbl: a number, NP and a number, or an early part number."""
    if len(header) == 3 or header[0].startswith("PRB_"):  # phase 3A (serial,option,n), early 1.0
        return 0
    return 21 if header[0].startswith("PRB2_") else int(header[0].removeprefix("NP"))


def _one_gain(path: Path, gains: Sequence[float]) -> tuple[float | None, tuple[str, ...]]:
    """Most common gain, with a note if channels differ; None if there is no channel or the gain is 0."""
    counts = Counter(gains).most_common()
    if not counts or counts[0][0] == 0:
        return None, ()
    gain, n = counts[0]
    if len(counts) == 1:
        return gain, ()
    others = ", ".join(f"{other:g}" for other, _ in counts[1:])
    return gain, (
        f"{path} has channels of different gain: {gain:g} on {n} channels, {others} on {len(gains) - n} others. "
        "The first gain is used for all, so amplitudes in µV are wrong on the others.",
    )


def _size_notes(path: Path, meta: Meta) -> tuple[str, ...]:
    expected = int(meta.get("fileSizeBytes") or 0)
    found = path.with_suffix(".bin").stat().st_size
    if expected in (0, found):
        return ()
    return (
        f"{path.with_suffix('.bin')} has {found} bytes, but its .meta file says {expected}: the copy may be "
        "incomplete. Copy it again unless you cut it yourself.",
    )


def _probe(path: Path, meta: Meta, saved: Sequence[int]) -> Probe | None:
    """Contacts in use: from ~snsGeomMap, else from probeinterface by part number, else from ~snsShankMap."""
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
    """~snsGeomMap: (part,n_shanks,shank_pitch,shank_width)(shank:x:y:used)..., x from the left edge of the shank."""
    header, rows = _table(meta["snsGeomMap"])
    shank, x, y, used = _rows_of_saved(rows, saved).T
    return np.stack([shank * float(header[2]) + x, y], axis=1), shank.astype(np.int64), used > 0


def _from_shank_map(meta: Meta, saved: Sequence[int]) -> Layout | None:
    """~snsShankMap: (n_shanks,n_columns,n_rows)(shank:column:row:used)..., for known probe types."""
    known = PART_AND_EDGE_UM.get(meta.get("imDatPrb_type", "0"))
    if known is None or "snsShankMap" not in meta:
        return None
    part_number, edge_um = known
    full_probe = build_neuropixels_probe(part_number)
    shank, column, row, used = _rows_of_saved(_table(meta["snsShankMap"])[1], saved).T
    n_per_shank = full_probe.get_contact_count() // full_probe.get_shank_count()
    contact = (shank * n_per_shank + row * N_COLUMNS + column).astype(np.int64)
    positions_um = np.asarray(full_probe.contact_positions, np.float64)[contact] + (edge_um, 0.0)
    return positions_um, shank.astype(np.int64), used > 0


def _from_probeinterface(path: Path, meta: Meta, saved: Sequence[int]) -> Layout | None:
    """The layout that probeinterface knows for the part number; None if there is no or an unknown part number."""
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
    """Rows of a map for the saved channels. Some versions list only those, others all acquired channels."""
    table = np.array(rows, dtype=np.float64)
    return table if len(table) == len(saved) else table[np.asarray(saved)]
