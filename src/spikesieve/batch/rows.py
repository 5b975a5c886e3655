"""A row of a plan: the files of one sort, its options and settings as text, and the job that they describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from typing import TypeVar

from spikesieve.api.sort_files import Job
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.probes.read import file_and_number
from spikesieve.io.recordings.formats.base import natural_order
from spikesieve.io.recordings.open_input import RawOptions
from spikesieve.io.results.provenance import to_json
from spikesieve.model.text import interval
from spikesieve.settings.sort import Settings, fields_by_path

Number = TypeVar("Number", int, float)

SEPARATOR = "|"
"""Stands between the files of a recording, and between intervals that are left out."""
COLUMNS = (
    *("name", "files", "out", "split", "format", "stream", "probe", "channels", "sampling_hz", "dtype", "gain_uv"),
    *("header_bytes", "time_range", "exclude", "bad_channels", "shanks", "method", "settings", "motion"),
    *("artifact_times", "jobs", "memory"),
)
"""What a row may say. Any other column is a setting by its full name, such as detect.threshold."""
_FILES = ("settings", "motion", "artifact_times")
_SETTING_OF = {"method": "method", "bad_channels": "input.bad_channels", "shanks": "input.shanks"}
_PARTS = ("file", "segment")


@dataclass(frozen=True)
class Row:
    """One sort of a batch.

    Attributes
    ----------
    name : str
        Its name, different for each row; folders in it with "/".
    cells : tuple of (str, str)
        Text of each column that is not empty, in the order of `COLUMNS`, then settings by name. Paths are absolute.
    """

    name: str
    cells: tuple[tuple[str, str], ...]

    def cell(self, column: str) -> str:
        """Read one column.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        str
            The text; empty if the row does not say it.
        """
        return next((text for name, text in self.cells if name == column), "")

    @property
    def files(self) -> tuple[Path, ...]:
        """Files or folders of the recording, in order of time."""
        return tuple(Path(text) for text in self.cell("files").split(SEPARATOR))

    @property
    def out(self) -> Path:
        """The result folder."""
        return Path(self.cell("out"))

    @property
    def split(self) -> str:
        """What gets a result of its own after the sort: "file", "segment", or nothing."""
        return self.cell("split")

    @property
    def split_folder(self) -> Path:
        """Where the results of the files or segments are."""
        return self.out.with_name(f"{self.out.name}-by-{self.split}")

    def job(self) -> Job:
        """Make the job.

        Returns
        -------
        Job
            What `sort_files` takes.

        Raises
        ------
        SettingsError
            A column or a setting is unknown or wrong.
        """
        own = dict(self.cells)
        exclude = tuple(_interval(text) for text in own.get("exclude", "").split(SEPARATOR) if text)
        raw = RawOptions(
            n_channels=_number(int, own, "channels"),
            sampling_hz=_number(float, own, "sampling_hz"),
            dtype=own.get("dtype", "int16"),
            gain_uv=_number(float, own, "gain_uv"),
            header_bytes=_number(int, own, "header_bytes") or 0,
            time_range_s=_interval(own["time_range"]) if "time_range" in own else None,
            exclude_s=exclude,
            format=own.get("format"),
            stream=own.get("stream"),
        )
        paths = {name: Path(own[name]) for name in _FILES if name in own}
        return Job(
            files=self.files,
            out=self.out,
            probe=own.get("probe"),
            raw=raw,
            settings=settings_of(self),
            settings_files=(paths["settings"],) if "settings" in paths else (),
            motion=paths.get("motion"),
            artifact_times=paths.get("artifact_times"),
            n_jobs=_number(int, own, "jobs"),
            memory=own.get("memory"),
        )


def settings_of(row: Row) -> Settings:
    """Read the settings of a row.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    Settings
        From its file, then from its columns.

    Raises
    ------
    SettingsError
        A setting is unknown or wrong.
    """
    return _settings(*_settings_cells(row))


def settings_text(row: Row) -> str:
    """Write the settings of a row that are not at their default, as text which is the same for the same values.

    A later version with one more setting has the same text.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    str
        JSON.

    Raises
    ------
    SettingsError
        A setting is unknown or wrong.
    """
    return _settings_text(*_settings_cells(row))


def _settings_cells(row: Row) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The file of settings, and name and text of each setting that a column gives."""
    named = ((name, text) for name, text in row.cells if name in _SETTING_OF or name not in COLUMNS)
    return row.cell("settings"), tuple((_SETTING_OF.get(name, name), text) for name, text in named)


@lru_cache(maxsize=256)
def _settings(file: str, columns: tuple[tuple[str, str], ...]) -> Settings:
    settings = Settings.from_file(file) if file else Settings()
    texts = {"input.bad_channels", "input.shanks"}
    settings = settings.with_overrides([f"{name}={text}" for name, text in columns if name not in texts])
    return settings.with_values([(name, text) for name, text in columns if name in texts])


@lru_cache(maxsize=256)
def _settings_text(file: str, columns: tuple[tuple[str, str], ...]) -> str:
    settings = _settings(file, columns)
    changed = {}
    for path, field in fields_by_path().items():
        group, _, name = path.rpartition(".")
        value = getattr(getattr(settings, group) if group else settings, name)
        if value != field.default:
            changed[path] = value
    return to_json(changed)


def make_row(cells: Mapping[str, str], base: Path, out: Path) -> Row:
    """Make a row of the texts of a plan, and check them.

    Parameters
    ----------
    cells : mapping of str to str
        Text of each column. Empty ones count as left out.
    base : Path
        Folder that relative paths of the plan start from.
    out : Path
        Folder of results that have no path of their own.

    Returns
    -------
    Row
        With absolute paths. A pattern in `files` stands for the files that exist, in order of their numbers.

    Raises
    ------
    SettingsError, InputError
        A column or a setting is unknown or wrong, or the row names no files.

    Examples
    --------
    >>> row = make_row({"files": "/data/day1.bin", "detect.threshold": "8"}, Path("/data"), Path("/results"))
    >>> row.name, row.out.as_posix(), row.job().settings.detect.threshold
    ('day1', '/results/day1', 8.0)
    """
    given = {name.strip(): text.strip() for name, text in cells.items() if text.strip()}
    _require_known(given)
    if not given.get("files"):
        raise InputError("It names no files. Write them under `files`.")
    files = [path for text in given["files"].split(SEPARATOR) if text.strip() for path in _paths(text.strip(), base)]
    given["files"] = SEPARATOR.join(str(path) for path in files)
    name = given.setdefault("name", files[0].name.removesuffix(files[0].suffix))
    _require_name(name)
    given["out"] = str(_absolute(given["out"], out) if "out" in given else out.absolute() / PurePosixPath(name))
    given |= {column: str(_absolute(given[column], base)) for column in _FILES if column in given}
    if "probe" in given:
        given["probe"] = _probe(given["probe"], base)
    if given.get("split", "file") not in _PARTS:
        raise SettingsError(f"split is {given['split']!r}. Give one of {', '.join(_PARTS)}, or leave it out.")
    order = [*COLUMNS, *sorted(set(given) - set(COLUMNS))]
    row = Row(name, tuple((column, given[column]) for column in order if column in given))
    row.job()
    return row


def require_apart(rows: Iterable[Row]) -> None:
    """Raise an error if two rows have one name or one place.

    Parameters
    ----------
    rows : iterable of Row
        All rows.

    Raises
    ------
    InputError
        Two rows would be written into the same folder, or one into the other.
    """
    names: dict[str, Row] = {}
    places: dict[Path, Row] = {}
    for row in rows:
        other = names.setdefault(row.name, row)
        if other is not row:
            raise InputError(
                f"Two rows have the name {row.name!r}: of {other.cell('files')} and of {row.cell('files')}. Give each "
                "a `name` of its own."
            )
        for place in (row.out, *((row.split_folder,) if row.split else ())):
            other = places.setdefault(place, row)
            if other is not row:
                raise InputError(f"The rows {other.name} and {row.name} have one result folder, {place}. Change `out`.")
    for place, row in places.items():
        inside = next((places[parent] for parent in place.parents if parent in places), None)
        if inside is not None:
            raise InputError(f"The result of {row.name} would be in that of {inside.name}: {place}. Change `out`.")


def _require_known(given: Mapping[str, str]) -> None:
    known = {*COLUMNS, *fields_by_path(), *Settings.other_names()}
    for column in given:
        if column not in known:
            near = get_close_matches(column, known, 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise SettingsError(
                f"There is no column {column!r}. {hint}Columns are {', '.join(COLUMNS)}, and every setting by its name."
            )


def _require_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    if name != PurePosixPath(name).as_posix() or not parts or {"..", "."} & set(parts) or name.startswith("/"):
        raise InputError(f"{name!r} cannot be the name of a row: it names the result folder. Write plain words.")


def _paths(text: str, base: Path) -> list[Path]:
    path = _absolute(text, base)
    if path.exists() or not has_magic(text):
        return [path]
    return natural_order(Path(each) for each in glob(str(path), recursive=True)) or [path]


def _absolute(text: str, base: Path) -> Path:
    return Path(os.path.abspath(base / Path(text).expanduser()))


def _probe(spec: str, base: Path) -> str:
    """A probe as it is, if it is a name; else its file with the whole path, and the number that follows."""
    file, _ = file_and_number(spec)
    path = _absolute(str(file), base)
    return str(path) + spec[len(str(file)) :] if path.exists() else spec


def _number(kind: Callable[[str], Number], own: Mapping[str, str], column: str) -> Number | None:
    if column not in own:
        return None
    try:
        return kind(own[column])
    except ValueError as error:
        raise SettingsError(f"{column} is {own[column]!r}. Write a number.") from error


def _interval(text: str) -> tuple[float, float]:
    try:
        return interval(text)
    except ValueError as error:
        raise SettingsError(str(error)) from error
