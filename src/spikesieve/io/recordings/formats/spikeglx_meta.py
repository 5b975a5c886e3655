"""SpikeGLX metadata: channels, sampling rate, gains and probe from a `.meta` file.

The tags are those of SpikeGLX's metadata guides (Metadata_3A to Metadata_30).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
from probeinterface.neuropixels_tools import build_neuropixels_probe

from spikesieve.errors import InputError
from spikesieve.io.recordings.adc_delays import delays_of_part, delays_of_table
from spikesieve.model import F64, I64, Bool, Probe

Meta = dict[str, str]
Layout = tuple[F64, I64, Bool]  # positions in um, shank, and whether it is in use, of each saved AP channel

# Recordings older than ~snsGeomMap may give no part number, only imDatPrb_type: the part of that type.
PART_OF_TYPE = {"0": "NP1000", "21": "NP2000", "24": "NP2010"}

# The first Neuropixels 2.0 probes have a gain of 80 and 14 bits, all later ones of the 2.0 and 3.0 families a gain of
# 100 and 12 bits.
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
    gain_uv : ndarray of float64, shape (n_channels,), or None
        uV per raw number of each channel; None: unknown. Channels without a voltage, such as the sync channel, have
        the most common one.
    range_raw : tuple of float
        Smallest and largest raw number of the converter.
    probe : Probe or None
        Contacts that were connected and saved; None if the file does not say where they are.
    first_sample : int or None
        When the file began: samples since the start of the run; None: unknown.
    data_bytes : int or None
        Size of the .bin file when it was written; None: unknown.
    delay_samples : ndarray of float64, shape (n_channels,), or None
        How much later than the first each channel is sampled, see `Recording`; None: unknown, or corrected already.
    is_filtered : bool
        Whether CatGT has filtered it.
    """

    path: Path
    n_channels: int
    sampling_hz: float
    gain_uv: F64 | None
    range_raw: tuple[float, float]
    probe: Probe | None
    first_sample: int | None = None
    data_bytes: int | None = None
    delay_samples: F64 | None = None
    is_filtered: bool = False


def read_spikeglx_meta(path: Path) -> SpikeGlxMeta | None:
    """Read the metadata of a SpikeGLX recording.

    The sync channel (SY) is a column of the file but not a contact of the probe. Contacts that SpikeGLX marks as not
    used, such as the reference, are left out too.

    Parameters
    ----------
    path : Path
        The `.meta` file.

    Returns
    -------
    SpikeGlxMeta or None
        The metadata; None if the file is not one of SpikeGLX.

    Raises
    ------
    InputError
        If the file is damaged, describes LFP, or a stream other than imec and nidq.
    """
    try:
        meta = _parse(path.read_text(encoding="utf-8", errors="replace"))
        kind = meta.get("typeThis")
        if kind is None:
            return None
        if kind not in ("imec", "nidq"):
            raise InputError(
                f"{path} describes a stream of type {kind!r}; only imec and nidq can be read. To read the file as "
                "plain numbers, give --format raw with --channels, --sampling-hz, --gain-uv and --probe."
            )
        return _imec(path, meta) if kind == "imec" else _nidq(path, meta)
    except (KeyError, ValueError, IndexError, ArithmeticError, OSError) as error:
        raise InputError(
            f"{path} is damaged, unreadable or not from SpikeGLX: {error!r}. Copy it again, or give --format raw with "
            "--channels, --sampling-hz, --gain-uv and --probe."
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
    max_int, n_channels = int(meta.get("imMaxInt", default_max)), int(meta["nSavedChans"])
    return SpikeGlxMeta(
        path,
        n_channels,
        sampling_hz=float(meta["imSampRate"]),
        gain_uv=_gain_uv(gains, n_channels, float(meta["imAiRangeMax"]) / max_int),
        range_raw=(-float(max_int), max_int - 1.0),
        probe=_probe(path, meta, saved),
        delay_samples=_delays(meta, saved, n_channels),
        is_filtered="-apfilter=" in meta.get("catGTCmdline0", ""),
        **_when_and_size(meta),
    )


def _nidq(path: Path, meta: Meta) -> SpikeGlxMeta:
    n_mn, n_ma, n_xa, _ = (int(n) for n in meta["snsMnMaXaDw"].split(","))
    gains = [float(meta["niMNGain"])] * n_mn + [float(meta["niMAGain"])] * n_ma + [1.0] * n_xa
    max_int, n_channels = int(meta.get("niMaxInt", 32768)), int(meta["nSavedChans"])
    return SpikeGlxMeta(
        path,
        n_channels,
        sampling_hz=float(meta["niSampRate"]),
        gain_uv=_gain_uv(gains, n_channels, float(meta["niAiRangeMax"]) / max_int),
        range_raw=(-float(max_int), max_int - 1.0),
        probe=None,
        **_when_and_size(meta),
    )


def _delays(meta: Meta, saved: Sequence[int], n_channels: int) -> F64 | None:
    """Delays by ~muxTbl or the kind of probe. CatGT has corrected them unless it was told not to."""
    is_corrected = "catGTCmdline0" in meta and "-no_tshift" not in meta["catGTCmdline0"]
    if is_corrected or _is_renumbered(meta, saved):
        return None
    channels = np.array(saved, np.int64)
    if "muxTbl" in meta and "acqApLfSy" in meta:
        found = delays_of_table(meta["muxTbl"], channels, int(meta["acqApLfSy"].split(",")[1]) > 0)
    else:
        found = delays_of_part(_part_number(meta) or "", channels)
    return None if found is None else np.pad(found, (0, n_channels - len(found)))


def _when_and_size(meta: Meta) -> dict[str, Any]:
    first, size = meta.get("firstSample"), int(meta.get("fileSizeBytes") or 0)
    return {"first_sample": int(first) if first else None, "data_bytes": size or None}


def _gain_uv(gains: Sequence[float], n_channels: int, volts: float) -> F64 | None:
    """uV per raw number of each channel, from the gains of the first channels and the volts of a raw number."""
    if not gains or 0 in gains:
        return None
    most_common = Counter(gains).most_common(1)[0][0]
    filled = np.array([*gains, *[most_common] * (n_channels - len(gains))], np.float64)
    return volts * 1e6 / filled


def _saved_channels(meta: Meta) -> list[int]:
    """Acquired channel of each column of the file, from `all` or a list such as 0:10,50:55,768.

    Where a program cut a file into shanks and numbered its channels anew, `_orig` has the acquired ones.
    """
    subset = meta.get("snsSaveChanSubset_orig") or meta.get("snsSaveChanSubset", "all")
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
        fixed, max_int = (80.0, 8192) if kind in FIRST_NEUROPIXELS_2 else (100.0, 2048)
        return [float(meta.get("imChan0apGain", fixed))] * len(saved), max_int
    if kind == 1110:  # one gain for all channels, in the header
        return [float(header[3])] * len(saved), 512
    by_channel = {int(row[0]): float(row[3]) for row in rows}
    return [by_channel[channel] for channel in saved], 512


def _imro_type(header: Sequence[str]) -> int:
    """Probe type from the header of ~imroTbl: a number, NP and a number, or an early part number."""
    if len(header) == 3 or header[0].startswith("PRB_"):  # phase 3A (serial,option,n), early 1.0
        return 0
    return 21 if header[0].startswith("PRB2_") else int(header[0].removeprefix("NP"))


def _probe(path: Path, meta: Meta, saved: Sequence[int]) -> Probe | None:
    """Contacts in use: from ~snsGeomMap, else from probeinterface by part number, else from ~snsShankMap."""
    is_renumbered = _is_renumbered(meta, saved)
    if (
        is_renumbered
        and len(re.findall(r"\(", meta.get("snsGeomMap") or meta.get("snsShankMap", ""))) != len(saved) + 1
    ):
        return None  # the map has all acquired channels
    if "snsGeomMap" in meta:
        layout: Layout | None = _from_geom_map(meta, saved)
    elif is_renumbered or "snsSaveChanSubset_orig" in meta:
        layout = _from_shank_map(meta, saved)  # probeinterface would take the new numbers for the acquired ones
    else:
        layout = _from_probeinterface(path, meta, saved) or _from_shank_map(meta, saved)
    if layout is None:
        return None
    positions_um, shanks, used = layout
    if not used.any():
        raise ValueError("no contact is in use")
    return Probe(positions_um[used], np.flatnonzero(used).astype(np.int64), shanks[used], path.name)


def _is_renumbered(meta: Meta, saved: Sequence[int]) -> bool:
    """Whether the saved channels were numbered anew, so that the rows of the tables are not theirs.

    Channels are numbered AP, LF, SY. A file of some channels whose sync channel has a number of an AP channel cannot
    have the numbers of the acquisition.
    """
    n_acquired = int(meta.get("acqApLfSy", "0").split(",")[0])
    return len(saved) < n_acquired and any(channel < n_acquired for channel in _saved_channels(meta)[len(saved) :])


def _part_number(meta: Meta) -> str | None:
    return meta.get("imDatPrb_pn") or PART_OF_TYPE.get(meta.get("imDatPrb_type", "0"))


def _from_geom_map(meta: Meta, saved: Sequence[int]) -> Layout:
    """~snsGeomMap: (part,n_shanks,shank_pitch,shank_width)(shank:x:y:used)..., x from the left edge of the shank."""
    header, rows = _table(meta["snsGeomMap"])
    shank, x, y, used = _rows_of_saved(rows, saved).T
    return np.stack([shank * float(header[2]) + x, y], axis=1), shank.astype(np.int64), used > 0


def _from_shank_map(meta: Meta, saved: Sequence[int]) -> Layout | None:
    """~snsShankMap: (n_shanks,n_columns,n_rows)(shank:column:row:used)..., for parts that probeinterface knows."""
    part_number = _part_number(meta)
    if part_number is None or "snsShankMap" not in meta:
        return None
    try:
        full_probe = build_neuropixels_probe(part_number)
    except (KeyError, ValueError):
        return None
    header, rows = _table(meta["snsShankMap"])
    shank, column, row, used = _rows_of_saved(rows, saved).T
    n_per_shank = full_probe.get_contact_count() // full_probe.get_shank_count()
    contact = (shank * n_per_shank + row * int(header[1]) + column).astype(np.int64)
    return np.asarray(full_probe.contact_positions, np.float64)[contact], shank.astype(np.int64), used > 0


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
