"""Writes the report of a result folder again."""

from __future__ import annotations

from pathlib import Path

from spikesieve.io.finished_folder import NEW
from spikesieve.io.hidden_folder import hidden_folder
from spikesieve.io.results.read import curation_notes, read_provenance, read_sorting
from spikesieve.report.sorting.write import FIGURES, PAGE, write_report


def report_folder(folder: Path) -> Path:
    """Write the page and the figures of a result again.

    The older files are replaced when all new ones are complete.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        The folder is not a result folder.
    InUseError
        Another process writes them.
    OutputError
        They cannot be written.
    """
    sorting, facts = read_sorting(folder), read_provenance(folder)
    facts["notes"] = [*facts["notes"], *curation_notes(folder)]
    with hidden_folder(folder.resolve() / PAGE, NEW) as new:
        report = write_report(new, sorting, facts)
        (folder / FIGURES).mkdir(exist_ok=True)
        for path in (*report.pictures, *report.tables, report.page):
            path.replace(folder / path.relative_to(new))
    return folder / PAGE
