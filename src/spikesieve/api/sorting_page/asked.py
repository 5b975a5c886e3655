"""What the page may ask for, and the command line that does the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spikesieve.errors import InputError, SettingsError
from spikesieve.io.probes.files import write_probe_json
from spikesieve.io.probes.generators import is_generator
from spikesieve.io.probes.library import PREFIX
from spikesieve.io.probes.read import file_and_number
from spikesieve.io.recordings.open_input import RawOptions
from spikesieve.io.roots import Roots
from spikesieve.model import Probe
from spikesieve.settings.form import changed, checked, written
from spikesieve.settings.sort import Settings

Text = Annotated[str, Field(max_length=4096)]
Interval = tuple[float, float]
Model = TypeVar("Model", bound=BaseModel)
COLUMNS = {3: "channel, x, y", 4: "channel, x, y, shank"}


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RecordingAsked(_Asked):
    """A recording and how to read it; what is left out is taken from its files.

    Attributes
    ----------
    paths : tuple of str
        Its files or folders, in order of time.
    probe : str
        Name or file of the probe; empty: that of the recording.
    probe_table : str
        The probe as lines of channel, x, y and perhaps shank, instead.
    format, stream : str
        As of `spikesieve sort`; empty: found out.
    n_channels, sampling_hz, dtype, gain_uv, header_bytes : optional
        As of `spikesieve sort`.
    time_range_s : (float, float) or None
        Start and end in s of what is sorted.
    exclude_s : tuple of (float, float)
        Times in s that are left out.
    """

    paths: tuple[Text, ...] = Field(min_length=1, max_length=1000)
    probe: Text = ""
    probe_table: str = Field("", max_length=2_000_000)
    format: Literal["", "raw", "spikeglx", "openephys", "intan", "nwb", "spikeinterface", "zarr"] = ""
    stream: Text = ""
    n_channels: int | None = Field(None, ge=1, le=1_000_000)
    sampling_hz: float | None = Field(None, gt=0)
    dtype: Literal["int16", "uint16", "int32", "float32"] = "int16"
    gain_uv: float | None = Field(None, gt=0)
    header_bytes: int = Field(0, ge=0)
    time_range_s: Interval | None = None
    exclude_s: tuple[Interval, ...] = Field((), max_length=1000)

    def options(self) -> RawOptions:
        """Say how to read it.

        Returns
        -------
        RawOptions
            As the command line makes them.
        """
        return RawOptions(
            *(self.n_channels, self.sampling_hz, self.dtype, self.gain_uv, self.header_bytes),
            time_range_s=self.time_range_s,
            exclude_s=self.exclude_s,
            format=self.format or None,
            stream=self.stream or None,
        )


class SortAsked(_Asked):
    """A sort.

    Attributes
    ----------
    recording : RecordingAsked
        What to sort.
    out : str
        The result folder.
    settings : dict of str to object
        The settings that are not default.
    n_jobs : int or None
        Workers.
    memory : str
        Memory limit; empty: a quarter of the machine's.
    overwrite : bool
        Replace an older result.
    """

    recording: RecordingAsked
    out: Text
    settings: dict[str, Any] = Field(default_factory=dict, max_length=1000)
    n_jobs: int | None = Field(None, ge=1, le=4096)
    memory: str = Field("", pattern=r"^(\d+(\.\d+)? ?[kKMGT]?B?)?$")
    overwrite: bool = False


class CompareAsked(_Asked):
    """A comparison.

    Attributes
    ----------
    a, b : str
        Two result folders.
    """

    a: Text
    b: Text


class PreviewAsked(_Asked):
    """A part of the traces.

    Attributes
    ----------
    recording : RecordingAsked
        Of what.
    settings : dict of str to object
        The settings that are not default.
    kind : {"raw", "highpassed", "referenced", "whitened"}
        How the traces are preprocessed.
    start_s, seconds : float
        Where it begins, and how long it is.
    n_columns : int
        Pixels that it is drawn on.
    shape : {"lines", "heat"}
        How it is drawn.
    order : {"depth", "channel"}
        Order of the contacts from the top to the bottom.
    at_once : bool
        Whether spikes may be those of the last threshold that followed from noise.
    """

    recording: RecordingAsked
    settings: dict[str, Any] = Field(default_factory=dict, max_length=1000)
    kind: Literal["raw", "highpassed", "referenced", "whitened"] = "highpassed"
    start_s: float = Field(0.0, ge=0)
    seconds: float = Field(0.5, gt=0, le=2.0)
    n_columns: int = Field(1000, ge=1, le=10_000)
    shape: Literal["lines", "heat"] = "lines"
    order: Literal["depth", "channel"] = "depth"
    at_once: bool = False


class Placed(_Asked):
    """A recording whose files may be looked at.

    Attributes
    ----------
    files : tuple of Path
        Its files.
    probe : str or None
        Name or file of its probe.
    options : RawOptions
        How to read it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    files: tuple[Path, ...]
    probe: str | None
    options: RawOptions


def placed(asked: RecordingAsked, roots: Roots, probes: Path) -> Placed:
    """Look whether all files of a recording may be looked at.

    Parameters
    ----------
    asked : RecordingAsked
        The recording.
    roots : Roots
        The folders that may be looked into.
    probes : Path
        Where a probe that was given as a table is written.

    Returns
    -------
    Placed
        Its files.

    Raises
    ------
    InputError
        A file lies elsewhere, or the table is no probe.
    """
    files = tuple(roots.inside(path) for path in asked.paths)
    if asked.probe_table.strip():
        return Placed(files=files, probe=str(_written_probe(asked.probe_table, probes)), options=asked.options())
    return Placed(files=files, probe=_allowed_probe(asked.probe, roots, probes), options=asked.options())


def _allowed_probe(spec: str, roots: Roots, probes: Path) -> str | None:
    if not spec or is_generator(spec) or spec.startswith(PREFIX):
        return spec or None
    file, number = file_and_number(spec)
    if Path(file).parent == probes:
        return spec
    inside = roots.inside(str(file))
    return str(inside) if number is None else f"{inside}#{number}"


def probe_of_table(text: str) -> Probe:
    """Read a probe from lines of numbers.

    Parameters
    ----------
    text : str
        A contact a line: channel, x and y in um, and perhaps the shank, with commas, tabs or blanks between them. A
        first line without numbers is passed over.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        A line is not like that, or the contacts make no probe.

    Examples
    --------
    >>> probe_of_table("channel x y\\n0 0 0\\n1 0 25")
    Probe 'table': 2 contacts on 1 shank, x 0 to 0 µm, y 0 to 25 µm
    """
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or (not rows and not any(_is_number(word) for word in words)):
            continue
        if len(words) not in COLUMNS or not all(map(_is_number, words)) or (rows and len(words) != len(rows[0])):
            expected = COLUMNS.get(len(rows[0]) if rows else 0, "channel, x, y, and perhaps shank")
            raise InputError(f"Line {number} of the table is {line[:80]!r}. Give {expected} in each line.")
        rows.append([float(word) for word in words])
    if not rows:
        raise InputError("The table has no contact. Give channel, x and y of one in each line.")
    columns = np.array(rows).T
    whole = np.concatenate([columns[:1], columns[3:]])
    if not (np.isfinite(columns).all() and (whole == np.round(whole)).all()):
        raise InputError("Channels and shanks of the table must be whole numbers, and no number infinite.")
    shanks = columns[3] if len(columns) > 3 else np.zeros(len(rows))
    return Probe(np.ascontiguousarray(columns[1:3].T), columns[0].astype(np.int64), shanks.astype(np.int64), "table")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _written_probe(table: str, probes: Path) -> Path:
    """Write a table as a probe file that is named by its content, so that a command line can name it."""
    probe = probe_of_table(table)
    content = np.column_stack([probe.positions_um, probe.channels, probe.shanks]).tobytes()
    path = probes / f"{hashlib.sha256(content).hexdigest()[:16]}.json"
    if not path.exists():
        probes.mkdir(parents=True, exist_ok=True)
        write_probe_json(path, probe)
    return path


def arguments(asked: SortAsked, recording: Placed, out: Path, settings: Settings) -> tuple[str, ...]:
    """Write a sort as arguments of the command line. No value can be taken for an option.

    Parameters
    ----------
    asked : SortAsked
        The sort.
    recording : Placed
        Its files, which may be looked at.
    out : Path
        The result folder, which may be written.
    settings : Settings
        All settings.

    Returns
    -------
    tuple of str
        The first one is "sort".
    """
    return ("sort", *map(str, recording.files), *_options(asked, recording, out, settings))


def _options(asked: SortAsked, recording: Placed, out: Path, settings: Settings) -> Iterator[str]:
    raw = recording.options
    given = {
        "format": raw.format,
        "stream": raw.stream,
        "probe": recording.probe,
        "channels": raw.n_channels,
        "sampling-hz": raw.sampling_hz,
        "dtype": raw.dtype if raw.dtype != "int16" else None,
        "gain-uv": raw.gain_uv,
        "header-bytes": raw.header_bytes or None,
        "time-range": _interval(raw.time_range_s) if raw.time_range_s else None,
        "out": out,
        "jobs": asked.n_jobs,
        "memory": asked.memory or None,
    }
    yield from (f"--{name}={value}" for name, value in given.items() if value is not None)
    yield from (f"--exclude={_interval(each)}" for each in raw.exclude_s)
    yield from (f"--set={name}={_bare(written(value))}" for name, value in changed(settings).items())
    if asked.overwrite:
        yield "--overwrite"


def _interval(interval_s: Interval) -> str:
    return f"{interval_s[0]!r}:{interval_s[1]!r}"


def _bare(text: str) -> str:
    """A text without quotes, which `--set` takes as well, where it is a single word."""
    return text[1:-1] if text[:1] == '"' and text[1:-1].isalnum() and not text[1:-1].isdecimal() else text


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Make settings of what was filled in.

    Parameters
    ----------
    values : mapping of str to object
        The settings that are not default.

    Returns
    -------
    Settings
        All settings.

    Raises
    ------
    SettingsError
        One of them is wrong, or the method does not use it.
    """
    settings, wrong = checked(values)
    if wrong:
        raise SettingsError("\n".join(wrong.values()))
    settings.require_used()
    return settings


def valid(kind: type[Model], asked: Mapping[str, Any]) -> Model:
    """Check what was asked for.

    Parameters
    ----------
    kind : type
        What it should be.
    asked : mapping
        What was sent.

    Returns
    -------
    object
        One of that kind.

    Raises
    ------
    InputError
        It is something else.
    """
    try:
        return kind.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {first['msg']}.") from error
