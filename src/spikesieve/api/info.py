"""Says what a recording is, and whether it would be sorted, as `spikesieve info` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.api.probes import probes_of_group
from spikesieve.errors import InputError, OutputError
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits
from spikesieve.io.recordings.binary import Paths, as_paths
from spikesieve.io.recordings.open_input import RawOptions, open_recording
from spikesieve.io.recordings.registry import Recognised, commands_of_streams, probes_recorded_together, recognise
from spikesieve.io.recordings.segments import select_times
from spikesieve.kernels import CpuBackend
from spikesieve.model import F32, I64, Probe, Recording
from spikesieve.report.recording import TracesShown, draw_recording
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.byte_order import is_byte_swapped
from spikesieve.stages.channel_count import other_channel_count
from spikesieve.stages.preprocess import halo_samples, highpass

# Enough for the test of the number of channels, and read in a moment.
N_PIECES, VALUES_PER_PIECE = 5, 400_000
SHOWN_S, MAX_TRACES = 0.5, 32
DOTS_PER_INCH = 110


@dataclass(frozen=True, eq=False)
class RecordingInfo:
    """What is known of a recording before it is sorted.

    Attributes
    ----------
    format, why : str
        Its format, and what it was recognised by.
    streams : tuple of str
        Names of all streams; empty for plain numbers.
    recording : Recording or None
        The recording; None if one of several streams has to be chosen first.
    probe : Probe or None
        Its probe; None if it is not known.
    notes : tuple of str
        Sentences on what is unusual.
    problem : str or None
        Why it would not be sorted; None if it would.
    commands : tuple of str
        The command that sorts each stream or probe, where there are several.
    """

    format: str
    why: str
    streams: tuple[str, ...]
    recording: Recording | None
    probe: Probe | None
    notes: tuple[str, ...]
    problem: str | None
    commands: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Collect all facts under names, as numbers, texts and lists.

        Returns
        -------
        dict
            Ready for JSON.
        """
        facts: dict[str, Any] = {"format": self.format, "why": self.why, "streams": list(self.streams)}
        if self.recording is not None:
            facts |= _facts_of(self.recording, self.probe)
        if self.probe is not None:
            facts["probe"] = _probe_facts(self.probe)
        result = {"can_be_sorted": self.problem is None, "problem": self.problem, "commands": list(self.commands)}
        return facts | {"notes": list(self.notes)} | result


def recording_info(paths: Paths, options: RawOptions | None = None, probe: Path | str | None = None) -> RecordingInfo:
    """Look at a recording: its format, layout, times and probe, and whether it would be sorted.

    Some samples are read, to test whether the number of channels is right.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        Files or folders, as for `open_input`.
    options : RawOptions, optional
        As for `open_input`.
    probe : Path or str, optional
        Probe file or name. Default: the one that the recording names.

    Returns
    -------
    RecordingInfo
        What is known.

    Raises
    ------
    InputError
        If a file is missing or damaged, or if plain numbers lack an option.
    """
    options, files = options or RawOptions(), as_paths(paths)
    first = recognise(files[0], options.format)
    what, why, streams = _described(first)
    if first is not None and options.stream is None and _n_sortable(first) != 1 and len(streams) > 1:
        together = probes_recorded_together(first)
        problem = None if together else f"It has {_n_sortable(first)} streams with spikes. Choose one with --stream."
        return RecordingInfo(what, why, streams, None, None, _together(together), problem, commands_of_streams(first))
    opened = open_recording(files, options, probe is not None)
    recording = select_times(opened.recording, options.time_range_s, options.exclude_s)
    contacts = opened.probe if probe is None else read_probe(probe)
    group = () if probe is None else probes_of_group(str(probe))
    commands = tuple(f"spikesieve sort {files[0]} --probe {spec} --out ..." for spec in group)
    notes = [*_together(group), *opened.notes, *(() if contacts is None else probe_warnings(contacts))]
    if not recording.has_gain:
        notes.append("No gain is known, so amplitudes are in raw numbers, not µV. Give --gain-uv.")
    problem = _problem(recording, contacts)
    return RecordingInfo(what, why, streams, recording, contacts, tuple(notes), problem, commands)


def draw_recording_info(info: RecordingInfo, path: Path) -> None:
    """Draw the probe and half a second of traces, raw and high-passed, from the middle of the recording.

    Parameters
    ----------
    info : RecordingInfo
        What `recording_info` returned.
    path : Path
        The picture: .png, .pdf or .svg.

    Raises
    ------
    InputError
        If the recording or the probe is not known, or a file can no longer be read.
    OutputError
        If the picture cannot be written.
    """
    if info.recording is None:
        raise InputError("There is no picture of several streams. Choose one with --stream.")
    probe = info.probe or _columns_as_probe(info.recording)
    require_fits(probe, info.recording.n_channels, info.recording.name)
    figure = draw_recording(_traces_shown(info.recording, probe, info.probe is not None))
    try:
        figure.savefig(path, dpi=DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        raise OutputError(f"The picture {path} cannot be written: {error}. Give a name that ends in .png.") from error


def _together(probes: Sequence[str]) -> tuple[str, ...]:
    return (f"It has {len(probes)} probes, which `spikesieve sort` sorts one after another.",) if probes else ()


def _described(recognised: Recognised | None) -> tuple[str, str, tuple[str, ...]]:
    if recognised is None:
        return "plain numbers", "no format was recognised, or --format raw was given", ()
    streams = tuple(stream.name for stream in recognised.found.streams)
    return recognised.format.title, recognised.found.why, streams


def _n_sortable(recognised: Recognised) -> int:
    return sum(stream.is_sortable for stream in recognised.found.streams)


def _problem(recording: Recording, probe: Probe | None) -> str | None:
    pieces = _pieces(recording)
    if is_byte_swapped(pieces):
        return (
            "Its numbers make sense only with their bytes swapped: they are big-endian. Write them as little-endian, "
            "in NumPy: np.fromfile(PATH, '>i2').astype('<i2').tofile(NEW_PATH)."
        )
    n_channels = other_channel_count(pieces)
    if n_channels is not None:
        return (
            f"Its samples repeat every {n_channels} numbers, not every {recording.n_channels}: it seems to have "
            f"{n_channels} channels. Check --channels."
        )
    if probe is None:
        return "Its files do not say where the contacts are. Give the probe with --probe."
    try:
        require_fits(probe, recording.n_channels, recording.name)
    except InputError as error:
        return str(error)
    return None


def _pieces(recording: Recording) -> list[NDArray[np.generic]]:
    """Some uninterrupted parts of the samples, evenly spaced. No sample is in two of them."""
    longest = max(1, VALUES_PER_PIECE // recording.n_channels)
    chosen = np.linspace(0, len(recording.segments) - 1, N_PIECES).round().astype(int)
    pieces = []
    for index, turns in zip(*np.unique(chosen, return_counts=True), strict=True):
        start, stop = recording.segments[index]
        n = min(longest, stop - start)
        n_pieces = min(int(turns), (stop - start) // n)
        firsts = np.linspace(start, stop - n, n_pieces).astype(int).tolist()
        pieces += [recording.read(first, first + n) for first in firsts]
    return pieces


def _facts_of(recording: Recording, probe: Probe | None) -> dict[str, Any]:
    # Sync and analog inputs have gains of their own.
    columns = slice(None) if probe is None or probe.channels.max() >= recording.n_channels else probe.channels
    gains, limits = np.unique(recording.gain_uv[columns]), recording.range_raw
    gaps_s = () if recording.clock is None else recording.clock.gaps_s(recording.sampling_hz)
    starts = () if recording.clock is None else recording.clock.starts[1:]
    return {
        "files": list(recording.paths),
        "n_channels": recording.n_channels,
        "sampling_hz": recording.sampling_hz,
        "gain_uv": gains.tolist() if recording.has_gain else [],
        "n_samples": recording.n_samples,
        "duration_s": recording.n_samples / recording.sampling_hz,
        "sorted_s": recording.duration_s,
        "n_segments": len(recording.segments),
        "clock_start_s": None if recording.clock is None else recording.clock.times_s[0],
        "gaps": [
            {"sample": sample, "gap_s": gap_s}
            for sample, gap_s in zip(starts, gaps_s, strict=True)
            if abs(gap_s) > 0.5 / recording.sampling_hz
        ],
        "converter_bits": None if limits is None else int(np.ceil(np.log2(limits[1] - limits[0] + 1))),
        "converter_range_raw": limits,
    }


def _probe_facts(probe: Probe) -> dict[str, Any]:
    low, high = probe.positions_um.min(axis=0), probe.positions_um.max(axis=0)
    return {
        "name": probe.name,
        "n_contacts": probe.n_contacts,
        "n_shanks": len(np.unique(probe.shanks)),
        "x_um": [float(low[0]), float(high[0])],
        "y_um": [float(low[1]), float(high[1])],
    }


def _columns_as_probe(recording: Recording) -> Probe:
    """The channels in the order of the file, one above the other."""
    channels = np.arange(recording.n_channels)
    return Probe(np.stack([np.zeros(len(channels)), channels], axis=1), channels, np.zeros(len(channels), np.int64))


def _traces_shown(recording: Recording, probe: Probe, has_probe: bool) -> TracesShown:
    start, stop = max(recording.segments, key=lambda segment: segment[1] - segment[0])
    n_shown = min(round(SHOWN_S * recording.sampling_hz), stop - start)
    first = start + (stop - start - n_shown) // 2
    contacts = _evenly_spaced(probe)
    cutoff_hz = min(PreprocessParams().highpass_cutoff_hz, recording.sampling_hz / 4)
    halo = halo_samples(recording.sampling_hz, cutoff_hz)
    low, high = max(start, first - halo), min(stop, first + n_shown + halo)
    raw_uv: F32 = np.ascontiguousarray(recording.read_uv(low, high, probe.channels[contacts]).T)
    filtered = highpass(np.nan_to_num(raw_uv), recording.sampling_hz, cutoff_hz, CpuBackend())
    inner = slice(first - low, first - low + n_shown)
    return TracesShown(
        probe=probe,
        contacts=contacts,
        raw_uv=raw_uv[:, inner],
        filtered_uv=filtered[:, inner],
        sampling_hz=recording.sampling_hz,
        start_s=first / recording.sampling_hz,
        unit="µV" if recording.has_gain else "raw numbers",
        name=recording.name,
        has_places=has_probe,
    )


def _evenly_spaced(probe: Probe) -> I64:
    """Some contacts from the lowest to the highest, shank by shank."""
    order = np.lexsort((probe.positions_um[:, 0], probe.positions_um[:, 1], probe.shanks))
    chosen: I64 = order[np.unique(np.linspace(0, len(order) - 1, MAX_TRACES).round().astype(np.int64))]
    return chosen
