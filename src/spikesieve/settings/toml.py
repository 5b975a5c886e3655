"""All settings as a commented TOML file, to read, edit and hand back with --settings."""

from __future__ import annotations

import json
from itertools import groupby

from pydantic.fields import FieldInfo

from spikesieve.settings.sentences import allowed
from spikesieve.settings.sort import Settings, fields_by_path, name_in

HEAD = """\
# All settings of spikesieve with their defaults. Keep the lines that you change; what is left out is default.
# Units are in the names: _um, _ms, _hz, _uv, _sd (noise SD), _samples. Kilosort4's and Kilosort2's names are understood
# as well, at the top of the file, before the first [group].
"""


def settings_toml() -> str:
    """The text: description, what is allowed, Kilosort4's name and default of every setting.

    `Settings.from_toml` reads it back as `Settings()`. Settings that depend on the recording are commented out.
    """
    parts = [HEAD]
    for stage, paths in groupby(fields_by_path(), key=lambda path: path.rpartition(".")[0]):
        if stage:
            parts.append(f"\n[{stage}]  # {Settings.model_fields[stage].description}\n")
        parts.extend(_entry(path.rpartition(".")[2], fields_by_path()[path]) for path in paths)
    return "".join(parts)


def _entry(name: str, field: FieldInfo) -> str:
    names = {"Kilosort4": name_in("kilosort4", field), "Kilosort2": name_in("kilosort2", field)}
    also = "".join(f" {sorter}: {theirs}." for sorter, theirs in names.items() if theirs)
    text = f"\n# {field.description}\n# {allowed(field).capitalize()}.{also}\n"
    if field.default is None:
        return f"{text}# {name} =\n"
    # JSON writes numbers, texts and booleans as TOML does.
    return f"{text}{name} = {json.dumps(field.default)}\n"
