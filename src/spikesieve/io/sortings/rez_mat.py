"""MATLAB Kilosort2's `rez.mat` (version 7.3, an HDF5 file) as a side of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.sortings.phy import drift_of_batches, int16_traces, mean_templates, middles, peak_depths
from spikesieve.model import F64, I64
from spikesieve.sorted_by_others import (
    ExternalSorting,
    RawFileInfo,
    SorterIntermediates,
    UnitWaveforms,
    trains_in_time_order,
    trough_index,
)


def read_rez(path: Path) -> ExternalSorting:
    """The sorting in a rez.mat.

    Spikes are the first two columns of `st3` (sample, template), as rezToPhy of Kilosort2 writes them; templates are
    W x U, unwhitened with the inverse of Wrot. MATLAB's order of dimensions, its counting from 1 and its texts stored
    as numbers are undone.

    Raises InputError without h5py, and when the file is no such file.
    """
    rez = _Rez(path)
    st3 = rez.array("st3")
    if st3 is None:
        st3 = rez.array("st")
    if st3 is None or st3.ndim != 2 or st3.shape[1] < 3:
        raise InputError(f"{path} has no spikes: st3 is missing or has less than 3 columns. Save rez after sorting.")
    rate = rez.number("ops/fs")
    if not rate:
        raise InputError(f"{path} has no ops.fs, so its sampling rate is unknown. Save rez with its ops.")
    unit = st3[:, 1].astype(np.int64) - 1
    trains, (amplitude, template) = trains_in_time_order(st3[:, 0].astype(np.int64), unit, path.stem, st3[:, 2], unit)
    positions = _positions(rez)
    waveforms = _waveforms(rez, trains, template)
    channels = rez.array("ops/chanMap")
    return ExternalSorting(
        name=path.resolve().parent.name if path.stem.startswith("rez") else path.stem,
        kind="rez.mat of MATLAB Kilosort",
        trains=trains,
        sampling_hz=rate,
        channels=_channels(rez, channels),
        positions_um=positions,
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="as the sorter counts it",
        unit_depth_um=None if waveforms is None or positions is None else peak_depths(waveforms, positions),
        raw=_raw(rez),
        intermediates=_steps(rez, rate),
    )


def read_ops(path: Path) -> dict[str, Any]:
    """The options `ops` of a rez.mat, by name: numbers, arrays and texts; structs, cells and empty ones are left out.

    Raises InputError without h5py, and when the file is no such file or has no options.
    """
    ops = {name.removeprefix("ops/"): value for name, value in _read_hdf5(path, None).items() if name[:4] == "ops/"}
    found = {name: value for name, value in ops.items() if value is not None}
    if not found:
        raise InputError(f"{path} holds no ops. Save rez with its ops: save('rez.mat', 'rez', '-v7.3').")
    return found


class _Rez:
    """Arrays by name, as MATLAB shows them."""

    def __init__(self, path: Path) -> None:
        self.values = _read_hdf5(path, WANTED)

    def array(self, name: str) -> NDArray[Any] | None:
        value = self.values.get(name)
        return value if isinstance(value, np.ndarray) and value.size else None

    def number(self, name: str) -> float | None:
        value = self.array(name)
        return None if value is None else float(value.ravel()[0])

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None


WANTED = (
    *(
        "st3",
        "st",
        "W",
        "U",
        "mu",
        "Wrot",
        "xc",
        "yc",
        "xcoords",
        "ycoords",
        "iorig",
        "ccb0",
        "ccb",
        "ccbsort",
        "connected",
    ),
    *(
        "dshift",
        "yblk",
        "ops/fs",
        "ops/chanMap",
        "ops/NchanTOT",
        "ops/fbinary",
        "ops/fproc",
        "ops/NT",
        "ops/yc",
        "ops/xc",
    ),
    "ops/yblk",
)


def _read_hdf5(path: Path, wanted: tuple[str, ...] | None) -> dict[str, Any]:
    """The named values of a rez, or all of its ops."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path} is a MATLAB file, and reading it needs h5py, which is not installed. "
            'Install it with: pip install "spikesieve[matlab]".'
        ) from error
    try:
        with h5py.File(path, "r") as file:
            root = file.get("rez", file)
            names = wanted if wanted is not None else tuple(f"ops/{name}" for name in root.get("ops", {}))
            return {name: _value(root[name]) for name in names if name in root}
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a MATLAB file of version 7.3 ({error}). "
            "Save it again with: save('rez.mat', 'rez', '-v7.3')."
        ) from error


def _value(dataset: Any) -> NDArray[Any] | str | None:
    """A text from a character array, else the array with MATLAB's order of dimensions; None for structs and cells."""
    kind = dataset.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if not hasattr(dataset, "dtype") or kind in ("struct", "cell") or dataset.dtype.kind not in "iufb":
        return None
    if dataset.attrs.get("MATLAB_empty"):
        return None  # an empty array is stored as its shape
    values = np.asarray(dataset[()])
    if kind == "char":
        return "".join(chr(code) for code in values.T.ravel(order="C"))
    return values.T


def _positions(rez: _Rez) -> F64 | None:
    for x, y in (("xc", "yc"), ("xcoords", "ycoords"), ("ops/xc", "ops/yc")):
        across, along = rez.array(x), rez.array(y)
        if across is not None and along is not None and across.size == along.size:
            return np.stack([across.ravel(), along.ravel()], axis=1).astype(np.float64)
    return None


def _channels(rez: _Rez, channels: NDArray[Any] | None) -> I64 | None:
    if channels is None:
        return None
    found = channels.ravel().astype(np.int64) - 1
    connected = rez.array("connected")
    if connected is not None and connected.size == found.size:
        found = found[connected.ravel().astype(np.bool_)]
    return np.asarray(found, dtype=np.int64)


def _waveforms(rez: _Rez, trains: Any, template: NDArray[Any] | None) -> UnitWaveforms | None:
    W, U, Wrot = rez.array("W"), rez.array("U"), rez.array("Wrot")
    if W is None or U is None or template is None or W.ndim != 3 or U.ndim != 3:
        return None
    mu = rez.array("mu")
    return low_rank_waveforms(W, U, None if mu is None else mu.ravel(), Wrot, trains, template)


def low_rank_waveforms(
    W: NDArray[Any], U: NDArray[Any], mu: NDArray[Any] | None, Wrot: NDArray[Any] | None, trains: Any, template: Any
) -> UnitWaveforms:
    """Mean waveforms of Kilosort2's factors: W (nt, K, rank) and U (contacts, K, rank), times mu (K,) where it is."""
    whitened = np.einsum("tkr,ckr->ktc", W, U, optimize=True).astype(np.float32)
    if mu is not None and len(mu) == len(whitened):
        whitened *= mu[:, None, None].astype(np.float32)
    values = mean_templates(whitened, np.asarray(template, dtype=np.int64), trains)
    if Wrot is None or Wrot.shape != (len(U), len(U)) or np.linalg.cond(Wrot) > 1e4:
        return UnitWaveforms(values, trough_index(values), "whitened")
    inverse = np.linalg.inv(Wrot.astype(np.float64)).T.astype(np.float32)
    raw = (values.reshape(-1, len(U)) @ inverse).reshape(values.shape)
    return UnitWaveforms(raw, trough_index(raw), "raw numbers")


def _raw(rez: _Rez) -> RawFileInfo | None:
    n_channels = rez.number("ops/NchanTOT")
    if n_channels is None:
        return None
    file = rez.text("ops/fbinary")
    return RawFileInfo((file,) if file else (), int(n_channels), "int16")


def _steps(rez: _Rez, sampling_hz: float) -> SorterIntermediates:
    proc, U = rez.text("ops/fproc"), rez.array("U")
    there = proc is not None and U is not None and Path(proc).is_file()
    iorig, Wrot = rez.array("iorig"), rez.array("Wrot")
    yblk = rez.array("yblk")
    batch_s = (rez.number("ops/NT") or 65_600) / sampling_hz
    return SorterIntermediates(
        traces=int16_traces(Path(proc), len(U)) if there and proc is not None and U is not None else None,
        whitening=None if Wrot is None else Wrot.astype(np.float64),
        drift=drift_of_batches(
            rez.array("dshift"),
            rez.array("ops/yblk") if yblk is None else yblk,
            batch_s,
        ),
        ccb0=_float(rez.array("ccb0") if rez.array("ccb0") is not None else rez.array("ccb")),
        ccbsort=_float(rez.array("ccbsort")),
        iorig=None if iorig is None else iorig.ravel().astype(np.int64) - 1,
        batch_time_s=None if iorig is None else middles(iorig.size, batch_s),
    )


def _float(values: NDArray[Any] | None) -> F64 | None:
    return None if values is None else values.astype(np.float64)
