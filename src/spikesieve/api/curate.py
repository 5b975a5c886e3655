"""Applies corrections to a result, and writes the new result."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.finished import FinishedResult, read_finished
from spikesieve.api.save import LOG_NAME
from spikesieve.curation.actions import Action, Merge, Remove, SetLabel, SetText, Split, after, as_sorted
from spikesieve.curation.between import difference
from spikesieve.curation.recompute import CurationParams, curated
from spikesieve.errors import InputError
from spikesieve.io.curations.phy import phy_difference
from spikesieve.io.curations.spikeinterface import read_spikeinterface_curation, write_spikeinterface_curation
from spikesieve.io.results import provenance
from spikesieve.io.results.clock_files import write_segment_rows
from spikesieve.io.results.folder import CURATION, RESULT_MARKER, result_folder, write_data_files
from spikesieve.io.results.for_the_page import copy_for_the_page
from spikesieve.io.results.phy import save_array
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Sorting
from spikesieve.model.text import counted
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams

logger = logging.getLogger(__name__)

WORDS: dict[type, str] = {Merge: "merge", Split: "split", Remove: "removed unit", SetLabel: "label", SetText: "note"}


def curate_result(
    folder: Path | str, out: Path | str, changes: Path | str | None = None, overwrite: bool = False
) -> tuple[Path, tuple[str, ...]]:
    """Apply corrections to a result. Every table, figure and metric of a merged or split unit is computed again.

    Parameters
    ----------
    folder : path
        A result folder. It stays as it is.
    out : path
        Folder of the new result.
    changes : path, optional
        A curation file of SpikeInterface (JSON), or a copy of the result that was changed in Phy. Default: what was
        changed in Phy in `folder` itself.
    overwrite : bool, optional
        Replace an older result.

    Returns
    -------
    folder : Path
        The new result. `curation.json` in it has the corrections in SpikeInterface's format.
    notes : tuple of str
        What was done, and what could not be.

    Raises
    ------
    InputError
        There is nothing to change, or the corrections are of another result.
    OutputError
        `out` exists (without `overwrite`) or cannot be written.
    """
    whole, out = read_finished(Path(folder)), Path(out)
    before = as_sorted(whole.sorting)
    actions, notes = _read_changes(whole, Path(changes) if changes is not None else whole.folder)
    if not actions:
        raise InputError(
            f"{changes or folder} changes nothing. Correct the result in Phy and save it there, or give a curation "
            "file with --apply."
        )
    sorting = curated(whole.sorting, actions, _params(whole.facts["settings"]))
    notes = (_summary(actions, whole), *notes)
    with result_folder(out, overwrite, (whole.folder, *whole.raw_files)) as new, run_log(new / LOG_NAME):
        for note in notes:
            logger.info("%s", note)
        write_spikeinterface_curation(new / CURATION, before, difference(before, after(before, actions)))
        _write(new, out, whole, sorting, notes)
    return out, notes


def _read_changes(whole: FinishedResult, changes: Path) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    if changes.is_dir():
        return tuple(phy_difference(whole.sorting, changes)), ()
    return read_spikeinterface_curation(changes, as_sorted(whole.sorting))


def _params(settings: dict[str, Any]) -> CurationParams:
    """The criteria of the sort, where they are known."""
    return CurationParams(UnitsParams(**settings.get("units", {})), CurateParams(**settings.get("curate", {})))


def _summary(actions: Sequence[Action], whole: FinishedResult) -> str:
    n_each = Counter(WORDS[type(action)] for action in actions)
    done = ", ".join(counted(n, word) for word, n in n_each.items())
    return f"Corrected by hand ({done}) from {whole.folder.resolve()}."


def _write(new: Path, place: Path, whole: FinishedResult, sorting: Sorting, notes: tuple[str, ...]) -> None:
    phy_notes = write_data_files(new, sorting, whole.recording, whole.run, place)
    # Spikes at one sample have one time.
    rows = np.searchsorted(whole.sorting.spikes.sample, sorting.spikes.sample)
    save_array(new / "spike_times_sec.npy", whole.spike_s[rows], np.float64)
    write_segment_rows(new, whole.segments)
    copy_for_the_page(whole.folder, new)
    facts = {
        **whole.facts,
        "result": provenance.result_facts(sorting),
        "notes": [*notes, *whole.facts["notes"], *phy_notes],
    }
    provenance.write_facts(new / RESULT_MARKER, facts)
    from spikesieve.report.sorting.write import write_report  # draws with matplotlib, which takes long to load

    write_report(new, sorting, facts)
