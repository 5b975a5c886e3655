"""All settings as a form, made from the same models as the command line, and what was changed in it as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from spikesieve.errors import SettingsError
from spikesieve.settings.kilosort4 import value_there
from spikesieve.settings.sentences import allowed, summary
from spikesieve.settings.sort import Settings, fields_by_path, is_used, name_in

UNITS = {"um": "µm", "ms": "ms", "s": "s", "hz": "Hz", "uv": "µV", "sd": "noise SD", "samples": "samples"}
KINDS = {bool: "switch", int: "integer", float: "number", str: "text"}


def settings_form() -> list[dict[str, Any]]:
    """Describe every setting as a field of a form.

    Returns
    -------
    list of dict
        A group each, in the order of the stages: `name`, `description` and `fields`. A field has `path`, `name`,
        `what` it is, `when` to change it, `kind` (switch, integer, number, text, choice, list), `choices`, `default`,
        `is_optional`, `unit`, `allowed` in words, `low` and `high`, `methods` that use it, and its names in `kilosort4`
        and `kilosort2`.

    Examples
    --------
    >>> form = {field["path"]: field for group in settings_form() for field in group["fields"]}
    >>> form["preprocess.highpass_cutoff_hz"]["unit"], form["preprocess.highpass_cutoff_hz"]["high"]
    ('Hz', 3000.0)
    """
    groups = []
    for name, paths in groupby(fields_by_path(), key=lambda path: path.rpartition(".")[0]):
        description = Settings.model_fields[name].description if name else "the sorting algorithm"
        groups.append({"name": name, "description": description, "fields": [_field(path) for path in paths]})
    return groups


def _field(path: str) -> dict[str, Any]:
    field, name = fields_by_path()[path], path.rpartition(".")[2]
    what, _, when = str(field.description).partition("; ")
    kind, choices = _kind(field)
    methods = get_args(Settings.model_fields["method"].annotation)
    return {
        "path": path,
        "name": name,
        "what": what,
        "when": when,
        "kind": kind,
        "choices": choices,
        "default": field.default,
        "is_optional": type(None) in get_args(field.annotation),
        "unit": UNITS.get(name.rpartition("_")[2], ""),
        "allowed": allowed(field),
        "low": _bound(field, Ge, "ge", Gt, "gt"),
        "high": _bound(field, Le, "le", Lt, "lt"),
        "methods": [method for method in methods if is_used(path, method)],
        "kilosort4": name_in("kilosort4", field),
        "kilosort2": name_in("kilosort2", field),
    }


def _kind(field: FieldInfo) -> tuple[str, list[str]]:
    if get_origin(field.annotation) is tuple:
        return "list", []
    if get_origin(field.annotation) is Literal:
        return "choice", list(get_args(field.annotation))
    kind = next(part for part in (*get_args(field.annotation), field.annotation) if part is not type(None))
    return KINDS[kind], []


def _bound(field: FieldInfo, with_it: type, its: str, without: type, name: str) -> float | None:
    found = [getattr(part, its) for part in field.metadata if isinstance(part, with_it)]
    found += [getattr(part, name) for part in field.metadata if isinstance(part, without)]
    return found[0] if found else None


def checked(values: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Check what was filled in.

    Parameters
    ----------
    values : mapping of str to object
        Values by full name; what is left out is default.

    Returns
    -------
    settings : Settings
        With all values that are right.
    wrong : dict of str to str
        For each wrong one, by name, a sentence.

    Examples
    --------
    >>> settings, wrong = checked({"detect.threshold": 8, "features.max_distance_um": -1.0})
    >>> settings.detect.threshold, list(wrong)
    (8.0, ['features.max_distance_um'])
    """
    settings, wrong = Settings(), {}
    for name, value in values.items():
        try:
            settings = settings.with_values([(name, value)])
        except SettingsError as error:
            wrong[name] = str(error)
    return settings, wrong


def changed(settings: Settings) -> dict[str, Any]:
    """Find the settings that are not default.

    Parameters
    ----------
    settings : Settings
        All settings.

    Returns
    -------
    dict of str to object
        Values by full name.

    Examples
    --------
    >>> changed(Settings().with_overrides(["detect.threshold=8"]))
    {'detect.threshold': 8.0}
    """
    values = {path: _value(settings, path) for path in fields_by_path()}
    return {path: value for path, value in values.items() if value != fields_by_path()[path].default}


def _value(settings: Settings, path: str) -> Any:
    group, _, name = path.rpartition(".")
    return getattr(getattr(settings, group) if group else settings, name)


def written(value: Any) -> str:
    """Write a value as TOML, and as `--set` takes it.

    Parameters
    ----------
    value : object
        Of a setting.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> written("exclude"), written(8.0), written((3, "AP5")), written(None)
    ('"exclude"', '8.0', '[3, "AP5"]', '"None"')
    """
    # JSON writes numbers, texts, booleans and lists as TOML does.
    return json.dumps("None" if value is None else list(value) if isinstance(value, tuple) else value)


def changed_toml(settings: Settings) -> str:
    """Write what was changed as a settings file.

    Parameters
    ----------
    settings : Settings
        All settings.

    Returns
    -------
    str
        TOML, with what each setting is. `Settings.from_toml` reads it back.

    Examples
    --------
    >>> print(changed_toml(Settings().with_overrides(["detect.exclusion_samples=30"])), end="")
    # Settings of spikesieve that are not default.
    <BLANKLINE>
    [detect]
    # samples at 30 kHz within which a spike must be the largest
    exclusion_samples = 30
    """
    lines = ["# Settings of spikesieve that are not default."]
    for group, paths in groupby(changed(settings), key=lambda path: path.rpartition(".")[0]):
        lines += ["", f"[{group}]"] if group else [""]
        for path in paths:
            what = summary(str(fields_by_path()[path].description))
            lines += [f"# {what}", f"{path.rpartition('.')[2]} = {written(_value(settings, path))}"]
    return "\n".join(lines) + "\n"


def kilosort4_json(settings: Settings) -> tuple[str, list[str]]:
    """Write what was changed as Kilosort4 exports its settings.

    Parameters
    ----------
    settings : Settings
        All settings.

    Returns
    -------
    text : str
        JSON. `Settings.from_file` reads it back, as settings of the method kilosort4.
    only_here : list of str
        Changed settings that Kilosort4 does not have.

    Examples
    --------
    >>> text, only_here = kilosort4_json(Settings().with_overrides(["method=kilosort4", "match.threshold=7"]))
    >>> json.loads(text), only_here
    ({'Th_learned': 7.0}, [])
    """
    there, only_here = {}, []
    for path, value in changed(settings).items():
        name = name_in("kilosort4", fields_by_path()[path])
        if name is not None:
            there[name] = value_there(name, value)
        elif path != "method":
            only_here.append(path)
    return json.dumps(there, indent=2) + "\n", only_here
