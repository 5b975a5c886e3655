"""From what a user names to what is sorted: raw files, options and a probe, completed from SpikeGLX metadata."""

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

# Rates of one probe differ by its calibration from run to run; a larger difference is another setting.
SAME_RATE = 1e-4


@dataclass(frozen=True)
class RawOptions:
    """What the user says about raw files; None means: take it from the `.meta` beside the file.

    n_channels    columns of the file
    sampling_hz   sampling rate in Hz
    dtype         int16, uint16, int32 or float32
    gain_uv       uV per raw number
    header_bytes  bytes to skip at the start of each file
    time_range_s  (start, end) in seconds; None: all
    exclude_s     intervals (start, end) in seconds to leave out
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
    """The recording, its probe, and sentences about what is odd with them.

    paths       one raw file, or several in order of time
    options     what is known about them; what is given here wins over the `.meta` files
    probe_spec  a probe file or name (`read_probe`); None: from the `.meta`

    Raises InputError when the channels, the rate or the probe are neither given nor found, when files or their metadata
    disagree, when the probe does not fit, and for all that `read_recording`, `select_times` and `read_probe` raise.
    """
    files = as_paths(paths)
    for file in files:
        file_size_bytes(file)  # a wrong name is the first thing to hear of
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
    if (
        probe_spec is not None
        and str(probe_spec) == f"tetrode:{recording.n_channels}"
        and recording.n_channels % 4 == 0
    ):
        # Four times as many contacts cannot be meant: the number is that of the channels.
        probe = read_probe(f"tetrode:{recording.n_channels // 4}")
        notes.append(
            f"{probe_spec} was read as {recording.n_channels // 4} tetrode(s), the {recording.n_channels} channels of "
            f"{recording.name}."
        )
    require_fits(probe, recording.n_channels, recording.name)
    notes += probe_warnings(probe)
    if not recording.has_gain:
        notes.append("No gain is known, so amplitudes are in raw numbers, not uV. Give --gain-uv.")
    return select_times(recording, options.time_range_s, options.exclude_s), probe, tuple(notes)


def _completed(options: RawOptions, metas: Sequence[SpikeGlxMeta], has_probe: bool) -> RawOptions:
    """The options, with what they leave open from the .meta files; raises InputError where those disagree on it."""
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
                f"{first.path} and {other.path} disagree about {', '.join(wrong)}, so their recordings are not one. "
                "Sort them one by one, or give what is right for both."
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
        f"{file} needs {', '.join(missing)}: neither given, nor told by a SpikeGLX .meta file beside it. "
        "A raw file does not tell them itself."
    )
