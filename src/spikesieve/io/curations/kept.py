"""What takes long to compute of a result, kept on disk for the next start: arrays that are mapped, and facts.

What is damaged, or of other inputs, is as good as nothing: all of it can be computed again.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.io.plain_arrays import load_npy

logger = logging.getLogger(__name__)

VERSION = 2
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another text after each start of the machine, on Linux."""


@dataclass(frozen=True)
class Kept:
    """A folder of things that are kept. Each is a JSON text behind a checksum, and the arrays it names.

    Attributes
    ----------
    folder : Path
        The folder. It need not exist.
    may_write : bool
        Whether things are added to it.
    """

    folder: Path
    may_write: bool = True

    def read(self, name: str, key: object) -> tuple[dict[str, NDArray[Any]], Any] | None:
        """Read something that was kept.

        Parameters
        ----------
        name : str
            What it is.
        key : object
            What it was computed from, for JSON.

        Returns
        -------
        (dict of str to ndarray, object) or None
            The arrays, mapped, and the facts; None if there is nothing, or it is of something else, or damaged.
        """
        path = self.folder / f"{name}.json"
        try:
            checksum, _, text = path.read_bytes().partition(b" ")
            if int(checksum, 16) != zlib.crc32(text):
                raise ValueError("its checksum is another")
            found = json.loads(text)
            if found["version"] != VERSION or found["key"] != json.loads(json.dumps(key)):
                return None
            was, now = found["state"], self._state(name, found["arrays"])
            is_same = bool(was) and was == now
            arrays = {which: self._array(name, which, crc32, is_same) for which, crc32 in found["arrays"].items()}
            return arrays, found["facts"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            logger.info("%s is not used: %r", path, error)
            return None

    def write(self, name: str, key: object, arrays: Mapping[str, NDArray[Any]], facts: object = None) -> None:
        """Keep something, in one step: a reader finds all of it, or what was there before. No room is no fault.

        Parameters
        ----------
        name : str
            What it is.
        key : object
            What it was computed from, for JSON.
        arrays : mapping of str to ndarray
            Arrays of numbers.
        facts : object, optional
            Anything for JSON.
        """
        if not self.may_write:
            return
        checksums = {which: _crc32(array) for which, array in arrays.items()}
        files = [self._file(name, which, crc32) for which, crc32 in checksums.items()]
        new = self.folder / f"{name}.json.new"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path, array in zip(files, arrays.values(), strict=True):
                np.save(path, array)
            all_facts = {"key": key, "facts": facts, "arrays": checksums, "state": self._state(name, checksums)}
            text = json.dumps({"version": VERSION, **all_facts}).encode()
            new.write_bytes(b"%08x " % zlib.crc32(text) + text)
            new.replace(self.folder / f"{name}.json")
            self._remove(set(self.folder.glob(f"{name}.*.npy")) - set(files))
        except OSError as error:
            logger.info("%s of %s is not kept: %s", name, self.folder, error)
            self._remove([new, *files])

    def _state(self, name: str, checksums: Mapping[str, int]) -> dict[str, Any]:
        """State of the files of arrays since this machine was started; nothing where that is not known.

        While the machine runs, a file that is the same as it was written needs no look at its bytes. A crash of the
        machine may leave other ones.
        """
        if not BOOT.is_file():
            return {}
        files = stamp(self._file(name, which, int(crc32)) for which, crc32 in checksums.items())
        return {"boot": BOOT.read_text(encoding="ascii"), "files": files}

    def _array(self, name: str, which: str, crc32: int, is_same: bool) -> NDArray[Any]:
        array = np.asarray(load_npy(self._file(name, which, int(crc32)), is_mapped=True))
        if not is_same and _crc32(array) != crc32:
            raise ValueError(f"{which} has other bytes than were written")
        return array

    def _file(self, name: str, which: str, crc32: int) -> Path:
        return self.folder / f"{name}.{which}-{crc32:08x}.npy"

    @staticmethod
    def _remove(paths: Iterable[Path]) -> None:
        for path in paths:
            with suppress(OSError):
                path.unlink()


def _crc32(array: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data)


def stamp(paths: Iterable[Path]) -> dict[str, list[int]]:
    """Tell files apart from earlier ones of their names without reading them.

    Parameters
    ----------
    paths : iterable of Path
        The files. Those that are not there are left out.

    Returns
    -------
    dict of str to list of int
        Size, times of the last changes of content and of anything else in ns, and the number of the file.
    """
    states = {path.name: path.stat() for path in paths if path.is_file()}
    return {name: [one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino] for name, one in states.items()}
