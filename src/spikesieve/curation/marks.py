"""Marks that people put on traces, with a note each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A place in the traces with a note.

    Attributes
    ----------
    number : int
        From 1 on. A later line with the same number replaces the mark.
    sample : int
        Sample of the recording.
    channel : int or None
        Channel of the file.
    text : str
        The note; empty if the mark was taken back.
    who, when : str
        Who made it, and the time with its zone.
    """

    number: int
    sample: int
    channel: int | None
    text: str
    who: str
    when: str
