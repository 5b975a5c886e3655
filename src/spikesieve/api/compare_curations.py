"""Compares what two curators made of one result: two journals of `spikesieve app`."""

from __future__ import annotations

import csv
from pathlib import Path

from spikesieve.api.app import identity_of
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.curation.actions import Membership
from spikesieve.curation.agreement import UnitAgreement, agreement_sentence, compare_curations
from spikesieve.curation.history import replay
from spikesieve.errors import InputError, OutputError
from spikesieve.io.curations.journal import JOURNAL, read_journal
from spikesieve.model.external import ExternalSorting, SpikeTrains
from spikesieve.views.result import Result

COLUMNS = ("unit of A", "unit of B", "spikes of A", "spikes of B", "in common", "label of A", "label of B", "what")
TABLE = "curations.csv"


def is_journal(source: object) -> bool:
    """Say whether something is the journal of a curation.

    Parameters
    ----------
    source : object
        A path, or anything else.

    Returns
    -------
    bool
        True for `journal.jsonl` and for its folder.
    """
    return isinstance(source, str | Path) and _folder(Path(source)) is not None


def _folder(path: Path) -> Path | None:
    if path.name == JOURNAL and path.is_file():
        return path.parent
    return path if (path / JOURNAL).is_file() else None


def compare_journals(
    a: Path | str, b: Path | str, out: Path | str | None = None
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Compare what two curators made of one result.

    Parameters
    ----------
    a, b : path
        Journals of `spikesieve app`, or their folders. That of A, or of B, is in the result, or in a copy of it.
    out : path, optional
        Folder for the table, `curations.csv`.

    Returns
    -------
    rows : tuple of tuple of str
        The table with the columns `COLUMNS`: first the units on which they differ.
    sentences : tuple of str
        What it says.

    Raises
    ------
    InputError
        They are no journals, or of different results.
    OutputError
        The folder cannot be written.
    """
    result = _result_of(a, b)
    units = [_curated(path, result) for path in (a, b)]
    found = compare_curations(*units)
    rows = tuple(_shown(one) for one in sorted(found, key=lambda one: one.agrees))
    if out is not None:
        _write(Path(out), rows)
    return rows, (f"A is {a}, B is {b}.", agreement_sentence(found))


def read_curated(path: Path | str) -> ExternalSorting:
    """Read the units that a curator made, to compare them with any other sorting.

    Parameters
    ----------
    path : path
        A journal of `spikesieve app` in its result, or its folder.

    Returns
    -------
    ExternalSorting
        Their spike trains, without waveforms.

    Raises
    ------
    InputError
        It is not in a result, or of another one.
    """
    result = _result_of(path)
    unit = _curated(path, result).unit
    belongs = unit >= 0
    name = f"{result.name} as curated"
    return ExternalSorting(
        name=name,
        kind="curation of spikesieve app",
        trains=SpikeTrains.from_spikes(result.sample[belongs], unit[belongs], name),
        sampling_hz=result.time.sampling_hz,
        channels=result.probe.channels,
        positions_um=result.probe.positions_um,
        shanks=result.probe.shanks,
        segments=result.time.segments,
    )


def _result_of(*paths: Path | str) -> Result:
    """The result around the first of these journals that is in one."""
    for path in paths:
        folder = _folder(Path(path))
        if folder is None:
            raise InputError(f"{path} is no journal. Give RESULT/curation, or the {JOURNAL} in it.")
        parent = folder.resolve().parent
        if (parent / "spike_times.npy").is_file():
            return read_result_to_show(parent)
    raise InputError(f"{paths[0]} is not in its result. Put its folder, with `splits`, into a copy of the result.")


def _curated(path: Path | str, result: Result) -> Membership:
    folder = _folder(Path(path))
    if folder is None:
        raise InputError(f"{path} is no journal. Give RESULT/curation, or the {JOURNAL} in it.")
    return replay(result.units, read_journal(folder, identity_of(result)).entries).units


def _shown(one: UnitAgreement) -> tuple[str, ...]:
    numbers = (one.a, one.b, one.n_a, one.n_b, one.n_common)
    what = one.what if one.agrees or not one.has_same_spikes else "another label"
    return (*("-" if n is None else str(n) for n in numbers), one.label_a, one.label_b, what)


def _write(out: Path, rows: tuple[tuple[str, ...], ...]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}). Give another folder.") from error
