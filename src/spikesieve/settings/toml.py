"""All settings as a commented TOML file, to read, edit and hand back with --settings."""

from __future__ import annotations

import json
from itertools import groupby

from pydantic.fields import FieldInfo

from spikesieve.settings.sentences import allowed
from spikesieve.settings.sort import Settings, fields_by_path, name_in

_HEAD = """\
# All settings of spikesieve with their defaults. Keep the lines that you change; what is left out is default.
# Units are in the names: _um, _ms, _s, _hz, _uv, _sd (noise SD), _samples. The names that Kilosort4 and Kilosort2 have
# for a setting are accepted as well, at the top of the file, before the first [group].
"""


def settings_toml() -> str:
    """Write every setting with its description, what is allowed, its other names and its default.

    Returns
    -------
    str
        A TOML file. `Settings.from_toml` reads it back as `Settings()`. Settings whose default depends on the
        recording are commented out.

    Examples
    --------
    >>> "[detect]" in settings_toml()
    True
    """
    parts = [_HEAD]
    for group, paths in groupby(fields_by_path(), key=lambda path: path.rpartition(".")[0]):
        if group:
            parts.append(f"\n[{group}]  # {Settings.model_fields[group].description}\n")
        parts.extend(_entry(path.rpartition(".")[2], fields_by_path()[path]) for path in paths)
    return "".join(parts)


def _entry(name: str, field: FieldInfo) -> str:
    names = {"Kilosort4": name_in("kilosort4", field), "Kilosort2": name_in("kilosort2", field)}
    also = "".join(f" {sorter}: {theirs}." for sorter, theirs in names.items() if theirs)
    description = "".join(f"# {part}\n" for part in _sentences(str(field.description)))
    text = f"\n{description}# {_capital(allowed(field))}.{also}\n"
    if field.default is None:
        return f"{text}# {name} =\n"
    # JSON writes numbers, texts and booleans as TOML does.
    return f"{text}{name} = {json.dumps(field.default)}\n"


def _sentences(description: str) -> list[str]:
    """The parts of a description, what it is and when to change it, as sentences."""
    return [f"{_capital(part)}." for part in description.split("; ")]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
