"""Sentences for a setting that is unknown, wrong, or one that only Kilosort4 has."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

# difflib's similarity from which on a name is suggested.
_MIN_SIMILARITY = 0.5


class Absent(NamedTuple):
    """A Kilosort4 setting without a counterpart.

    Attributes
    ----------
    sentence : str
        What to do instead.
    harmless : tuple of object
        Values with which it changes nothing.
    """

    sentence: str
    harmless: tuple[object, ...] = ()


def _of_the_recording(name: str, option: str, harmless: tuple[object, ...] = ()) -> Absent:
    sentence = f"Kilosort4's {name} describes the recording, not the sorting: leave it out and give {option}."
    return Absent(sentence, harmless)


def _not_needed(name: str, instead: str, harmless: tuple[object, ...]) -> Absent:
    return Absent(f"Kilosort4's {name} is not needed: {instead} Leave it out.", harmless)


ABSENT_IN_SPIKESIEVE: dict[str, Absent] = {
    "n_chan_bin": _of_the_recording("n_chan_bin", "--channels"),
    "fs": _of_the_recording("fs", "--sampling-hz"),
    "tmin": _of_the_recording("tmin", "--time-range start:end, in seconds", (0, None)),
    "tmax": _of_the_recording("tmax", "--time-range start:end, in seconds", (math.inf, None)),
    "shift": _of_the_recording(
        "shift", "--dtype uint16 where 32768 is 0 V (other offsets are filtered out)", (None, 0)
    ),
    "scale": _of_the_recording("scale", "--gain-uv, the µV of a raw number", (None,)),
    "filename": _of_the_recording("filename", "the files themselves", (None,)),
    "data_dir": _of_the_recording("data_dir", "the files themselves", (None,)),
    "results_dir": _of_the_recording("results_dir", "--out", (None,)),
    "probe_name": _of_the_recording("probe_name", "--probe", (None,)),
    "probe_path": _of_the_recording("probe_path", "--probe", (None,)),
    "drift_smoothing": _not_needed(
        "drift_smoothing", "the estimate weighs time, depth and its own error.", ([0.5, 0.5, 0.5],)
    ),
    "batch_downsampling": _not_needed("batch_downsampling", "every block is sorted; --time-range sorts less.", (1,)),
    "nskip": _not_needed("nskip", "noise is measured in blocks spread over the recording.", (25,)),
    "templates_from_data": _not_needed("templates_from_data", "shapes are always learned from the data.", (True,)),
    "x_centers": _not_needed("x_centers", "wide shanks are cut into groups, see features.group_width_um.", (None,)),
    "position_limit": _not_needed(
        "position_limit", "the contacts of a unit place it, see features.max_distance_um.", (100,)
    ),
}
"""Kilosort4 settings that have no counterpart here."""


def harmless(name: str, value: object) -> bool:
    """Tell whether a Kilosort4 setting without a counterpart would change nothing with this value.

    Parameters
    ----------
    name : str
        Kilosort4's name.
    value : object
        Its value.

    Returns
    -------
    bool
        False also where the setting has a counterpart.

    Examples
    --------
    >>> harmless("nskip", 25), harmless("nskip", 10)
    (True, False)
    """
    if name not in ABSENT_IN_SPIKESIEVE:
        return False
    values = ABSENT_IN_SPIKESIEVE[name].harmless
    return any(value is v or (value == v and type(value) is not bool) for v in values)


def summary(description: str) -> str:
    """Take from a description what the setting is, without when to change it.

    Parameters
    ----------
    description : str
        "What it is; when to change it".

    Returns
    -------
    str
        The part before the semicolon.

    Examples
    --------
    >>> summary("most rounds in a block; lower it to save time")
    'most rounds in a block'
    """
    return description.partition(";")[0]


def unknown(name: str, descriptions: Mapping[str, str], other_names: Mapping[str, str], listed_by: str) -> str:
    """Say that a name is no setting, and which one is nearest.

    Parameters
    ----------
    name : str
        The unknown name.
    descriptions : mapping of str to str
        Description of every setting by its full name.
    other_names : mapping of str to str
        Full names by other accepted names.
    listed_by : str
        Where all settings are listed; the subject of "lists them all".

    Returns
    -------
    str
        A sentence for the user.

    Examples
    --------
    >>> unknown("treshold", {"match.threshold": "smallest spike"}, {}, "The manual")
    "There is no setting 'treshold'. Did you mean match.threshold (smallest spike)?"
    """
    inside = [path for path in descriptions if path.startswith(f"{name}.")]
    if inside:
        return f"{name} is a group of settings, not a single one. Give one of its own: {', '.join(inside)}."
    by_spelling: dict[str, list[str]] = {other: [path] for other, path in other_names.items()}
    for path in descriptions:
        by_spelling.setdefault(path, []).append(path)
        by_spelling.setdefault(path.rpartition(".")[2], []).append(path)
    lower = {spelling.lower(): paths for spelling, paths in by_spelling.items()}
    near = difflib.get_close_matches(name.lower(), lower, 1, _MIN_SIMILARITY)
    if not near:
        return f"There is no setting {name!r}. {listed_by} lists them all."
    paths = dict.fromkeys(lower[near[0]])
    meant = " or ".join(f"{path} ({summary(descriptions[path])})" for path in paths)
    return f"There is no setting {name!r}. Did you mean {meant}?"


def out_of_range(path: str, field: FieldInfo, value: object) -> str:
    """Say that a setting cannot have a value, and what it can be.

    Parameters
    ----------
    path : str
        Full name of the setting.
    field : pydantic.fields.FieldInfo
        Its declaration.
    value : object
        The value that was given.

    Returns
    -------
    str
        A sentence for the user.
    """
    shown = f"the text {value!r}" if isinstance(value, str) else repr(value)
    return f"The setting {path} ({summary(str(field.description))}) must be {allowed(field)}. Got {shown}."


def allowed(field: FieldInfo) -> str:
    """Say in words what a setting can be.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        Declaration of the setting.

    Returns
    -------
    str
        Such as "a number, above 2 and at most 100".
    """
    kind = next(part for part in (*get_args(field.annotation), field.annotation) if part is not type(None))
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(map(repr, get_args(field.annotation)))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    bounds = " and ".join(_bound(part) for part in field.metadata)
    return f"{words[kind]}, {bounds}" if bounds else words[kind]


def _bound(part: object) -> str:
    match part:
        case Gt(gt=limit):
            return f"above {_number(limit)}"
        case Ge(ge=limit):
            return f"at least {_number(limit)}"
        case Lt(lt=limit):
            return f"below {_number(limit)}"
        case Le(le=limit):
            return f"at most {_number(limit)}"
    raise TypeError(f"A setting has a bound of an unknown kind: {part!r}.")


def _number(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)
