"""Sentences for a setting that is unknown or wrong."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

# difflib's similarity from which on a name is suggested.
_MIN_SIMILARITY = 0.5


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
    if get_origin(field.annotation) is tuple:
        item, _ = get_args(field.annotation)
        return "a list of whole numbers" if item is int else "a list of whole numbers or texts"
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
