"""The curation of a result: taken in from Phy, and written for Phy, for SpikeInterface, and as a new result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.api.curate import WORDS, curate_result
from spikesieve.app.session import Session
from spikesieve.curation.actions import Action, Membership, SetText, after
from spikesieve.curation.between import difference
from spikesieve.curation.history import Step
from spikesieve.curation.spike_index import numbers_in
from spikesieve.errors import InputError
from spikesieve.io.curations.phy_files import (
    CLUSTERS,
    PhyCuration,
    is_as_seen,
    keep_aside,
    read_clusters,
    read_own_tables,
    read_seen,
    remember_seen,
    stat_of_files,
    state_of_files,
    write_phy_curation,
)
from spikesieve.io.curations.spikeinterface import (
    read_spikeinterface_curation,
    spikeinterface_actions,
    write_spikeinterface_curation,
)
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
        self._stat: dict[str, tuple[int, int]] = {}
        self._said: str | None = None

    def elsewhere(self) -> str | None:
        """Say what Phy changed since the files were last read or written here. It costs nothing while nothing changes.

        Returns
        -------
        str or None
            What is different; None if nothing is.
        """
        try:
            stat = stat_of_files(self._folder)
            if stat != self._stat:
                self._said = self._what_changed()
                self._stat = stat
        except (InputError, OSError) as error:
            return f"Phy's files cannot be read now: {error}"
        return self._said

    def _what_changed(self) -> str | None:
        if is_as_seen(self._curation, self._folder):
            return None
        named = _named(self._changes(self._folder))
        return f"Phy changed {self._folder.resolve().name}: {named}." if named else None

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
        if is_as_seen(self._curation, self._folder):
            return None
        actions = self._changes(self._folder)
        self._take(actions)
        remember_seen(self._curation, self._folder)
        self._stat = {}
        return f"Taken in from Phy: {_named(actions)}. Undo leads back." if actions else None

    def take_in_now(self) -> str:
        """Take in what Phy changed while this is open.

        Returns
        -------
        str
            What was taken in.

        Raises
        ------
        InputError
            A file of Phy is damaged or of another result.
        """
        return self.take_in() or "Phy has changed nothing."

    def keep_ours(self) -> str:
        """Let the units stay as they are here. What Phy wrote is kept aside, and replaced by the next export.

        Returns
        -------
        str
            Where it is kept.

        Raises
        ------
        OutputError
            It cannot be kept.
        """
        kept = keep_aside(self._curation, self._folder)
        remember_seen(self._curation, self._folder)
        self._stat = {}
        return f"Ours stays. What Phy wrote is in {kept}, and the next export replaces it."

    def read_changes(self, path: Path) -> str:
        """Take in a curation that was made elsewhere, as an entry of the history.

        Parameters
        ----------
        path : Path
            A curation file of SpikeInterface, or a copy of the folder that was changed in Phy.

        Returns
        -------
        str
            What was taken in.

        Raises
        ------
        InputError
            It is no curation of these units.
        """
        if path.is_dir():
            return self._taken_from(path.name, self._changes(path), ())
        units = self._session.units_for_import
        done, notes = read_spikeinterface_curation(path, units)
        return self._taken_from(path.name, _to(self._session, after(units, done)), notes)

    def read_text(self, name: str, text: str) -> str:
        """Take in the text of a curation file of SpikeInterface, as an entry of the history.

        Parameters
        ----------
        name : str
            What the file is called.
        text : str
            JSON.

        Returns
        -------
        str
            What was taken in.

        Raises
        ------
        InputError
            It is no curation of these units.
        """
        units = self._session.units_for_import
        done, notes = spikeinterface_actions(text, name, units)
        return self._taken_from(name, _to(self._session, after(units, done)), notes)

    def _taken_from(self, name: str, actions: tuple[Action, ...], notes: tuple[str, ...]) -> str:
        self._take(actions)
        said = f"Taken in from {name}: {_named(actions)}. Undo leads back." if actions else f"{name} changes nothing."
        return " ".join((said, *notes))

    def _take(self, actions: tuple[Action, ...]) -> None:
        if actions:
            self._session.take(Step("import", actions), "import")

    def _changes(self, folder: Path) -> tuple[Action, ...]:
        """What leads from the units now to those of Phy's files."""
        is_first = read_seen(self._curation) is None
        theirs, number_of = _in_phy(self._session, folder, is_first)
        now = self._session.units_for_import
        changes = tuple(difference(now, theirs))
        target = after(now, changes)
        texts = _texts(target.texts, read_own_tables(folder), number_of, set(target.ids))
        return (*changes, *texts)

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
        if (read_seen(self._curation) or {}).get("files") != state_of_files(self._folder):
            raise InputError(
                f"Phy changed {self._folder} meanwhile, so it is not replaced. Take that in first, or keep ours."
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
    cluster = unit.copy() if before is None else before.astype(np.int64)
    cluster[_file_rows(result)] = unit
    tables: dict[str, dict[int, str]] = {"group": {k: str(session.label(k)) for k in units.ids}}
    if (units.unit < 0).any():
        tables["group"][nothing] = str(Label.NOISE)
    for (number, name), text in units.texts.items():
        tables.setdefault(name.replace(" ", "_"), {})[number] = text
    info = {k: _info(session, k) for k in units.ids}
    for name, column in tables.items():
        for number, text in column.items():
            info.setdefault(number, {})[name] = text
    return PhyCuration(cluster, tables, info)


def _info(session: Session, number: int) -> dict[str, str]:
    """What Phy's table of clusters shows of a unit."""
    row = session.facts(number).row
    shown = {"amp": row.amplitude_uv, "depth": row.depth_um, "fr": row.firing_rate_hz}
    whole = {"ch": row.file_channel, "sh": row.shank, "n_spikes": row.n_spikes}
    return {**{name: f"{value:.6g}" for name, value in shown.items()}, **{k: str(v) for k, v in whole.items()}}


def _file_rows(result: Result) -> I64 | slice:
    return slice(len(result.sample)) if result.file_row is None else result.file_row


def _in_phy(session: Session, folder: Path, is_first: bool) -> tuple[Membership, dict[int, int]]:
    """The units as Phy's files have them, and the number here of each cluster."""
    now, rows = session.units_for_import, _file_rows(session.result)
    clusters = read_clusters(folder)
    groups, written = (_labels(folder / f"cluster_{name}.tsv") for name in ("group", "KSLabel"))
    written = written if is_first else {}
    is_untouched = session.units is session.result.units and clusters is not None
    if clusters is None or (is_untouched and session.result.are_its_units(clusters[rows])):
        theirs = now
        number_of = {unit: unit for unit in now.ids}
    else:
        if len(clusters[rows]) != len(session.result.sample):
            raise InputError(f"{CLUSTERS} in {folder} has {len(clusters)} spikes: it is of another result.")
        ids = numbers_in(clusters[rows])[0].tolist()
        theirs, number_of = _renumbered(Membership.of_spikes(clusters[rows], ids, now.next_unit), now)
    wanted = {number_of[k]: Label(group) for k, group in groups.items() if k in number_of and group in set(Label)}
    kept = {unit: label for unit, label in now.labels.items() if unit in theirs.rows}
    given = {
        number: wanted[number]
        for k, number in number_of.items()
        if number in wanted and written.get(k) != wanted[number] and not _has_label(session, number, wanted[number])
    }
    return replace(theirs, labels={**kept, **given}), number_of


def _has_label(session: Session, unit: int, label: Label) -> bool:
    return unit in session.units.rows and session.label(unit) == label


def _labels(path: Path) -> dict[int, str]:
    return read_cluster_table(path) if path.is_file() else {}


def _to(session: Session, target: Membership) -> tuple[Action, ...]:
    """Actions that lead from the units now to others. New units get numbers that no unit ever had."""
    now = session.units_for_import
    wanted, _ = _renumbered(target, now)
    return tuple(difference(now, wanted))


def _renumbered(theirs: Membership, now: Membership) -> tuple[Membership, dict[int, int]]:
    """The same units, and the new number of each. One with the spikes of a unit now keeps that number."""
    rows, number_of, new = {}, {}, max(now.next_unit, max(theirs.rows, default=-1) + 1)
    for unit, own in theirs.rows.items():
        same = unit in now.rows and np.array_equal(now.rows[unit], own)
        number = unit if same else new
        new += not same
        rows[number], number_of[unit] = own, number
    empty = {unit: own for unit, own in now.rows.items() if not len(own) and unit not in rows}
    labels = {number_of[unit]: label for unit, label in theirs.labels.items()}
    return Membership({**rows, **empty}, now.n_spikes, new, labels), number_of


def _texts(
    now: Mapping[tuple[int, str], str],
    tables: Mapping[str, Mapping[int, str]],
    number_of: Mapping[int, int],
    ids: set[int],
) -> tuple[SetText, ...]:
    """What the tables of a curator's own say that the units do not."""
    wanted = {
        (number_of[k], name): text for name, column in tables.items() for k, text in column.items() if k in number_of
    }
    said = {(number, name.replace(" ", "_")): " ".join(text.split()) for (number, name), text in now.items()}
    return tuple(SetText(*key, text) for key, text in wanted.items() if key[0] in ids and said.get(key, "") != text)


def _named(actions: Iterable[Action]) -> str:
    """How many of each kind: "3 merges, 1 split"."""
    n_each = Counter(WORDS[type(action)] for action in actions)
    return ", ".join(counted(n, word) for word, n in n_each.items())
