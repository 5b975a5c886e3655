"""Open what the user wants sorted: raw files and a probe, with missing options from SpikeGLX metadata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits
from spikesieve.io.recordings.binary import Paths, as_paths, file_size_bytes, read_recording
from spikesieve.io.recordings.segments import Interval, select_times
from spikesieve.io.recordings.spikeglx import SpikeGlxMeta, read_spikeglx_meta
from spikesieve.model import Probe, Recording

# The calibrated rate of one probe differs a little from run to run. A larger relative difference is another setting.
SAME_RATE = 1e-4


@dataclass(frozen=True)
class RawOptions:
    """How to read raw files. None: take it from the `.meta` file beside the raw file.

    Attributes
    ----------
    n_channels : int or None
        Number of channels (columns of the file).
    sampling_hz : float or None
        Sampling rate in Hz.
    dtype : str
        Type of the samples: "int16", "uint16", "int32" or "float32".
    gain_uv : float or None
        uV per raw number.
    header_bytes : int
        Bytes to skip at the start of each file.
    time_range_s : tuple of float or None
        Start and end in s of the part to sort; None: everything.
    exclude_s : tuple of tuple of float
        Intervals (start, end) in s to exclude.

    Examples
    --------
    >>> RawOptions(n_channels=385, sampling_hz=30_000.0, gain_uv=2.34).dtype
    'int16'
    """

    n_channels: int | None = None
    sampling_hz: float | None = None
    dtype: str = "int16"
    gain_uv: float | None = None
    header_bytes: int = 0
    time_range_s: Interval | None = None
    exclude_s: tuple[Interval, ...] = ()


def open_input(
    paths: Paths, options: RawOptions, probe_spec: Path | str | None = None
) -> tuple[Recording, Probe, tuple[str, ...]]:
    """Open raw files and their probe.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        One raw file, or several in order of time.
    options : RawOptions
        How to read them. Values given here win over those of the `.meta` files.
    probe_spec : Path or str, optional
        Probe file or name, see `read_probe`. Default: from the `.meta` file.

    Returns
    -------
    recording : Recording
        The recording.
    probe : Probe
        Its probe.
    notes : tuple of str
        Sentences for the user on what is unusual.

    Raises
    ------
    InputError
        If the number of channels, the sampling rate or the probe is unknown, if files or their metadata disagree, or
        if the probe does not fit; also as `read_recording`, `select_times` and `read_probe`.
    """
    files = as_paths(paths)
    for file in files:
        file_size_bytes(file)  # report a wrong name before anything else
    metas = [meta for meta in map(read_spikeglx_meta, files) if meta is not None]
    options = _completed(options, metas, has_probe=probe_spec is not None)
    probe = read_probe(probe_spec) if probe_spec is not None else metas[0].probe if metas else None
    if options.n_channels is None or options.sampling_hz is None or probe is None:
        raise _missing(files[0], options, probe)
    recording = read_recording(
        files, options.n_channels, options.sampling_hz, options.dtype, options.gain_uv, options.header_bytes
    )
    if metas and options.dtype == "int16":
        recording = replace(recording, range_raw=metas[0].range_raw)
    notes = [note for meta in metas for note in meta.notes]
    if str(probe_spec) == f"tetrode:{recording.n_channels}" and recording.n_channels % 4 == 0:
        # Four contacts per channel are impossible, so the user gave the number of channels.
        n_tetrodes = recording.n_channels // 4
        probe = read_probe(f"tetrode:{n_tetrodes}")
        notes.append(
            f"{probe_spec} was read as {n_tetrodes} tetrode(s), because {recording.name} has {recording.n_channels} "
            "channels."
        )
    require_fits(probe, recording.n_channels, recording.name)
    notes += probe_warnings(probe)
    if not recording.has_gain:
        notes.append("No gain is known, so amplitudes are in raw numbers, not µV. Give --gain-uv.")
    return select_times(recording, options.time_range_s, options.exclude_s), probe, tuple(notes)


def _completed(options: RawOptions, metas: Sequence[SpikeGlxMeta], has_probe: bool) -> RawOptions:
    """The options, completed from the .meta files; raises InputError if these disagree on what is missing."""
    if not metas:
        return options
    first = metas[0]
    n_channels = first.n_channels if options.n_channels is None else options.n_channels
    sampling_hz = first.sampling_hz if options.sampling_hz is None else options.sampling_hz
    gain_uv = first.gain_uv if options.gain_uv is None else options.gain_uv
    for other in metas[1:]:
        agreed = {
            "the number of channels (--channels)": options.n_channels is not None or other.n_channels == n_channels,
            "the sampling rate (--sampling-hz)": options.sampling_hz is not None
            or math.isclose(other.sampling_hz, sampling_hz, rel_tol=SAME_RATE),
            "the gain (--gain-uv)": options.gain_uv is not None or other.gain_uv == gain_uv,
            "the probe (--probe)": has_probe or _same_probe(first.probe, other.probe),
        }
        wrong = [what for what, agrees in agreed.items() if not agrees]
        if wrong:
            raise InputError(
                f"{first.path} and {other.path} disagree about {', '.join(wrong)}, so they cannot be one recording. "
                "Sort the files one by one, or give the value that holds for both."
            )
    return replace(options, n_channels=n_channels, sampling_hz=sampling_hz, gain_uv=gain_uv)


def _same_probe(a: Probe | None, b: Probe | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a.positions_um, b.positions_um) and np.array_equal(a.channels, b.channels)


def _missing(file: Path, options: RawOptions, probe: Probe | None) -> InputError:
    needed = {
        "the number of channels (--channels)": options.n_channels,
        "the sampling rate (--sampling-hz)": options.sampling_hz,
        "the probe (--probe)": probe,
    }
    missing = [what for what, value in needed.items() if value is None]
    return InputError(
        f"{file} needs {', '.join(missing)}. A raw file does not contain this, and no SpikeGLX .meta file beside it "
        "does."
    )
