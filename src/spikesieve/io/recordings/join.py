"""Files that follow one another as one recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, cast

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.recordings.chunks import Cached
from spikesieve.io.recordings.formats.base import Opened
from spikesieve.io.recordings.pieces import JoinedSamples
from spikesieve.model import Probe, ReadSamples, Recording
from spikesieve.model.clock import Clock

# The calibrated rate of one probe differs a little from run to run. A larger relative difference is another setting.
SAME_RATE = 1e-4


def join(parts: Sequence[Opened]) -> Opened:
    """Make one recording of several that follow one another.

    Spike times count on from one to the next, and no filter crosses a border. The clock stays if all parts have times
    of the same session.

    Parameters
    ----------
    parts : sequence of Opened
        At least one, in order of time.

    Returns
    -------
    Opened
        One recording, the probe of all, and all notes.

    Raises
    ------
    InputError
        If two parts disagree about channels, rate, gain or probe.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for other in parts[1:]:
        _require_same(first, other)
    recordings = [part.recording for part in parts]
    starts = (0, *accumulate(recording.n_samples for recording in recordings))
    clock, clock_notes = _clock(recordings, starts)
    joined = replace(
        first.recording,
        read=_joined_samples([recording.read for recording in recordings], starts),
        n_samples=starts[-1],
        segments=tuple(
            (start + a, start + b) for start, r in zip(starts, recordings, strict=False) for a, b in r.segments
        ),
        file_starts=tuple(start + a for start, r in zip(starts, recordings, strict=False) for a in r.file_starts),
        has_gain=all(recording.has_gain for recording in recordings),
        is_filtered=all(recording.is_filtered for recording in recordings),
        paths=tuple(path for recording in recordings for path in recording.paths),
        clock=clock,
    )
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Opened(joined, first.probe, (*notes, *clock_notes))


def _require_same(first: Opened, other: Opened) -> None:
    a, b = first.recording, other.recording
    agreed = {
        "the number of channels (--channels)": a.n_channels == b.n_channels,
        "the sampling rate (--sampling-hz)": math.isclose(a.sampling_hz, b.sampling_hz, rel_tol=SAME_RATE),
        "the gain (--gain-uv)": np.array_equal(a.gain_uv, b.gain_uv) and np.array_equal(a.offset_raw, b.offset_raw),
        "the probe (--probe)": _same_probe(first.probe, other.probe)
        and np.array_equal(a.delay_samples, b.delay_samples),
    }
    wrong = [what for what, agrees in agreed.items() if not agrees]
    if wrong:
        raise InputError(
            f"{_name(a)} and {_name(b)} disagree about {', '.join(wrong)}, so they cannot be one recording. "
            "Sort the files one by one, or give the value that holds for both."
        )


def _same_probe(a: Probe | None, b: Probe | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a.positions_um, b.positions_um) and np.array_equal(a.channels, b.channels)


def _joined_samples(parts: Sequence[ReadSamples], starts: tuple[int, ...]) -> ReadSamples:
    """One source; plain files of one layout stay plain files, which Phy can show."""
    files = [part for part in parts if isinstance(part, RawFiles)]
    layouts = {(file.n_channels, file.dtype, file.header_bytes) for file in files}
    if len(files) < len(parts) or len(layouts) > 1:
        return JoinedSamples(_sharing_a_cache(parts), starts)
    within = [start + a for start, file in zip(starts, files, strict=False) for a in file.starts[:-1]]
    return replace(files[0], paths=tuple(path for file in files for path in file.paths), starts=(*within, starts[-1]))


def _sharing_a_cache(parts: Sequence[ReadSamples]) -> tuple[ReadSamples, ...]:
    """Have all compressed files keep their chunks in one place, so that memory does not grow with their number."""
    cache = next((part.cache for part in parts if isinstance(part, Cached)), None)
    return tuple(
        cast(ReadSamples, replace(cast(Any, part), cache=cache)) if isinstance(part, Cached) else part for part in parts
    )


def _clock(recordings: Sequence[Recording], starts: Sequence[int]) -> tuple[Clock | None, tuple[str, ...]]:
    clocks = [recording.clock for recording in recordings if recording.clock is not None]
    sessions = {clock.session for clock in clocks}
    if not clocks:
        return None, ()
    if len(clocks) < len(recordings) or len(sessions) > 1 or "" in sessions:
        return None, (
            f"The times of {_name(recordings[0])} and the files after it are not of one session, so they are not used: "
            "times count on from file to file, and the time between them is not known.",
        )
    clock = Clock(
        tuple(start + a for start, each in zip(starts, clocks, strict=False) for a in each.starts),
        tuple(time_s for each in clocks for time_s in each.times_s),
        clocks[0].session,
        tuple(rate for each, r in zip(clocks, recordings, strict=True) for rate in each.rates(r.sampling_hz))
        if any(each.rates_hz for each in clocks)
        else (),
    )
    # A sample may be counted twice where one file ends and the next begins.
    if min(clock.gaps_s(recordings[0].sampling_hz)) < -2 / recordings[0].sampling_hz:
        return None, (
            f"The times of {_name(recordings[0])} and the files after it overlap, so they are not used: times count "
            "on from file to file. Check the order of the files.",
        )
    return clock, ()


def _name(recording: Recording) -> str:
    return recording.paths[0] if recording.paths else recording.name
