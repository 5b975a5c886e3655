"""What `spikesieve compare` can be told: by arguments, SPIKESIEVE_COMPARE_* environment variables or a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spikesieve.errors import SettingsError
from spikesieve.settings.params import Params, setting

PREFIX = "SPIKESIEVE_COMPARE_"
TABLE = "compare"
CONFIG = "config"
"""In the environment, the TOML file."""


class CompareOptions(Params):
    """Inputs and settings of a comparison."""

    a: str | None = setting(None, "the first sorting")
    b: str | None = setting(None, "the second sorting")
    truth: str | None = setting(None, "the truth of the recording, in any format that a sorting can have")
    out: str | None = setting(None, "new folder for page, pictures and tables")
    sampling_hz: float | None = setting(None, "sampling rate of inputs that do not tell theirs", gt=0.0)
    match_ms: float = setting(0.4, "spikes at most this far apart can match", gt=0.0, le=10.0)
    score_ms: float = setting(0.2, "the same for Kilosort's score", gt=0.0, le=10.0)
    recording: str | None = setting(None, "raw file for the oracle; default: the one that a sorting names")
    probe: str | None = setting(None, "probe file or name for the oracle; default: contacts of a sorting")
    channels: int | None = setting(None, "columns of the raw file; default: as a sorting says", ge=1)
    gain_uv: float | None = setting(None, "uV per raw number; default: as a sorting says", gt=0.0)
    oracle: bool = setting(True, "match the recording with the true templates, to see what is possible")
    oracle_s: float = setting(120.0, "seconds from the start of the recording that the oracle matches", gt=0.0)
    most_pairs: int = setting(12, "largest number of matched pairs that are drawn", ge=0, le=500)


def read_options(
    arguments: Mapping[str, object], file: Path | None = None, environment: Mapping[str, str] | None = None
) -> CompareOptions:
    """Options from all three places: an argument that is not None wins over the environment, that over the file.

    arguments    by name of the field
    file         TOML: the fields at its top or in a table [compare]
    environment  SPIKESIEVE_COMPARE_NAME for the field `name`, such as SPIKESIEVE_COMPARE_TRUTH; the file can be
                 named by SPIKESIEVE_COMPARE_CONFIG

    Raises SettingsError when the file cannot be read, a name is unknown, or a value is not allowed.
    """
    from_environment = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (environment or {}).items()
        if name.startswith(PREFIX) and value != ""
    }
    named_file = from_environment.pop(CONFIG, None)
    file = Path(named_file) if file is None and named_file is not None else file
    given = {name: value for name, value in arguments.items() if value is not None}
    merged: dict[str, Any] = {
        **_named(_from_file(file), f"the file {file}"),
        **_named(from_environment, "the environment"),
        **_named(given, "the arguments"),
    }
    try:
        return CompareOptions(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name} = {merged.get(name)!r} is not allowed: {first['msg']}.") from error


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"The file {file} cannot be read as TOML: {error}.") from error
    table = values.pop(TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{TABLE} in {file} is {table!r}, not a table. Write [{TABLE}] and the fields below it.")
    return {**values, **table}


def _named(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for name in values:
        if name not in CompareOptions.model_fields:
            near = difflib.get_close_matches(name, CompareOptions.model_fields, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(CompareOptions.model_fields)}."
            raise SettingsError(f"{where[0].upper()}{where[1:]} has the unknown option {name!r} for compare. {hint}")
    return values
