"""A recording: where its samples come from and what its numbers mean. Nothing is read before it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model.clock import Clock
from spikesieve.model.sorted_time import SortedTime
from spikesieve.model.text import counted
from spikesieve.model.types import F32, F64, I64

# Values that are read at a time to fingerprint samples that only reading tells apart.
VALUES_PER_READ = 4_000_000


class ReadSamples(Protocol):
    """A source of raw samples: (start, stop) -> (stop - start, n_channels) in the file's own numbers."""

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Read samples start..stop-1 of the whole recording; never asked beyond its ends."""


@runtime_checkable
class Identifiable(Protocol):
    """A source of samples that can say which samples it has without reading all of them."""

    def identity(self) -> tuple[object, ...] | None:
        """Identify the samples without reading all of them.

        Returns
        -------
        tuple of object or None
            Values that differ if the samples differ: size, digest of pieces ... None if only the samples tell.
        """


@runtime_checkable
class Chunked(Protocol):
    """A source of samples that are compressed in chunks."""

    @property
    def bounds(self) -> tuple[int, ...]:
        """First sample of each chunk, then the number of all samples."""


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """A lazy recording: nothing is read until `read` or `read_uv` is called.

    Attributes
    ----------
    read : ReadSamples
        Source of the raw samples.
    n_samples : int
        Samples of all files together.
    n_channels : int
        Columns of the file.
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : ndarray of float64, shape (n_channels,)
        uV per raw number; 1.0 when unknown (see `has_gain`). A single number is taken for all channels.
    offset_raw : ndarray of float64, shape (n_channels,)
        Raw number that means 0 V (32768 for uint16). A single number is taken for all channels.
    range_raw : tuple of float or None
        Smallest and largest raw number that the converter can give; None when it has no limits (float).
    segments : tuple of (int, int)
        First sample and end of each part to sort; no filter crosses their ends. Default: one for each file.
    file_starts : tuple of int
        First sample of each file.
    has_gain : bool
        False when amplitudes are in raw numbers because no gain was given.
    name : str
        Name in logs and reports.
    paths : tuple of str
        The files, where there are any.
    clock : Clock or None
        Times of the session; None if they are unknown: files then follow one another without a gap.
    artifact_sample : ndarray of int64, shape (n_artifacts,)
        Samples of known artifacts, such as stimuli, ascending. The traces are blanked around them.
    channel_names : tuple of str, length n_channels or 0
        Name of each channel; empty where they have none.
    delay_samples : ndarray of float64, shape (n_channels,)
        How much later than the first channel each one is sampled, as a fraction of a sample: converters that serve
        several channels take them one after another. A single number is taken for all channels.
    is_filtered : bool
        Whether a high-pass has been applied already.
    not_voltage : tuple of int
        Channels that hold no voltage, or none whose gain is known. They are not sorted.

    Raises
    ------
    InputError
        For gains, offsets or delays that are not finite or not one for each channel, and segments that overlap or are
        empty.

    Examples
    --------
    >>> samples = np.array([[0, 10], [20, 30]], np.int16)
    >>> recording = Recording(lambda start, stop: samples[start:stop], 2, 2, 30_000.0, gain_uv=0.5)
    >>> recording.read_uv(0, 2, np.array([1]))
    array([[ 5.],
           [15.]], dtype=float32)
    """

    read: ReadSamples
    n_samples: int
    n_channels: int
    sampling_hz: float
    gain_uv: F64 = field(default_factory=lambda: np.array(1.0))
    offset_raw: F64 = field(default_factory=lambda: np.array(0.0))
    range_raw: tuple[float, float] | None = None
    segments: tuple[tuple[int, int], ...] = ()
    file_starts: tuple[int, ...] = (0,)
    has_gain: bool = True
    name: str = "recording"
    paths: tuple[str, ...] = ()
    clock: Clock | None = None
    artifact_sample: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    channel_names: tuple[str, ...] = ()
    delay_samples: F64 = field(default_factory=lambda: np.array(0.0))
    is_filtered: bool = False
    not_voltage: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, meaning in (("gain_uv", "gain"), ("offset_raw", "offset"), ("delay_samples", "delay")):
            object.__setattr__(self, name, self._for_each_channel(getattr(self, name), meaning))
        if not self.segments:
            bounds = [*self.file_starts, self.n_samples]
            object.__setattr__(self, "segments", tuple(pairwise(bounds)))
        bounds = [0, *(bound for segment in self.segments for bound in segment), self.n_samples]
        if any(first > second for first, second in pairwise(bounds)) or any(
            start == end for start, end in self.segments
        ):
            raise InputError(
                f"The segments must lie one after the other within the {self.n_samples} samples. Got {self.segments}."
            )

    def __repr__(self) -> str:
        seconds = self.n_samples / self.sampling_hz
        return (
            f"Recording {self.name!r}: {counted(self.n_channels, 'channel')} at {self.sampling_hz:g} Hz, "
            f"{counted(self.n_samples, 'sample')} ({seconds:.6g} s), {self._gain_text()}\n"
            f"  to sort: {self.duration_s:.6g} s in {counted(len(self.segments), 'segment')}"
        )

    @property
    def duration_s(self) -> float:
        """Seconds to sort: the segments, not the gaps between them."""
        return sum(stop - start for start, stop in self.segments) / self.sampling_hz

    @property
    def sorted_time(self) -> SortedTime:
        """The time to sort, before anything in it is known to be left out."""
        return SortedTime(self.segments, self.sampling_hz)

    def seconds(self, samples: I64) -> F64:
        """Convert samples to times of the session.

        Parameters
        ----------
        samples : ndarray of int64
            Samples since the first one of the recording.

        Returns
        -------
        ndarray of float64, same shape
            Times in s by `clock`; without one, since the first sample.

        Examples
        --------
        >>> recording = Recording(lambda start, stop: np.empty((0, 2)), 40, 2, 10.0, clock=Clock((0, 20), (5.0, 9.0)))
        >>> recording.seconds(np.array([10, 30]))
        array([ 6., 10.])
        """
        return (self.clock or Clock()).seconds(samples, self.sampling_hz)

    def read_uv(self, start: int, stop: int, channels: I64) -> F32:
        """Read samples in uV: (raw - offset_raw) * gain_uv in float32.

        Parameters
        ----------
        start, stop : int
            First sample and the one after the last, of the whole recording.
        channels : ndarray of int64, shape (n_selected,)
            Columns of the file, in any order.

        Returns
        -------
        ndarray of float32, shape (stop - start, n_selected)
            Samples in uV; each column is contiguous in memory.

        Raises
        ------
        InputError
            When a file can no longer be read.
        """
        raw = self.read(start, stop)
        # Values beyond float32 become infinite; preprocessing counts and reports them.
        with np.errstate(over="ignore", invalid="ignore"):
            uv: F32 = np.take(raw, channels, axis=1).T.astype(np.float32, order="C")
            uv -= self.offset_raw[channels, None].astype(np.float32)
            uv *= self.gain_uv[channels, None].astype(np.float32)
        return uv.T

    def range_uv(self, channels: I64) -> tuple[F64, F64] | None:
        """Compute the limits of the converter in uV.

        Parameters
        ----------
        channels : ndarray of int64, shape (n_selected,)
            Columns of the file.

        Returns
        -------
        tuple of two ndarray of float64, shape (n_selected,), or None
            Lowest and highest value of each channel in uV; None when the converter has no limits.

        Examples
        --------
        >>> recording = Recording(lambda start, stop: np.empty(0), 9, 2, 1.0, np.array([0.5, -1.0]), 0.0, (-8.0, 7.0))
        >>> recording.range_uv(np.array([0, 1]))
        (array([-4., -7.]), array([3.5, 8. ]))
        """
        if self.range_raw is None:
            return None
        ends = [(end - self.offset_raw[channels]) * self.gain_uv[channels] for end in self.range_raw]
        return np.minimum(*ends), np.maximum(*ends)

    def with_segments(self, segments: Sequence[tuple[int, int]]) -> Recording:
        """Choose which parts to sort.

        Parameters
        ----------
        segments : sequence of (int, int)
            First sample and end of each part, in order of time.

        Returns
        -------
        Recording
            The same recording with these segments.
        """
        return replace(self, segments=tuple(segments))

    def with_artifact_times(self, times_s: F64) -> Recording:
        """Name the times of known artifacts, such as stimuli, around which the traces are blanked.

        Parameters
        ----------
        times_s : ndarray of float64, shape (n_artifacts,)
            Seconds since the first sample of the first file, in any order.

        Returns
        -------
        Recording
            The same recording with these artifacts. The settings preprocess.artifact_before_ms and artifact_after_ms
            say how long each one is blanked.

        Raises
        ------
        InputError
            A time is not a number or outside the recording.

        Examples
        --------
        >>> samples = np.zeros((100, 2), np.int16)
        >>> recording = Recording(lambda start, stop: samples[start:stop], 100, 2, 1000.0)
        >>> recording.with_artifact_times(np.array([0.05, 0.01])).artifact_sample
        array([10, 50])
        """
        times_s = np.asarray(times_s, np.float64)
        length_s = self.n_samples / self.sampling_hz
        wrong = times_s[~((times_s >= 0) & (times_s <= length_s))]
        if times_s.ndim != 1 or wrong.size:
            raise InputError(
                f"Artifact times must be a list of seconds from 0 to {length_s:.6g}, the length of {self.name}. "
                f"Got {wrong[0] if wrong.size else times_s}."
            )
        return replace(self, artifact_sample=np.sort(np.round(times_s * self.sampling_hz).astype(np.int64)))

    def fingerprint(self) -> str:
        """Identify what a sort of this recording depends on: its samples, rate, gains, offsets, delays, segments ...

        Returns
        -------
        str
            Hexadecimal digest. Files count by size, by pieces spread over them, and by layout; arrays in memory and
            other sources by their bytes.

        Raises
        ------
        InputError
            When a file can no longer be found or read.

        Examples
        --------
        >>> samples = np.zeros((100, 2), np.int16)
        >>> recording = Recording(lambda start, stop: samples[start:stop], 100, 2, 30_000.0)
        >>> recording.fingerprint() == recording.with_segments([(0, 50)]).fingerprint()
        False
        """
        facts = (
            (int(self.n_samples), int(self.n_channels), float(self.sampling_hz)),
            self.range_raw and tuple(map(float, self.range_raw)),
            tuple((int(start), int(stop)) for start, stop in self.segments),
            bool(self.is_filtered),
            self.read.identity() if isinstance(self.read, Identifiable) else None,
        )
        digest = hashlib.blake2b(repr(facts).encode(), digest_size=32)
        for values in (self.gain_uv, self.offset_raw, self.delay_samples, self.artifact_sample):
            digest.update(values.tobytes())
        if facts[-1] is None:
            self._digest_samples(digest)
        return digest.hexdigest()

    def _digest_samples(self, digest: hashlib.blake2b) -> None:
        step = max(1, VALUES_PER_READ // self.n_channels)
        for start in range(0, self.n_samples, step):
            samples = self.read(start, min(start + step, self.n_samples))
            if start == 0:
                digest.update(samples.dtype.str.encode())
            digest.update(samples.tobytes())

    def _for_each_channel(self, values: F64 | float, meaning: str) -> F64:
        found = np.asarray(values, np.float64)
        if found.shape not in ((), (self.n_channels,)) or not np.isfinite(found).all():
            raise InputError(
                f"The {meaning} of {self.name} must be one finite number, or one for each of its "
                f"{self.n_channels} channels. Got {counted(found.size, 'number')}, of which "
                f"{np.count_nonzero(~np.isfinite(found))} not finite."
            )
        return np.broadcast_to(found, (self.n_channels,)).copy()

    def _gain_text(self) -> str:
        if not self.has_gain:
            return "no gain known"
        low, high = self.gain_uv.min(), self.gain_uv.max()
        return f"{low:g} µV per raw number" if low == high else f"{low:g} to {high:g} µV per raw number"
