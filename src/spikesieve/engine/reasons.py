"""Says why a step is computed: what is other than in the step of the same name that was stored last."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from spikesieve.engine import codec


def settings_in(value: object, name: str = "") -> dict[str, str]:
    """List the settings in the inputs of a step.

    Parameters
    ----------
    value : object
        A dict, dataclass, parameter model, number or text.
    name : str, optional
        Name of the value.

    Returns
    -------
    dict of str to str
        Each number and text, by the names that lead to it. Arrays are left out.

    Examples
    --------
    >>> settings_in({"threshold": 8.0, "spikes": {"name": "detected"}})
    {'threshold': '8.0', 'spikes.name': "'detected'"}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return {name: repr(value)}
    if isinstance(value, Enum):
        return {name: value.name}
    parts: dict[str, Any] = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, BaseModel):
        parts = dict(value)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    found: dict[str, str] = {}
    for key, part in parts.items():
        found |= settings_in(part, f"{name}.{key}" if name else key)
    return found


def reason(root: Path, folder: Path, about: dict[str, Any]) -> str:
    """Say why a step is computed.

    Parameters
    ----------
    root : Path
        Folder of all steps.
    folder : Path
        The folder that the step will have: its name and its key.
    about : dict
        "code", "inputs" and "settings" of the step.

    Returns
    -------
    str
        The end of a sentence.
    """
    name = folder.name.rpartition("-")[0]
    older = [path for path in root.glob(f"{name}-*") if path.name.rpartition("-")[0] == name and path != folder]
    for path in sorted(older, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            before = codec.read_about(path)
        except codec.DecodeError:
            continue
        return _difference(before, about)
    return "it is not stored"


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    if before["code"] != now["code"]:
        return "the program or a library is of another version"
    changed = [name for name, digest in now["inputs"].items() if before["inputs"].get(name) != digest]
    settings = [
        f"{name} is {value} instead of {before['settings'][name]}"
        for name, value in now["settings"].items()
        if before["settings"].get(name, value) != value
    ]
    return ", ".join(settings) or f"{', '.join(changed) or 'its input'} is not the same as before"
