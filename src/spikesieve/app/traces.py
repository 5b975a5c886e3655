"""The traces of the result that is shown: learned once, computed in tiles, kept while there is room."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from threadpoolctl import ThreadpoolController

from spikesieve.errors import InputError, SpikesieveError
from spikesieve.model import F32, Overview
from spikesieve.views.trace_reader import Arrays, Part, TraceReader
from spikesieve.views.traces import Kind

MAX_KEPT_BYTES = 256 * 2**20


@dataclass(eq=False)
class Traces:
    """The traces of a result.

    Attributes
    ----------
    plain : callable
        Gives what reads the file, and high-passes it: nothing has to be learned for that.
    learn : callable
        Learns the preprocessing, which takes some seconds, and returns what reads everything.
    look_over : callable
        Gives the overview of the whole recording, which may take some seconds.
    has_prediction : bool
        Whether it is known what the units explain.
    note : str
        A sentence on the preprocessing.
    """

    plain: Callable[[], TraceReader]
    learn: Callable[[], TraceReader]
    look_over: Callable[[], Overview]
    has_prediction: bool = False
    note: str = ""
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    """Part of each address, so that a browser does not show tiles of another result that had this address."""
    _reader: TraceReader | None = None
    _overview: Overview | None = None
    _looking_over: threading.Lock = field(default_factory=threading.Lock)
    _learning: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: OrderedDict[tuple[str, int], Arrays] = field(default_factory=OrderedDict)
    _computing: dict[tuple[str, int], threading.Lock] = field(default_factory=dict)

    def get(self, kind: Kind, index: int) -> F32:
        """Compute a tile of traces.

        Parameters
        ----------
        kind : Kind
            What is asked for.
        index : int
            Place of the tile in time.

        Returns
        -------
        ndarray of float32, shape (n_contacts, 8192)
            The traces; do not change them.

        Raises
        ------
        InputError
            The file cannot be read, or there is no prediction.
        """
        if not self.has_prediction and kind.endswith(("predicted", "residual")):
            raise InputError("It is not known what the units explain of the traces.")
        reader = self.plain() if kind in ("raw", "highpassed") else self._learned()
        return reader.traces(kind, lambda part: self._part(reader, part, index))

    def learn_ahead(self) -> None:
        """Begin to learn the preprocessing, if that has not begun. It will soon be asked for."""
        threading.Thread(target=self._learn_quietly, daemon=True).start()

    def overview(self) -> Overview:
        """Look over the whole recording.

        Returns
        -------
        Overview
            It is made once.
        """
        with self._looking_over:
            if self._overview is None:
                self._overview = self.look_over()
            return self._overview

    def _learn_quietly(self) -> None:
        with suppress(SpikesieveError):  # whoever asks for a tile is told
            self._learned()

    def _learned(self) -> TraceReader:
        with self._learning:
            if self._reader is None:
                self._reader = self.learn()
            return self._reader

    def _part(self, reader: TraceReader, part: Part, index: int) -> Arrays:
        """A part that was kept, or a new one. Two requests for the same part wait for one computation."""
        key = part, index
        with self._lock:
            computing = self._computing.setdefault(key, threading.Lock())
        with computing:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
            # Small matrices: several threads for each take many times as long, and the sorter uses one as well.
            with ThreadpoolController().limit(limits=1):
                made = reader.part(part, index)
            with self._lock:
                self._keep(key, made)
            return made

    def _keep(self, key: tuple[str, int], made: Arrays) -> None:
        self._kept[key] = made
        self._computing.pop(key, None)
        held = sum(array.nbytes for arrays in self._kept.values() for array in arrays)
        while held > MAX_KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            held -= sum(array.nbytes for array in oldest)
