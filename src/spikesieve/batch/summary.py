"""One line for each recording: what was found, what it cost, and what of it needs a look."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from spikesieve.batch.rows import Row
from spikesieve.batch.state import Place, Record, read_record
from spikesieve.errors import SpikesieveError
from spikesieve.io.hidden_folder import hidden_path
from spikesieve.io.results.read import read_provenance

# A value further from the median of the batch than this many robust SD is said. 3.5: Iglewicz and Hoaglin (1993).
_OUTLIER_SD = 3.5
_MAD_TO_SD = 1.4826
# Fewer recordings say nothing about what is usual.
_MIN_ROWS = 5


@dataclass(frozen=True)
class Line:
    """One recording of a batch; a row of `summary.csv`.

    Attributes
    ----------
    name : str
        Name of the row.
    state : str
        As in `RowState`.
    look : str
        What needs a look, in sentences; empty: nothing does.
    recording_s : float
        Length that was sorted in s.
    n_contacts : int
        Contacts that were sorted.
    n_units, n_good, n_mua, n_noise : int
        Units, and those of each label.
    n_spikes : int
        Spikes of all units.
    drift : str
        What was decided about the drift of each shank.
    drift_um : float
        Largest displacement in um.
    n_notes : int
        Notes of the result.
    notes : str
        The notes.
    seconds : float
        Time of all attempts in s.
    core_hours : float
        Time on all cores of the sort in h.
    peak_memory_mb : float
        Highest memory of the process in MB (1e6 bytes).
    cost, cost_per_probe_hour : float or None
        Price of the core-hours, and per hour of recording; None without a price.
    method, version, host : str
        How and where it was sorted.
    out : str
        The result folder.
    """

    name: str
    state: str
    look: str = ""
    recording_s: float = 0.0
    n_contacts: int = 0
    n_units: int = 0
    n_good: int = 0
    n_mua: int = 0
    n_noise: int = 0
    n_spikes: int = 0
    drift: str = ""
    drift_um: float = 0.0
    n_notes: int = 0
    notes: str = ""
    seconds: float = 0.0
    core_hours: float = 0.0
    peak_memory_mb: float = 0.0
    cost: float | None = None
    cost_per_probe_hour: float | None = None
    method: str = ""
    version: str = ""
    host: str = ""
    out: str = ""


@dataclass
class Summary:
    """Reads each result once.

    Attributes
    ----------
    place : Place
        Folder of the batch.
    price_core_hour : float or None
        Price of a core for an hour.
    """

    place: Place
    price_core_hour: float | None = None
    _done: dict[str, Line] = field(default_factory=dict)

    def lines(self, rows: Iterable[Row], states: dict[str, str], reasons: dict[str, str]) -> list[Line]:
        """Summarise all rows.

        Parameters
        ----------
        rows : iterable of Row
            The plan.
        states, reasons : dict of str to str
            State of each row and why it has it, by name; rows without one are waiting.

        Returns
        -------
        list of Line
            In the order of the plan.
        """
        lines = [self._line(row, states.get(row.name, "waiting"), reasons.get(row.name, "")) for row in rows]
        return _with_outliers(lines)

    def _line(self, row: Row, state: str, why: str) -> Line:
        if state != "done":
            return Line(row.name, state, look=why, out=str(row.out))
        if row.name not in self._done:
            self._done[row.name] = self._of_result(row)
        return self._done[row.name]

    def _of_result(self, row: Row) -> Line:
        try:
            facts = read_provenance(row.out)
            return _line_of(row, facts, read_record(row.out) or _unrecorded(facts), self.price_core_hour)
        except (SpikesieveError, KeyError, TypeError, ValueError) as error:
            return Line(row.name, "done", look=f"Its result cannot be read: {error}", out=str(row.out))


def _unrecorded(facts: dict[str, Any]) -> Record:
    """The record of a result that was not made by a batch."""
    stages = facts["stages"].values()
    memory_mb = max((cost["peak_memory_mb"] for cost in stages), default=0.0)
    return Record("", "", spent_s=sum(cost["seconds"] for cost in stages), memory_mb=memory_mb)


def _line_of(row: Row, facts: dict[str, Any], record: Record, price: float | None) -> Line:
    result, hours = facts["result"], float(facts["recording"]["sorted_s"]) / 3600
    core_hours = record.spent_s * record.n_jobs / 3600
    cost = None if price is None else core_hours * price
    motion = facts["motion"]
    return Line(
        name=row.name,
        state="done",
        look="" if result["n_units"] else "No unit was found.",
        recording_s=round(3600 * hours, 3),
        n_contacts=result["n_contacts_sorted"],
        n_units=result["n_units"],
        n_good=result["n_good"],
        n_mua=result["n_mua"],
        n_noise=result["n_noise"],
        n_spikes=result["n_spikes"],
        drift=", ".join(dict.fromkeys(str(each["decision"]) for each in motion)),
        drift_um=max((float(each["largest_displacement_um"]) for each in motion), default=0.0),
        n_notes=len(facts["notes"]),
        notes=" ".join(facts["notes"]),
        seconds=round(record.spent_s, 2),
        core_hours=round(core_hours, 5),
        peak_memory_mb=record.memory_mb,
        cost=None if cost is None else round(cost, 5),
        cost_per_probe_hour=None if cost is None or not hours else round(cost / hours, 4),
        method=facts["method"],
        version=str(facts["versions"]["spikesieve"]),
        host=record.host,
        out=str(row.out),
    )


_MEASURES: tuple[tuple[str, str, Callable[[Line], float]], ...] = (
    ("good units per 100 contacts", "{:.3g}", lambda line: 100 * line.n_good / max(1, line.n_contacts)),
    (
        "spikes per second and contact",
        "{:.3g}",
        lambda line: line.n_spikes / max(1.0, line.recording_s * line.n_contacts),
    ),
    ("µm of drift", "{:.0f}", lambda line: line.drift_um),
    ("notes", "{:.0f}", lambda line: float(line.n_notes)),
    ("s of work per minute of recording", "{:.3g}", lambda line: 60 * line.seconds / max(1.0, line.recording_s)),
)


def _with_outliers(lines: list[Line]) -> list[Line]:
    """Say of each recording what is far from the usual of this batch."""
    done = [line for line in lines if line.state == "done" and line.n_contacts]
    if len(done) < _MIN_ROWS:
        return lines
    said: dict[str, list[str]] = {}
    for what, form, measure in _MEASURES:
        values = [measure(line) for line in done]
        middle = statistics.median(values)
        sd = _MAD_TO_SD * statistics.median(abs(value - middle) for value in values)
        for line, value in zip(done, values, strict=True):
            if sd > 0 and abs(value - middle) > _OUTLIER_SD * sd:
                said.setdefault(line.name, []).append(
                    f"{form.format(value)} {what}, where {form.format(middle)} is usual here."
                )
    return [_said(line, said.get(line.name, [])) for line in lines]


def _said(line: Line, sentences: Sequence[str]) -> Line:
    if not sentences:
        return line
    return replace(line, look=" ".join([line.look, *sentences]).strip())


def ranked(lines: Iterable[Line]) -> list[Line]:
    """Put what needs a look first: faults, refused rows, then results with the most to look at.

    Parameters
    ----------
    lines : iterable of Line
        All rows.

    Returns
    -------
    list of Line
        The same in another order.
    """
    order = ("failed", "refused", "done", "running", "waiting")
    return sorted(
        lines, key=lambda line: (order.index(line.state), -line.look.count(". ") - bool(line.look), line.name)
    )


def write_summary(lines: Sequence[Line], path: Path) -> None:
    """Write `summary.csv`.

    Parameters
    ----------
    lines : sequence of Line
        All rows.
    path : Path
        The file; replaced if it exists.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [each.name for each in fields(Line)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(line) for line in lines)
    new = hidden_path(path, "new")
    new.write_text(text.getvalue(), encoding="utf-8", newline="")
    new.replace(path)
