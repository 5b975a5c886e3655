"""The curation of a result: taken in from Phy, and written for Phy, for SpikeInterface, and as a new result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.api.curate import curate_result
from spikesieve.app.session import Session
from spikesieve.curation.actions import Membership
from spikesieve.curation.between import difference
from spikesieve.curation.history import Step
from spikesieve.curation.spike_index import numbers_in
from spikesieve.errors import InputError
from spikesieve.io.curations.phy_files import (
    CLUSTERS,
    PhyCuration,
    read_clusters,
    read_seen,
    remember_seen,
    state_of_files,
    write_phy_curation,
)
from spikesieve.io.curations.spikeinterface import write_spikeinterface_curation
from spikesieve.io.sortings.phy_files import read_cluster_table
from spikesieve.model import I64, Label
from spikesieve.model.text import counted
from spikesieve.views.result import Result

SPIKEINTERFACE = "spikeinterface.json"


class CuratedFolder:
    """The folder of a result that is curated, and what other programs do with it.

    Parameters
    ----------
    session : Session
        The curation.
    folder : Path
        The result.
    curation : Path
        Folder of the curation.
    """

    def __init__(self, session: Session, folder: Path, curation: Path) -> None:
        self._session, self._folder, self._curation = session, folder, curation

    def take_in(self) -> str | None:
        """Take in what was changed in Phy since the files were last read or written here, as an entry of the history.

        Returns
        -------
        str or None
            What was taken in; None if nothing was changed.

        Raises
        ------
        InputError
            A file of Phy is damaged or of another result.
        """
        seen = read_seen(self._curation)
        if seen == state_of_files(self._folder):
            return None
        theirs = _in_phy(self._session, self._folder, is_first=seen is None)
        changes = difference(self._session.units_for_import, theirs)
        actions = tuple(changes)
        if actions:
            self._session.take(Step("import", actions), "import")
        remember_seen(self._curation, self._folder)
        if not actions:
            return None
        said = (
            (changes.merges, "merge"),
            (changes.splits, "split"),
            (changes.removed, "removal"),
            (changes.labels, "label"),
        )
        named = ", ".join(counted(len(done), word) for done, word in said if done)
        return f"Taken in from Phy: {named}. Undo leads back."

    def write_phy(self) -> str:
        """Write the curation as Phy's files.

        Returns
        -------
        str
            What was written.

        Raises
        ------
        InputError
            Phy changed the files meanwhile.
        OutputError
            They cannot be written.
        """
        if read_seen(self._curation) != state_of_files(self._folder):
            raise InputError(
                f"Phy changed {self._folder} meanwhile, so it is not replaced. Start anew to take that in."
            )
        write_phy_curation(self._folder, self._curation, for_phy(self._session, self._folder))
        return f"Phy's files are written. The old ones are in {self._curation.name}/original."

    def write_spikeinterface(self) -> str:
        """Write the curation as SpikeInterface's file.

        Returns
        -------
        str
            What was written.

        Raises
        ------
        OSError
            It cannot be written.
        """
        before = self._session.result.units
        changes = difference(before, self._session.units)
        write_spikeinterface_curation(self._curation / SPIKEINTERFACE, before, changes)
        return f"Written: {self._curation / SPIKEINTERFACE}"

    def write_result(self) -> str:
        """Write a new result, with all its tables and figures, beside this one.

        Returns
        -------
        str
            Where it is.

        Raises
        ------
        InputError
            The result is not one of spikesieve, or nothing was changed.
        OutputError
            It cannot be written.
        """
        if self._session.result.sorting is None:
            raise InputError("Only a result of spikesieve has what a new result needs. Write Phy's files instead.")
        self.write_spikeinterface()
        number, whole = 1, self._folder.resolve()
        while (out := whole.with_name(f"{whole.name}-curated-{number}")).exists():
            number += 1
        folder, _ = curate_result(self._folder, out, self._curation / SPIKEINTERFACE)
        return f"Written: {folder}"


def for_phy(session: Session, folder: Path) -> PhyCuration:
    """Put the units now into the form of Phy's files.

    Parameters
    ----------
    session : Session
        The curation.
    folder : Path
        Folder with Phy's files: rows of them that are no spikes here stay as they are.

    Returns
    -------
    PhyCuration
        Spikes of no unit are in a cluster of their own, labelled noise: Phy knows no spikes without a cluster.
    """
    result, units = session.result, session.units
    nothing = session.history.next_unit
    unit = np.where(units.unit >= 0, units.unit, nothing)
    before = read_clusters(folder)
    cluster = unit.copy() if before is None else before.copy()
    cluster[_file_rows(result)] = unit
    tables: dict[str, dict[int, str]] = {"group": {k: str(session.label(k)) for k in units.ids}}
    if (units.unit < 0).any():
        tables["group"][nothing] = str(Label.NOISE)
    for (number, name), text in units.texts.items():
        tables.setdefault(name.replace(" ", "_"), {})[number] = text
    return PhyCuration(cluster, tables)


def _file_rows(result: Result) -> I64 | slice:
    return slice(len(result.sample)) if result.file_row is None else result.file_row


def _in_phy(session: Session, folder: Path, is_first: bool) -> Membership:
    """The units as Phy's files have them, with numbers that mean the same spikes here."""
    now, rows = session.units_for_import, _file_rows(session.result)
    clusters = read_clusters(folder)
    groups, written = (_labels(folder / f"cluster_{name}.tsv") for name in ("group", "KSLabel"))
    written = written if is_first else {}
    if clusters is None:
        theirs = now
        number_of = {unit: unit for unit in now.ids}
    else:
        if len(clusters[rows]) != len(session.result.sample):
            raise InputError(f"{CLUSTERS} in {folder} has {len(clusters)} spikes: it is of another result.")
        theirs, number_of = _renumbered(clusters[rows], now)
    wanted = {number_of[k]: Label(group) for k, group in groups.items() if k in number_of and group in set(Label)}
    kept = {unit: label for unit, label in now.labels.items() if unit in theirs.rows}
    given = {
        number: wanted[number]
        for k, number in number_of.items()
        if number in wanted and written.get(k) != wanted[number] and not _has_label(session, number, wanted[number])
    }
    return replace(theirs, labels={**kept, **given})


def _has_label(session: Session, unit: int, label: Label) -> bool:
    return unit in session.units.rows and session.label(unit) == label


def _labels(path: Path) -> dict[int, str]:
    return read_cluster_table(path) if path.is_file() else {}


def _renumbered(clusters: I64, now: Membership) -> tuple[Membership, dict[int, int]]:
    """The clusters as units. One with the spikes of a unit keeps its number, others get one that was never used."""
    theirs = Membership.of_spikes(clusters, numbers_in(clusters)[0].tolist(), now.next_unit)
    rows, number_of, new = {}, {}, max(now.next_unit, max(theirs.rows, default=-1) + 1)
    for cluster, own in theirs.rows.items():
        same = cluster in now.rows and np.array_equal(now.rows[cluster], own)
        number = cluster if same else new
        new += not same
        rows[number], number_of[cluster] = own, number
    empty = {unit: own for unit, own in now.rows.items() if not len(own) and unit not in rows}
    return Membership({**rows, **empty}, now.n_spikes, new), number_of
