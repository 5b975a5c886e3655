"""Marks on the traces: what the page shows of them, and what it may add."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from spikesieve.app.session import user_name
from spikesieve.curation.marks import Mark
from spikesieve.errors import InputError


class AskedMark(BaseModel):
    """A mark as the page sends it.

    Attributes
    ----------
    number : int or None
        The mark that is changed; None for a new one.
    sample : int
        Sample of the recording.
    channel : int or None
        Channel of the file.
    text : str
        The note; empty takes the mark back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[int, Field(ge=1)] | None = None
    sample: Annotated[int, Field(ge=0)]
    channel: Annotated[int, Field(ge=0)] | None = None
    text: Annotated[str, Field(max_length=2000)]


@dataclass(eq=False)
class Marks:
    """All marks of a result.

    Attributes
    ----------
    known : dict of int to Mark
        By number.
    write : callable
        Writes a mark to the disk.
    """

    known: dict[int, Mark]
    write: Callable[[Mark], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, asked: AskedMark) -> dict[str, Any]:
        """Add a mark, or change one. When this returns, it is on the disk.

        Parameters
        ----------
        asked : AskedMark
            The request.

        Returns
        -------
        dict
            All marks, see `shown`.

        Raises
        ------
        InputError
            There is no such mark.
        OutputError
            It cannot be written.
        """
        with self._lock:
            if asked.number is not None and asked.number not in self.known:
                raise InputError(f"There is no mark {asked.number}.")
            number = asked.number or max(self.known, default=0) + 1
            now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
            mark = Mark(number, asked.sample, asked.channel, asked.text, user_name(), now)
            self.write(mark)
            self.known[number] = mark
        return self.shown()

    def shown(self) -> dict[str, Any]:
        """List the marks that were not taken back, in order of time.

        Returns
        -------
        dict
            For JSON.
        """
        there = sorted((mark for mark in self.known.values() if mark.text), key=lambda mark: (mark.sample, mark.number))
        return {"marks": [asdict(mark) for mark in there]}
