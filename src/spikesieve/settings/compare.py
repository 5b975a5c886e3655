"""Options of `spikesieve compare`: from arguments, SPIKESIEVE_COMPARE_* environment variables or a TOML file."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from spikesieve.errors import SettingsError
from spikesieve.settings.params import Params, setting

_PREFIX = "SPIKESIEVE_COMPARE_"
_TABLE = "compare"
_CONFIG = "config"


class CompareOptions(Params):
    """Inputs and settings of a comparison."""

    a: str | None = setting(None, "the first sorting")
    b: str | None = setting(None, "the second sorting")
    truth: str | None = setting(None, "the truth of the recording, in any format that a sorting can have")
    partial_truth: bool | None = setting(
        None,
        "the truth covers only some of the neurons, so sorted units that fit none of it are not counted as false "
        "(default: recognised where the truth says so or has a single unit)",
    )
    out: str | None = setting(None, "new folder for page, pictures and tables")
    overwrite: bool = setting(False, "replace an older comparison in the folder out")
    sampling_hz: float | None = setting(None, "sampling rate of inputs that do not give theirs", gt=0.0)
    match_ms: float = setting(
        0.4,
        "spikes of two sortings at most this far apart match; "
        "raise it if sortings place spikes differently, lower it for a stricter comparison",
        gt=0.0,
        le=10.0,
    )
    score_ms: float = setting(
        0.2, "the same for Kilosort's score; leave it to compare with published scores", gt=0.0, le=10.0
    )
    recording: str | None = setting(None, "raw file for the oracle (default: the one that a sorting names)")
    probe: str | None = setting(None, "probe file or name for the oracle (default: contacts of a sorting)")
    channels: int | None = setting(None, "columns of the raw file (default: as a sorting says)", ge=1)
    gain_uv: float | None = setting(None, "µV per raw number (default: as a sorting says)", gt=0.0)
    oracle: bool = setting(
        True, "match the recording with the true templates, to see what is possible; set it to false to save time"
    )
    oracle_s: float = setting(
        120.0,
        "time from the start of the recording that the oracle matches; "
        "raise it for a surer ceiling, lower it to save time",
        gt=0.0,
    )
    most_pairs: int = setting(
        12,
        "most matched pairs that are drawn; raise it to see more units, lower it for a smaller page",
        ge=0,
        le=500,
    )


class _Sources(CompareOptions, BaseSettings):
    """The same, filled from arguments, then the environment, then the file."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True)

    config: Path | None = setting(None, "TOML file of these options")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the sources in order, the first one wins."""
        file = {**env_settings(), **init_settings()}.get(_CONFIG)
        values = {} if file is None else _read_toml(Path(file))
        return init_settings, env_settings, InitSettingsSource(settings_cls, values)


def read_options(arguments: Mapping[str, object], file: Path | None = None) -> CompareOptions:
    """Gather options: an argument wins over the environment, the environment over the file.

    Parameters
    ----------
    arguments : mapping of str to object
        Values by name of the field; None is as good as left out.
    file : Path, optional
        TOML file with fields at the top or in a table [compare]. Without one, the file that
        SPIKESIEVE_COMPARE_CONFIG names.

    Returns
    -------
    CompareOptions
        What was given, defaults elsewhere. SPIKESIEVE_COMPARE_TRUTH in the environment gives the field `truth`.

    Raises
    ------
    SettingsError
        The file cannot be read, a name is unknown, or a value is not allowed.
    """
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    _require_known(given, "The arguments have")
    if file is not None:
        given[_CONFIG] = file
    _require_known(_names_in_environment() - {_CONFIG}, "The environment has")
    try:
        options = _Sources(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name} = {first['input']!r} is not allowed: {first['msg']}.") from error
    return CompareOptions(**options.model_dump(exclude={_CONFIG}))


def _names_in_environment() -> set[str]:
    given = (name for name, value in os.environ.items() if value)
    return {name.removeprefix(_PREFIX).lower() for name in given if name.startswith(_PREFIX)}


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"The file {file} cannot be read as TOML: {error}.") from error
    table = values.pop(_TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{_TABLE} in {file} is {table!r}, not a table. Write [{_TABLE}] and the fields below it.")
    _require_known(values | table, f"The file {file} has")
    return values | table


def _require_known(names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in CompareOptions.model_fields:
            near = difflib.get_close_matches(name, CompareOptions.model_fields, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(CompareOptions.model_fields)}."
            raise SettingsError(f"{where} the unknown option {name!r} for compare. {hint}")
