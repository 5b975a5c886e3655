"""Sortings and options from the `rez.mat` of MATLAB Kilosort2 (version 7.3, an HDF5 file)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.sortings.arrays import (
    as_float64,
    as_int64,
    batch_middles_s,
    drift_of_batches,
    int16_traces,
    lost_templates_notes,
    low_rank_waveforms,
    peak_depths_um,
)
from spikesieve.model import F64, I64
from spikesieve.model.external import (
    ExternalSorting,
    PreprocessedTraces,
    RawFileInfo,
    SorterIntermediates,
    SpikeTrains,
    UnitWaveforms,
    trains_in_time_order,
)

# Names that are read from a rez.mat for a sorting.
RESULTS = ("st3", "st", "W", "U", "mu", "Wrot", "iorig", "ccb0", "ccb", "ccbsort", "dshift", "yblk")
CONTACTS = ("xc", "yc", "xcoords", "ycoords", "connected", "ops/chanMap", "ops/NchanTOT", "ops/xc", "ops/yc")
OPTIONS = ("ops/fs", "ops/fbinary", "ops/fproc", "ops/NT", "ops/yblk")

DEFAULT_BATCH_SAMPLES = 65_600


def read_rez(path: Path) -> ExternalSorting:
    """Read the sorting in a rez.mat.

    Spikes are the first two columns of `st3` (sample, template), as in rezToPhy of Kilosort2. Templates are W x U,
    unwhitened with the inverse of Wrot. MATLAB's order of dimensions, its counting from 1 and its texts stored as
    numbers are undone.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If h5py is not installed, or the file is not a rez.mat with spikes.
    """
    rez = _Rez(path)
    st3 = rez.array("st3")
    if st3 is None:
        st3 = rez.array("st")
    if st3 is None or st3.ndim != 2 or st3.shape[1] < 3:
        raise InputError(f"{path} has no spikes: st3 is missing or has less than 3 columns. Save rez after sorting.")
    rate_hz = rez.number("ops/fs")
    if not rate_hz:
        raise InputError(f"{path} has no ops.fs, so its sampling rate is unknown. Save rez with its ops.")
    unit = st3[:, 1].astype(np.int64) - 1
    sample = st3[:, 0].astype(np.int64)
    trains, (amplitude, template), notes = trains_in_time_order(sample, unit, path.stem, st3[:, 2], unit)
    positions_um = _positions_um(rez)
    waveforms, lost = _waveforms(rez, trains, template, path.stem)
    return ExternalSorting(
        name=path.resolve().parent.name if path.stem.startswith("rez") else path.stem,
        kind="rez.mat of MATLAB Kilosort",
        trains=trains,
        sampling_hz=rate_hz,
        channels=_channels(rez),
        positions_um=positions_um,
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="as the sorter counts it",
        unit_depth_um=None if waveforms is None or positions_um is None else peak_depths_um(waveforms, positions_um),
        raw=_raw_files(rez),
        intermediates=_intermediates(rez, rate_hz),
        notes=(*notes, *lost),
    )


def read_ops(path: Path) -> dict[str, Any]:
    """Read the options `ops` of a rez.mat.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Numbers, arrays and texts by name; structs, cells and empty values are left out.

    Raises
    ------
    InputError
        If h5py is not installed, or the file is not a rez.mat with options.
    """
    ops = {name.removeprefix("ops/"): value for name, value in _read_hdf5(path, None).items() if name[:4] == "ops/"}
    found = {name: value for name, value in ops.items() if value is not None}
    if not found:
        raise InputError(f"{path} has no ops. Save rez with its ops: save('rez.mat', 'rez', '-v7.3').")
    return found


class _Rez:
    """Arrays by name, as MATLAB shows them."""

    def __init__(self, path: Path) -> None:
        self.values = _read_hdf5(path, RESULTS + CONTACTS + OPTIONS)

    def array(self, name: str) -> NDArray[Any] | None:
        """A non-empty array, or None."""
        value = self.values.get(name)
        return value if isinstance(value, np.ndarray) and value.size else None

    def first_array(self, *names: str) -> NDArray[Any] | None:
        """The first of several arrays that is there, or None."""
        return next((array for name in names if (array := self.array(name)) is not None), None)

    def number(self, name: str) -> float | None:
        """The first number of an array, or None."""
        value = self.array(name)
        return None if value is None else float(value.ravel()[0])

    def text(self, name: str) -> str | None:
        """A text, or None."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None


def _read_hdf5(path: Path, names: tuple[str, ...] | None) -> dict[str, Any]:
    """Values of a rez by name; names None: all of its ops."""
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
            wanted = names if names is not None else tuple(f"ops/{name}" for name in root.get("ops", {}))
            return {name: _value(root[name]) for name in wanted if name in root}
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a MATLAB file of version 7.3 ({error}). "
            "Save it again with: save('rez.mat', 'rez', '-v7.3')."
        ) from error


def _value(dataset: Any) -> NDArray[Any] | str | None:
    """The text of a character array, else the array in MATLAB's order of dimensions; None for structs and cells."""
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


def _positions_um(rez: _Rez) -> F64 | None:
    for x, y in (("xc", "yc"), ("xcoords", "ycoords"), ("ops/xc", "ops/yc")):
        across, along = rez.array(x), rez.array(y)
        if across is not None and along is not None and across.size == along.size:
            return np.stack([across.ravel(), along.ravel()], axis=1).astype(np.float64)
    return None


def _channels(rez: _Rez) -> I64 | None:
    channels, connected = as_int64(rez.array("ops/chanMap"), first=1), rez.array("connected")
    if channels is not None and connected is not None and connected.size == channels.size:
        return channels[connected.ravel().astype(np.bool_)]
    return channels


def _waveforms(
    rez: _Rez, trains: SpikeTrains, template: NDArray[Any] | None, name: str
) -> tuple[UnitWaveforms | None, tuple[str, ...]]:
    """Mean waveforms of the units, and a note on spikes without a template."""
    W, U, Wrot = rez.array("W"), rez.array("U"), rez.array("Wrot")
    if W is None or U is None or template is None or W.ndim != 3 or U.ndim != 3:
        return None, ()
    mu = rez.array("mu")
    waveforms = low_rank_waveforms(W, U, None if mu is None else mu.ravel(), Wrot, trains, template)
    return waveforms, lost_templates_notes(template, W.shape[1], name)


def _raw_files(rez: _Rez) -> RawFileInfo | None:
    n_channels = rez.number("ops/NchanTOT")
    if n_channels is None:
        return None
    file = rez.text("ops/fbinary")
    return RawFileInfo((file,) if file else (), int(n_channels), "int16")


def _intermediates(rez: _Rez, sampling_hz: float) -> SorterIntermediates:
    iorig = as_int64(rez.array("iorig"), first=1)
    batch_s = (rez.number("ops/NT") or DEFAULT_BATCH_SAMPLES) / sampling_hz
    return SorterIntermediates(
        traces=_traces(rez),
        whitening=as_float64(rez.array("Wrot")),
        drift=drift_of_batches(rez.array("dshift"), rez.first_array("yblk", "ops/yblk"), batch_s),
        ccb0=as_float64(rez.first_array("ccb0", "ccb")),
        ccbsort=as_float64(rez.array("ccbsort")),
        iorig=iorig,
        batch_time_s=None if iorig is None else batch_middles_s(iorig.size, batch_s),
    )


def _traces(rez: _Rez) -> PreprocessedTraces | None:
    """The traces in `ops.fproc`, if the file still exists."""
    path, U = rez.text("ops/fproc"), rez.array("U")
    if path is None or U is None or not Path(path).is_file():
        return None
    return int16_traces(Path(path), len(U))
