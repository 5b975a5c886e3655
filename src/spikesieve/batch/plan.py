"""Plans of a batch: a CSV or TOML file with a row for each sort, or files, folders and patterns to look in."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spikesieve.batch.discover import discover
from spikesieve.batch.parts import EACH, parts_of
from spikesieve.batch.rows import COLUMNS, SEPARATOR, Row, make_row, require_apart
from spikesieve.errors import InputError, SpikesieveError
from spikesieve.io.hidden_folder import hidden_path

DELIMITERS = (",", ";", "\t")
ROWS = "row"


def read_plan(plan: Sequence[str | Path], out: Path, defaults: Mapping[str, str]) -> tuple[Row, ...]:
    """Read a plan, or find what can be sorted.

    Parameters
    ----------
    plan : sequence of str or Path
        One CSV or TOML file; or recordings, folders and patterns such as "/data/**/*.ap.bin".
    out : Path
        Folder of the results.
    defaults : mapping of str to str
        What holds for all rows that do not say otherwise, by column.

    Returns
    -------
    tuple of Row
        In the order of the plan.

    Raises
    ------
    InputError, SettingsError
        The plan cannot be read, nothing was found, a column or setting is unknown or wrong, or two rows have one place.

    Examples
    --------
    >>> rows = read_plan(["mouse.bin"], Path("results"), {"probe": "tetrode:4", "channels": "16"})
    >>> rows[0].name, rows[0].cell("channels")
    ('mouse', '16')
    """
    first = Path(plan[0])
    if len(plan) == 1 and first.suffix.lower() in (".csv", ".toml"):
        base, cells = first.absolute().parent, _cells_of_file(first)
    else:
        base, cells = Path.cwd(), enumerate(discover(plan, defaults), 1)
    rows = tuple(
        row
        for number, each in cells
        for row in _numbered_rows(plan[0], number, {**defaults, **_filled(each)}, base, out)
    )
    if not rows:
        raise InputError(f"Nothing to sort was found in {', '.join(map(str, plan))}. Check the name, or write a plan.")
    require_apart(rows)
    return rows


def write_plan(rows: Iterable[Row], path: Path) -> None:
    """Write a plan as CSV. Read again, it gives the same rows from any folder.

    Parameters
    ----------
    rows : iterable of Row
        The rows.
    path : Path
        The file; replaced if it exists.
    """
    rows = tuple(rows)
    used = {column for row in rows for column, _ in row.cells}
    columns = [*(name for name in COLUMNS if name in used), *sorted(used - set(COLUMNS))]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(row.cells) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = hidden_path(path, "new")
    new.write_text(text.getvalue(), encoding="utf-8", newline="")
    new.replace(path)


def _numbered_rows(plan: str | Path, number: int, cells: dict[str, str], base: Path, out: Path) -> tuple[Row, ...]:
    """The rows that one line of a plan stands for."""
    each_shank = cells.get("shanks") == EACH
    try:
        row = make_row({name: text for name, text in cells.items() if text != EACH or name != "shanks"}, base, out)
    except SpikesieveError as error:
        raise type(error)(f"Row {number} of {plan}: {error}") from error
    return tuple(parts_of(row, each_shank))


def _filled(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in cells.items() if text.strip()}


def _cells_of_file(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and texts of each row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The plan {path} cannot be read: {error.strerror}. Check its name.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The plan {path} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    return enumerate(_of_csv(path, text) if path.suffix.lower() == ".csv" else _of_toml(path, text), 1)


def _of_csv(path: Path, text: str) -> Iterator[dict[str, str]]:
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=head.count)
    try:
        for cells in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if None in cells:
                raise InputError(f"The plan {path} has a row with more cells than columns: {cells[None]}.")
            if any(cells.values()):
                yield {name: value or "" for name, value in cells.items()}
    except csv.Error as error:
        raise InputError(f"The plan {path} is no CSV: {error}. Save it as CSV again.") from error


def _of_toml(path: Path, text: str) -> Iterator[dict[str, str]]:
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"The plan {path} is not valid TOML: {error}. Correct that line.") from error
    rows = tree.pop(ROWS, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"The plan {path} has a `{ROWS}` that is no list of tables. Write [[{ROWS}]] above each row.")
    defaults = dict(_flat(tree))
    for row in rows:
        yield defaults | dict(_flat(row))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names with dots, and values as they stand in a CSV."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            separator = SEPARATOR if f"{prefix}{key}" in ("files", "exclude") else ","
            yield f"{prefix}{key}", separator.join(map(str, value))
        else:
            yield f"{prefix}{key}", str(value).lower() if isinstance(value, bool) else str(value)
