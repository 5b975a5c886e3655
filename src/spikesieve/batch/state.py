"""What is done of a row, as the file system says: its result, its kept steps, and a small file for each row."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from spikesieve.api.kept_steps import steps_folder
from spikesieve.api.probes import is_done
from spikesieve.batch.rows import COLUMNS, Row, settings_text
from spikesieve.engine.store import UNFINISHED
from spikesieve.errors import SpikesieveError
from spikesieve.io.probes.read import file_and_number
from spikesieve.io.recordings.open_input import open_recording
from spikesieve.io.results import provenance
from spikesieve.io.results.folder import BATCH_FOLDER, BATCH_RECORD, RESULT_MARKER

Standing = Literal["done", "other", "begun", "waiting"]
"""Of the files of a row: its result, another result in its place, kept steps, or nothing."""
_NOT_IN_KEY = {"name", "files", "out", "jobs", "memory", *("settings", "method", "bad_channels", "shanks")}


@dataclass(frozen=True)
class RowState:
    """What is known of the work on a row.

    Attributes
    ----------
    state : str
        waiting, running, done, refused (the user can mend it), failed (a fault), missing (this machine does not see
        its files), busy (another process works on it) or killed.
    why : str
        A sentence.
    step : str
        Name of the step.
    n_done, n_total : int
        Pieces of work of the step that are done, and all.
    host, pid : str, int
        Where it is sorted.
    memory_mb : float
        Peak memory of the process in MB (1e6 bytes).
    spent_s : float
        Time of all attempts together in s.
    left_s : float
        Time until its end in s, about; 0 where that is not known.
    n_jobs : int
        Cores of the sort.
    """

    state: str = "waiting"
    why: str = ""
    step: str = ""
    n_done: int = 0
    n_total: int = 0
    host: str = ""
    pid: int = 0
    memory_mb: float = 0.0
    spent_s: float = 0.0
    left_s: float = 0.0
    n_jobs: int = 1

    def line(self) -> str:
        """Say in a few words how far the work has come.

        Returns
        -------
        str
            Such as "match, 812 of 2400".

        Examples
        --------
        >>> RowState("running", step="match", n_done=812, n_total=2400).line()
        'match, 812 of 2400'
        """
        return f"{self.step}, {self.n_done} of {self.n_total}" if self.step else "begins"


@dataclass(frozen=True)
class Record:
    """What a finished row leaves in its result.

    Attributes
    ----------
    key : str
        Digest of everything but the recording that the result depends on.
    given : str
        Files of the row, as they were given.
    files : tuple of (str, int, int)
        Path, size in bytes and time of change in ns of each file of the recording.
    spent_s : float
        Time of all attempts in s.
    n_jobs : int
        Cores of the sort.
    host : str
        Where it was sorted.
    memory_mb : float
        Peak memory of the process in MB.
    """

    key: str
    given: str
    files: tuple[tuple[str, int, int], ...] = field(default_factory=tuple)
    spent_s: float = 0.0
    n_jobs: int = 1
    host: str = ""
    memory_mb: float = 0.0

    def to_json(self) -> str:
        """Write it as text.

        Returns
        -------
        str
            JSON.
        """
        return json.dumps(asdict(self), indent=1)


@dataclass(frozen=True)
class Place:
    """The folder of a batch.

    Attributes
    ----------
    folder : Path
        Where the results, the summary and the page are.
    """

    folder: Path

    @property
    def hidden(self) -> Path:
        """Folder of what only the program reads."""
        return self.folder / BATCH_FOLDER

    def state_file(self, row: Row) -> Path:
        """Name the file in which the state of a row is kept.

        Parameters
        ----------
        row : Row
            The row.

        Returns
        -------
        Path
            The file.
        """
        return self.hidden / "rows" / f"{row.name}.json"

    def log_file(self, row: Row) -> Path:
        """Name the log of a row.

        Parameters
        ----------
        row : Row
            The row.

        Returns
        -------
        Path
            The file.
        """
        return self.folder / "logs" / f"{row.name}.log"

    def read_state(self, row: Row) -> RowState:
        """Read the state of a row.

        Parameters
        ----------
        row : Row
            The row.

        Returns
        -------
        RowState
            Waiting, if nothing is known.
        """
        found = _read_json(self.state_file(row))
        kinds = {each.name: type(each.default) for each in fields(RowState)}
        fitting: dict[str, Any] = {name: value for name, value in found.items() if type(value) is kinds.get(name)}
        return RowState(**fitting)

    def write_state(self, row: Row, state: RowState) -> None:
        """Write the state of a row.

        Parameters
        ----------
        row : Row
            The row.
        state : RowState
            What is known.
        """
        path = self.state_file(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(json.dumps(asdict(state)), encoding="utf-8")
        new.replace(path)


def key_of_row(row: Row) -> str:
    """Digest everything but the recording that a result depends on: settings, probe, format, times, motion.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    str
        20 hexadecimal digits. Workers and memory, paths and names of files are not in it, and neither is the version of
        spikesieve: a batch is not sorted again because the program was updated.

    Raises
    ------
    SpikesieveError
        The probe or another file cannot be read.
    """
    cells = {name: text for name, text in row.cells if name in COLUMNS and name not in _NOT_IN_KEY}
    for name in ("motion", "artifact_times"):
        if name in cells:
            cells[name] = _content(Path(cells[name]))
    if "probe" in cells:
        file, number = file_and_number(cells["probe"])
        cells["probe"] = f"{_content(file)}{number}" if file.is_file() else cells["probe"]
    parts = json.dumps([sorted(cells.items()), settings_text(row)])
    return blake2b(parts.encode(), digest_size=10).hexdigest()


def standing(row: Row, key: str) -> Standing:
    """Look what of a row is on the disk.

    Parameters
    ----------
    row : Row
        The row.
    key : str
        Its key.

    Returns
    -------
    str
        "done" if the result is there, was made with these settings and of these files, and is split if it is to be.
    """
    if not (row.out / RESULT_MARKER).is_file():
        return "begun" if steps_folder(row.out).is_dir() else "waiting"
    record = read_record(row.out)
    try:
        same = _is_of(row, record, key) if record is not None else is_done(row.job())
    except (SpikesieveError, OSError):
        same = False
    if not same:
        return "other"
    return "done" if not row.split or _is_split(row, key) else "begun"


def kept_so_far(row: Row) -> tuple[int, int]:
    """Measure what is kept of an unfinished row: it grows as long as the work gets on, through any number of kills.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    n_steps : int
        Finished steps.
    n_bytes : int
        Bytes of steps in progress.
    """
    folders = [path for path in steps_folder(row.out).glob("*") if path.is_dir()]
    unfinished = [path for path in folders if UNFINISHED in path.name]
    sizes = (path.stat().st_size for folder in unfinished for path in folder.rglob("*") if path.is_file())
    return len(folders) - len(unfinished), sum(sizes)


def read_record(folder: Path) -> Record | None:
    """Read what a row left in its result.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    Record or None
        None if it was not sorted by a batch, or the file is damaged.
    """
    found = _read_json(folder / BATCH_RECORD)
    try:
        files = tuple((str(path), int(size), int(changed)) for path, size, changed in found.pop("files"))
        return Record(**found, files=files)
    except (KeyError, TypeError, ValueError):
        return None


def files_now(paths: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Look at the files of a recording.

    Parameters
    ----------
    paths : sequence of str
        Its files.

    Returns
    -------
    tuple of (str, int, int)
        Path, size in bytes and time of change in ns of those that exist.
    """
    facts = [(os.path.abspath(path), os.stat(path)) for path in paths if os.path.exists(path)]
    return tuple((path, each.st_size, each.st_mtime_ns) for path, each in facts)


def _is_of(row: Row, record: Record, key: str) -> bool:
    """Whether a result was made of the files of a row as they are now. Raw files that are gone do not matter."""
    if record.key != key:
        return False
    if record.given == row.cell("files"):
        now = {path: (size, changed) for path, size, changed in files_now([path for path, *_ in record.files])}
        pairs = [((size, changed), now[path], path) for path, size, changed in record.files if path in now]
    else:
        job = row.job()
        found = files_now(open_recording(job.files, job.raw, job.probe is not None).recording.paths)
        if len(found) != len(record.files):
            return False
        pairs = [(then[1:], each[1:], each[0]) for then, each in zip(record.files, found, strict=True)]
    changed = [path for then, each, path in pairs if then != each]
    if any(then[0] != each[0] for then, each, _ in pairs):
        return False
    return not changed or _same_content(row.out, changed)


def _same_content(result: Path, paths: Sequence[str]) -> bool:
    """Whether files that were touched or moved still have the digests that the result was made of."""
    inputs = json.loads((result / RESULT_MARKER).read_text(encoding="utf-8"))["inputs"]
    known = [_digest(entry) for entry in inputs]
    return all(_digest(provenance.fingerprint(Path(path))) in known for path in paths)


def _digest(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(value)) for key, value in entry.items() if key != "path"))


def _is_split(row: Row, key: str) -> bool:
    return _read_json(row.split_folder / BATCH_RECORD).get("key") == key


@lru_cache(maxsize=1024)
def _content(path: Path) -> str:
    return str(_digest(provenance.fingerprint(path)))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
