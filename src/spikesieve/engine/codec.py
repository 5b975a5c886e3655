"""Saves a dataclass of arrays as a folder of `.npy` files and one JSON file, and reads it back; without pickle.

Numbers, texts and lists are stored as JSON. Everything else is a JSON object whose first key says what it is: `$array`
(a file), `$tuple`, `$dict`, `$dataclass`, `$params`, `$enum`. Only classes of spikesieve are accepted.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from spikesieve.engine.arrays import MappedArray, open_npy
from spikesieve.engine.checksums import checksums_of
from spikesieve.engine.forgotten import ForgottenArray, head_crc32, is_forgotten, open_forgotten
from spikesieve.model import RowsOnDemand

MANIFEST = "manifest.json"
# Smaller arrays are read into memory. Larger ones are mapped, so that they pickle as a path.
MAPPED_FROM_BYTES = 100_000
# A file takes a block of the disk, and its name, its checksum and its removal take time.
FILE_BYTES = 4096
PACKAGE = "spikesieve"
NOT_IN_NAMES = re.compile(r"[^\w.-]")

# What reading a folder raises that is incomplete, damaged, or of another version. Other errors of the system pass.
DAMAGE = (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, ImportError, RecursionError)


class DecodeError(ValueError):
    """A folder does not hold a complete result of a step."""


def save(value: object, folder: Path, root: Path, about: object = None) -> None:
    """Save a value in a folder; the manifest is written last, with the size and the checksums of each file.

    Parameters
    ----------
    value : object
        A dataclass, tuple, list, dict, parameter model, enum, array, number, text or None, nested to any depth.
    folder : Path
        An existing folder. Arrays that were already written there are not copied.
    root : Path
        Folder that holds the folders of all steps. Arrays of other steps are stored as a path, not copied.
    about : object, optional
        What `read_about` returns: anything that JSON can hold.

    Raises
    ------
    TypeError
        The value holds something else, such as a function or a NumPy scalar.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     save((np.arange(3), "text"), Path(root), Path(root))
    ...     load(Path(root), Path(root))
    (array([0, 1, 2]), 'text')
    """
    tree = _Writer(folder, root).encode(value, "value")
    own = [name for name in _files_in(tree) if not name.startswith("/")]
    content = {"files": {name: checksums_of(folder / name) for name in own}, "about": about, "value": tree}
    text = json.dumps({"crc32": _crc32(content), **content}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def load(folder: Path, root: Path, intact: set[Path] | None = None) -> Any:
    """Read what `save` wrote, if every file has the bytes that were written.

    Parameters
    ----------
    folder : Path
        The folder of a step.
    root : Path
        Folder that holds the folders of all steps.
    intact : set of Path, optional
        Files that are known to have the bytes that were written and are not read for that; those that are read are
        added.

    Returns
    -------
    object
        The value. Arrays of 100 kB or more are memory-mapped.

    Raises
    ------
    DecodeError
        A file is missing, cut short, unreadable or damaged, or names a class that spikesieve does not have.
    """
    known = set() if intact is None else intact
    try:
        tree = _content(folder)["value"]
        for name in _files_in(tree):
            path = _inside(name, folder, root)
            if path not in known:
                _require_intact(path)
                known.add(path)
        return _decode(tree, folder, root)
    except DAMAGE as error:
        raise DecodeError(f"{folder} does not hold a finished step: {error}") from error


def read_about(folder: Path) -> Any:
    """Read what was said about a value when it was saved.

    Parameters
    ----------
    folder : Path
        The folder of a step.

    Returns
    -------
    object
        The argument `about` of `save`.

    Raises
    ------
    DecodeError
        The folder does not hold a complete result of a step.
    """
    try:
        return _content(folder)["about"]
    except DAMAGE as error:
        raise DecodeError(f"{folder} does not hold a finished step: {error}") from error


def files_of(folder: Path) -> set[Path]:
    """List the files that a saved value consists of.

    Parameters
    ----------
    folder : Path
        The folder of a step.

    Returns
    -------
    set of Path
        The manifest and the arrays of this step, not those of other steps.
    """
    return {folder / MANIFEST, *(folder / name for name in _content(folder)["files"])}


def in_memory(value: Any) -> Any:
    """Replace arrays that are mapped, or computed when they are read, by arrays in memory.

    Parameters
    ----------
    value : object
        Anything that `save` accepts.

    Returns
    -------
    object
        The same value, without mapped files.
    """
    if isinstance(value, MappedArray):
        return np.array(value.view(np.ndarray))
    if isinstance(value, RowsOnDemand):
        return np.asarray(value)
    if is_dataclass(value) and not isinstance(value, type):
        kept = {field.name: in_memory(getattr(value, field.name)) for field in fields(value) if field.init}
        return type(value)(**kept)
    if type(value) in (tuple, list):
        return type(value)(map(in_memory, value))
    return value


def written_bytes(value: object) -> int:
    """Add up what the arrays in a value take on the disk, where each is a file.

    Parameters
    ----------
    value : object
        Anything that `save` accepts.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> written_bytes([(1, np.zeros(3)), np.zeros(2, np.int16)]) == 2 * FILE_BYTES + 28
    True
    """
    if isinstance(value, np.ndarray):
        return FILE_BYTES + value.nbytes
    if is_dataclass(value) and not isinstance(value, type):
        return sum(written_bytes(getattr(value, field.name)) for field in fields(value))
    return sum(map(written_bytes, value)) if isinstance(value, tuple | list) else 0


def _content(folder: Path) -> dict[str, Any]:
    """The manifest of a folder."""
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if content.pop("crc32") != _crc32(content):
        raise DecodeError(f"{folder / MANIFEST} is damaged.")
    return dict(content)


def _crc32(content: object) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _require_intact(path: Path) -> None:
    """Raise DecodeError if a file, or what is left of it, is not as the manifest beside it says."""
    expected = _content(path.parent)["files"][path.name]
    if ([head_crc32(path)] != expected[1:2]) if is_forgotten(path) else (checksums_of(path) != expected):
        raise DecodeError(f"{path} does not have the bytes that were written.")


def _files_in(tree: Any) -> list[str]:
    """Names of the arrays in the tree of a value."""
    if isinstance(tree, dict) and tree.keys() == {"$array"}:
        return [str(tree["$array"])]
    parts = tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ()
    return list(dict.fromkeys(name for part in parts for name in _files_in(part)))


@dataclass(frozen=True)
class _Writer:
    folder: Path
    root: Path
    # The arrays that were written, by their address: each is written once. They are held so that it stays theirs.
    written: dict[int, tuple[Any, str]] = field(default_factory=dict)

    def encode(self, value: object, name: str) -> Any:
        """Convert a value for JSON. Its arrays are written to files whose names begin with `name`."""
        if isinstance(value, Enum):
            return {"$enum": _class_name(type(value)), "name": value.name}
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.ndarray | ForgottenArray):
            return {"$array": self._array(value, name)}
        if isinstance(value, BaseModel):
            return {"$params": _class_name(type(value)), "values": value.model_dump(mode="json")}
        if is_dataclass(value) and not isinstance(value, type):
            parts = {f.name: self.encode(getattr(value, f.name), f"{name}.{f.name}") for f in fields(value) if f.init}
            return {"$dataclass": _class_name(type(value)), "fields": parts}
        if isinstance(value, tuple | list) and type(value) in (tuple, list):
            each_part = [self.encode(each, f"{name}.{i}") for i, each in enumerate(value)]
            return {"$tuple": each_part} if isinstance(value, tuple) else each_part
        if isinstance(value, dict) and all(type(key) is str for key in value):
            return {"$dict": {key: self.encode(each, f"{name}.{key}") for key, each in value.items()}}
        raise TypeError(f"{name} is a {type(value).__name__}, which a step cannot save.")

    def _array(self, array: Any, name: str) -> str:
        place = whole_file(array)
        if place is not None and place.is_relative_to(self.folder):
            return place.relative_to(self.folder).as_posix()
        if place is not None and place.is_relative_to(self.root):
            return f"/{place.relative_to(self.root).as_posix()}"
        if id(array) in self.written:
            return self.written[id(array)][1]
        # Names of two values may look the same when they are put together.
        path = self.folder / f"{NOT_IN_NAMES.sub('_', name)}.npy"
        if path.exists():
            path = self.folder / f"{path.stem}.{len(list(self.folder.iterdir()))}.npy"
        # Keeps the memory order of the array: sums in another order would round differently.
        np.save(path, array, allow_pickle=False)
        self.written[id(array)] = array, path.name
        return path.name


def whole_file(array: Any) -> Path | None:
    """Find the file of which a mapped array is the whole content.

    Parameters
    ----------
    array : ndarray or ForgottenArray
        Any array.

    Returns
    -------
    Path or None
        None for arrays in memory and for parts of mapped arrays.
    """
    if isinstance(array, ForgottenArray):
        return array.path
    if not isinstance(array, MappedArray) or getattr(array, "_mmap", None) is None:
        return None
    path = Path(str(array.filename))
    whole = open_npy(path, 0) if path.is_file() else None
    same = whole is not None and whole.shape == array.shape and whole.dtype == array.dtype
    return path if same and array.flags.c_contiguous else None


def _decode(tree: Any, folder: Path, root: Path) -> Any:
    if isinstance(tree, list):
        return [_decode(each, folder, root) for each in tree]
    if not isinstance(tree, dict):
        return tree
    match tree:
        case {"$array": name}:
            path = _inside(name, folder, root)
            return open_forgotten(path) if is_forgotten(path) else open_npy(path, MAPPED_FROM_BYTES)
        case {"$tuple": parts}:
            return tuple(_decode(each, folder, root) for each in parts)
        case {"$dict": parts}:
            return {key: _decode(each, folder, root) for key, each in parts.items()}
        case {"$enum": name, "name": member}:
            return _class(name, Enum)[member]
        case {"$params": name, "values": values}:
            return _class(name, BaseModel).model_validate(values)
        case {"$dataclass": name, "fields": parts}:
            return _class(name, object)(**{key: _decode(each, folder, root) for key, each in parts.items()})
    raise DecodeError(f"There is no kind of value with the keys {sorted(tree)}.")


def _inside(name: str, folder: Path, root: Path) -> Path:
    path = (root / name[1:] if name.startswith("/") else folder / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise DecodeError(f"{name} lies outside {root}.")
    return path


def _class_name(kind: type) -> str:
    if kind.__module__.partition(".")[0] != PACKAGE:
        raise TypeError(f"{kind.__qualname__} is no class of {PACKAGE}, which a step cannot save.")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str, base: type) -> Any:
    """The class of this name, if it is a dataclass, parameter model or enum of spikesieve."""
    module, _, qualname = name.partition(":")
    if module.partition(".")[0] != PACKAGE:
        raise DecodeError(f"{name} is no class of {PACKAGE}.")
    found = getattr(import_module(module), qualname)
    known = isinstance(found, type) and issubclass(found, base)
    if not known or not (is_dataclass(found) or issubclass(found, BaseModel | Enum)):
        raise DecodeError(f"{name} is no class that a step saves.")
    return found
