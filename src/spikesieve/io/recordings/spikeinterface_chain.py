"""What a SpikeInterface recording is made of: its preprocessing, from the file on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from types import TracebackType

PHASE_SHIFT = "PhaseShiftRecording"
"""Brings channels to one time, but leaves their property inter_sample_shift as it was."""

SAFE_MODULES = ("spikeinterface.core.", "spikeinterface.preprocessing.", "spikeinterface.sortingcomponents.motion.")
"""Their recordings are plain arithmetic on arrays, mapped files and Zarr, which threads may call at the same time."""

SAFE_READERS = (
    "SpikeGLXRecordingExtractor",
    "OpenEphysBinaryRecordingExtractor",
    "IntanRecordingExtractor",
    "BlackrockRecordingExtractor",
    "NeuroScopeRecordingExtractor",
    "CompressedBinaryIblExtractor",
    "NwbRecordingExtractor",
)
"""Readers that map the file anew for each call, or have a lock of their own."""

UNSAFE = ("deepinterpolation", "old_api")
"""Parts of safe modules that are not: a network, and readers of another library."""


def chain_of(source: object) -> Iterator[object]:
    """List a recording and all that it is made from.

    Parameters
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.

    Yields
    ------
    object
        The recording, then its parents.
    """
    yield source
    for value in getattr(source, "_kwargs", {}).values():
        several = (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
        )
        for each in several:
            if hasattr(each, "get_traces"):
                yield from chain_of(each)


def safe_in_threads(source: object) -> bool:
    """Tell whether threads may read a recording at the same time.

    Parameters
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.

    Returns
    -------
    bool
        True only if all that it is made from is known to be safe.
    """
    return all(_is_safe(type(each)) for each in chain_of(source))


def is_phase_shifted(source: object) -> bool:
    """Tell whether a recording's channels were brought to one time by SpikeInterface's `phase_shift`.

    Parameters
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.

    Returns
    -------
    bool
        Whether its chain has such a step.
    """
    return any(type(each).__name__ == PHASE_SHIFT for each in chain_of(source))


def _is_safe(kind: type[object]) -> bool:
    is_known = kind.__module__.startswith(SAFE_MODULES) and not any(part in kind.__module__ for part in UNSAFE)
    return is_known or kind.__name__ in SAFE_READERS


class OneAtATime:
    """A lock that lets one thread read at a time, or none where that is not needed. It pickles unlocked.

    Parameters
    ----------
    is_needed : bool
        Whether threads have to wait for each other.

    Examples
    --------
    >>> with OneAtATime(True) as lock:
    ...     lock.is_needed
    True
    """

    def __init__(self, is_needed: bool) -> None:
        self.is_needed = is_needed
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[OneAtATime], tuple[bool]]:
        return OneAtATime, (self.is_needed,)

    def __enter__(self) -> OneAtATime:
        if self.is_needed:
            self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_needed:
            self._lock.release()
