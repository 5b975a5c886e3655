"""Open what the user wants sorted, whatever its format, and its probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits
from spikesieve.io.recordings.binary import Paths, as_paths, read_recording, require_numbers
from spikesieve.io.recordings.formats.base import Opened
from spikesieve.io.recordings.join import join
from spikesieve.io.recordings.plain_files import advice_on, file_size_bytes, readable, require_plain
from spikesieve.io.recordings.registry import FORMATS, choose_stream, recognise
from spikesieve.io.recordings.segments import Interval, select_times
from spikesieve.model import Probe, Recording
from spikesieve.model.text import counted


@dataclass(frozen=True)
class RawOptions:
    """How to read files. None: take it from the recording, if its format says it.

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
    format : str or None
        Name of the format; None: it is found out. "raw": plain numbers, whatever lies beside them.
    stream : str or None
        Name of the stream; None: the only one that can be sorted.

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
    format: str | None = None
    stream: str | None = None


def open_input(
    paths: Paths, options: RawOptions, probe_spec: Path | str | None = None
) -> tuple[Recording, Probe, tuple[str, ...]]:
    """Open a recording and its probe.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        A file or folder of any format in `FORMATS` or of plain numbers, or several in order of time.
    options : RawOptions
        How to read them. A rate or gain given here wins over what the files say.
    probe_spec : Path or str, optional
        Probe file or name, see `read_probe`. Default: the one that the recording names.

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
        If the number of channels, the sampling rate or the probe is unknown, if files are damaged or disagree, if
        there are several streams, or if the probe does not fit; also as `read_recording`, `select_times` and
        `read_probe`.
    """
    opened = open_recording(paths, options, has_probe=probe_spec is not None)
    recording, notes = opened.recording, list(opened.notes)
    probe = opened.probe if probe_spec is None else read_probe(probe_spec)
    if probe is None:
        why = " ".join(notes) or "its files do not say where the contacts are."
        raise InputError(f"{recording.name} needs the probe (--probe): {why}")
    if str(probe_spec) == f"tetrode:{recording.n_channels}" and recording.n_channels % 4 == 0:
        # Four contacts per channel are impossible, so the user gave the number of channels.
        n_tetrodes = recording.n_channels // 4
        probe = read_probe(f"tetrode:{n_tetrodes}")
        notes.append(
            f"{probe_spec} was read as {counted(n_tetrodes, 'tetrode')}, because {recording.name} has "
            f"{recording.n_channels} channels."
        )
    require_fits(probe, recording.n_channels, recording.name)
    notes += probe_warnings(probe)
    if not recording.has_gain:
        notes.append("No gain is known, so amplitudes are in raw numbers, not µV. Give --gain-uv.")
    return select_times(recording, options.time_range_s, options.exclude_s), probe, tuple(notes)


@readable("The recording")
def open_recording(paths: Paths, options: RawOptions, has_probe: bool = False) -> Opened:
    """Open files without selecting times.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        Files or folders, in order of time.
    options : RawOptions
        How to read them.
    has_probe : bool, optional
        Whether a probe is given, so that those of the files do not matter.

    Returns
    -------
    Opened
        One recording; its probe if the files say where the contacts are.

    Raises
    ------
    InputError
        As `open_input`.
    """
    files = as_paths(paths)
    recognised = [recognise(path, options.format) for path in files]
    known = [each for each in recognised if each is not None]
    if not known:
        return _open_raw(files, options, has_probe)
    if len(known) < len(files):
        plain = files[recognised.index(None)]
        raise InputError(
            f"{known[0].path} is {known[0].format.title}, but the format of {plain} was not recognised. Sort them one "
            "by one, or give --format raw to read all of them as plain numbers."
        )
    parts = [part for each in known for part in choose_stream(each, options.stream).open()]
    return join([_as_given(part, options, has_probe) for part in parts])


def _as_given(opened: Opened, options: RawOptions, has_probe: bool) -> Opened:
    """A part with the rate and gain that were given. How its numbers lie in the file is not up to choice."""
    recording = opened.recording
    if options.n_channels not in (None, recording.n_channels) or options.header_bytes or options.dtype != "int16":
        raise InputError(
            f"{recording.name} has {recording.n_channels} channels, and the type and place of its samples are known. "
            "Leave out --channels, --dtype and --header-bytes, or give --format raw as well to read it as plain "
            "numbers."
        )
    require_numbers(recording.n_channels, options.sampling_hz or recording.sampling_hz, options.gain_uv, 0)
    if options.sampling_hz is not None:
        recording = replace(recording, sampling_hz=options.sampling_hz)
    if options.gain_uv is not None:
        recording = replace(recording, gain_uv=np.array(options.gain_uv), has_gain=True)
    return replace(opened, recording=recording, probe=None if has_probe else opened.probe)


def _open_raw(files: Sequence[Path], options: RawOptions, has_probe: bool) -> Opened:
    for file in files:
        file_size_bytes(file)  # report a wrong name before anything else
        if options.format is None and not options.header_bytes:
            require_plain(file)
    n_channels, sampling_hz = options.n_channels, options.sampling_hz
    if n_channels is None or sampling_hz is None:
        needed = {
            "the number of channels (--channels)": n_channels is not None,
            "the sampling rate (--sampling-hz)": sampling_hz is not None,
            "the probe (--probe)": has_probe,
        }
        raise _missing(files[0], [what for what, is_known in needed.items() if not is_known])
    return Opened(read_recording(files, n_channels, sampling_hz, options.dtype, options.gain_uv, options.header_bytes))


def _missing(path: Path, what: Sequence[str]) -> InputError:
    titles = ", ".join(format_.title for format_ in FORMATS)
    advice = advice_on(path)
    return InputError(
        f"{path} needs {', '.join(what)}. The file itself does not say, and it was not recognised as a recording that "
        f"does ({titles}).{advice and ' '}{advice}"
    )
