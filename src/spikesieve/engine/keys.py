"""Keys of steps: a digest of everything that the result of a step depends on."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel

from spikesieve.engine.codec import whole_file
from spikesieve.engine.forgotten import ForgottenArray

KEY_CHARACTERS = 20
# Metadata of a dataclass field on which no result depends, such as the number of workers.
NOT_IN_KEY = {"in_key": False}


@runtime_checkable
class HasFingerprint(Protocol):
    """An input that identifies its own contents, such as a recording on disk."""

    def fingerprint(self) -> str:
        """Identify the contents.

        Returns
        -------
        str
            Equal for equal contents.
        """


def key_of(parts: tuple[object, ...], root: Path) -> str:
    """Digest the inputs of a step.

    Parameters
    ----------
    parts : tuple of object
        Name and version of the step, then its inputs: dataclasses of arrays, parameter models, numbers, texts.
    root : Path
        Folder of the steps. An array that another step stored there is identified by its path, which contains the key
        of that step, so that large arrays are not read.

    Returns
    -------
    str
        20 hexadecimal digits.

    Raises
    ------
    TypeError
        An input has no digest, such as a function.

    Examples
    --------
    >>> same = [key_of(("detect", 1, np.arange(3)), Path(".")) for _ in range(2)]
    >>> same[0] == same[1], same[0] == key_of(("detect", 1, np.arange(4)), Path("."))
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=KEY_CHARACTERS // 2)
    _feed(digest, parts, root.resolve())
    return digest.hexdigest()


def _feed(digest: Any, value: object, root: Path) -> None:
    """Add a value and its kind to the digest."""
    if isinstance(value, np.ndarray | ForgottenArray):
        _feed_array(digest, value, root)
    elif isinstance(value, HasFingerprint):
        _feed_text(digest, "fingerprint", value.fingerprint())
    elif isinstance(value, BaseModel):
        _feed_text(digest, type(value).__qualname__, repr(value.model_dump()))
    elif isinstance(value, Enum):
        _feed_text(digest, type(value).__qualname__, value.name)
    elif is_dataclass(value) and not isinstance(value, type):
        own = [field for field in fields(value) if field.init and field.metadata.get("in_key", True)]
        _feed_text(digest, type(value).__qualname__, ",".join(field.name for field in own))
        for field in own:
            _feed(digest, getattr(value, field.name), root)
    elif isinstance(value, tuple | list):
        _feed_text(digest, "sequence", str(len(value)))
        for each in value:
            _feed(digest, each, root)
    elif value is None or isinstance(value, bool | int | float | str):
        _feed_text(digest, type(value).__name__, repr(value))
    else:
        raise TypeError(f"A step cannot depend on a {type(value).__name__}: it has no digest.")


def _feed_array(digest: Any, array: np.ndarray[Any, Any] | ForgottenArray, root: Path) -> None:
    place = whole_file(array)
    if isinstance(array, ForgottenArray) or (place is not None and place.resolve().is_relative_to(root)):
        _feed_text(digest, "stored", Path(str(place)).resolve().relative_to(root).as_posix())
        return
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    _feed_text(digest, "array", f"{np.lib.format.dtype_to_descr(array.dtype)} {array.shape} {order}")
    digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")


def _feed_text(digest: Any, kind: str, text: str) -> None:
    # The length is included, so that different sequences of texts never give the same bytes.
    digest.update(f"{kind}:{len(text)}:{text};".encode())
