"""Opens a result and shows it in a browser, where it is curated."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.curation_of_result import CuratedFolder
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.api.traces_to_show import marks_of, traces_of
from spikesieve.app.exchange import Exchange
from spikesieve.app.server import Place, serve
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.curation.history import replay
from spikesieve.io.curations.journal import TORN, Journal, read_journal
from spikesieve.io.curations.kept import Kept
from spikesieve.model.text import counted
from spikesieve.views.result import Result

logger = logging.getLogger(__name__)

CURATION_FOLDER, KEPT, IDENTITY, DESCRIPTIONS, QUEUE = "curation", "kept", "identity", "descriptions", "queue"
PIECE = 2**20
"""Spikes of which a copy is made at once."""


def show(
    folder: Path | str,
    where: tuple[str, int],
    names: tuple[str, ...],
    read_only: bool,
    imports: Sequence[Path],
    announce: Callable[[str], None],
) -> None:
    """Show a result in a browser until Ctrl-C.

    Parameters
    ----------
    folder : path
        A result of spikesieve, or any folder that a sorter wrote for Phy.
    where : (str, int)
        Address and port to listen on; port 0 takes a free one.
    names : tuple of str
        More names under which the server may be asked for, such as that of a proxy.
    read_only : bool
        Nothing can be changed.
    imports : sequence of Path
        Curation files of SpikeInterface, or copies of the folder that were changed in Phy, to take in first.
    announce : callable
        Called with lines for the user.

    Raises
    ------
    InputError
        The folder is no result, or is damaged.
    InUseError
        Another process curates it.
    OutputError
        The curation cannot be written, or the port is taken.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        opened = open_result(folder, read_only, stack, announce, imports)
        serve(opened.session, Place(*where, names), opened.exchange, announce, opened.traces)


@dataclass(frozen=True, eq=False)
class OpenedResult:
    """A result that is shown.

    Attributes
    ----------
    session : Session
        The result, with all that was decided.
    exchange : Exchange
        What other programs get and give.
    traces : (Traces or None, Marks or None)
        The traces, where the recording is there, and the marks on them.
    """

    session: Session
    exchange: Exchange
    traces: tuple[Traces | None, Marks | None]


def open_result(
    folder: Path,
    read_only: bool,
    stack: ExitStack,
    announce: Callable[[str], None],
    imports: Sequence[Path] = (),
) -> OpenedResult:
    """Open a result, and take in what Phy changed meanwhile.

    Parameters
    ----------
    folder : Path
        A result of spikesieve, or any folder that a sorter wrote for Phy.
    read_only : bool
        Nothing can be changed.
    stack : ExitStack
        Closes the journal.
    announce : callable
        Called with lines for the user.
    imports : sequence of Path, optional
        Curation files of SpikeInterface, and copies of the folder changed in Phy, to take in.

    Returns
    -------
    OpenedResult
        For the server.

    Raises
    ------
    InputError
        The folder is no result, or is damaged.
    InUseError
        Another process curates it.
    OutputError
        The curation cannot be written.
    """
    curation = folder / CURATION_FOLDER
    result = read_result_to_show(folder, Kept(curation / KEPT, not read_only))
    for sentence in result.missing:
        announce(f"Note: {sentence}")
    session = open_session(result, folder, read_only, stack, announce)
    curated = CuratedFolder(session, folder, curation)
    taken_in = None if read_only else curated.take_in()
    if taken_in:
        announce(taken_in)
    for path in imports:
        announce(curated.read_changes(path))
    exports = {
        "phy": curated.write_phy,
        "spikeinterface": curated.write_spikeinterface,
        "result": curated.write_result,
        "take in": curated.take_in_now,
        "keep ours": curated.keep_ours,
    }
    exchange = Exchange(exports, curated.read_text, curated.elsewhere)
    return OpenedResult(session, exchange, (traces_of(result, None if read_only else curation), marks_of(curation)))


def open_session(
    result: Result, folder: Path, read_only: bool, stack: ExitStack, announce: Callable[[str], None]
) -> Session:
    """Open the curation of a result where it was left.

    Parameters
    ----------
    result : Result
        The result.
    folder : Path
        Its folder. The curation is in `curation` in it.
    read_only : bool
        Nothing can be changed.
    stack : ExitStack
        Closes the journal.
    announce : callable
        Called with lines for the user.

    Returns
    -------
    Session
        With all that was decided.
    """
    place = folder / CURATION_FOLDER
    kept = Kept(place / KEPT, not read_only)
    identity = kept_identity(result, kept)
    if read_only:
        return described(Session(result, replay(result.units, read_journal(place, identity).entries)), identity, kept)
    journal = stack.enter_context(Journal(place, identity))
    if journal.found.torn:
        announce(f"Note: the last line of the journal was not complete. It is kept in {place / TORN}.*.")
    if journal.found.entries:
        announce(f"Goes on after {counted(len(journal.found.entries), 'decision')} in {place}.")
    return described(Session(result, replay(result.units, journal.found.entries), journal.append), identity, kept)


def described(session: Session, identity: Mapping[str, Any], kept: Kept) -> Session:
    """Give a session what was found of the units at earlier starts, and keep what it finds.

    Parameters
    ----------
    session : Session
        The curation.
    identity : mapping
        From `identity_of`.
    kept : Kept
        Where they are kept.

    Returns
    -------
    Session
        The same.
    """
    params = session.result.params
    criteria = [one.model_dump(mode="json") for one in (params.units, params.curate)]
    key = {"result": dict(identity), "criteria": criteria, "version": metadata.version("spikesieve")}
    for name, finder in ((DESCRIPTIONS, session.descriptions), (QUEUE, session.queue)):
        found = kept.read(name, key)
        if found is not None:
            finder.take(found[1])
        finder.keep = partial(kept.write, name, key, {})
    return session


def kept_identity(result: Result, kept: Kept) -> dict[str, Any]:
    """Tell a result apart from others, without reading all spikes again while their files are the same.

    Parameters
    ----------
    result : Result
        The result.
    kept : Kept
        Where it is kept.

    Returns
    -------
    dict
        From `identity_of`.
    """
    found = kept.read(IDENTITY, result.read_from) if result.read_from else None
    if found is not None:
        return dict(found[1])
    identity = identity_of(result)
    if result.read_from:
        kept.write(IDENTITY, result.read_from, {}, identity)
    return identity


def identity_of(result: Result) -> dict[str, Any]:
    """Tell a result apart from others.

    Parameters
    ----------
    result : Result
        The result.

    Returns
    -------
    dict
        Numbers of spikes and units, and a checksum of the spikes and of the units they belong to.
    """
    checksum = hashlib.sha256(np.ascontiguousarray(result.sample).data)
    for at in range(0, len(result.template), PIECE):
        checksum.update(result.template[at : at + PIECE].astype(np.int32).data)
    return {"n_spikes": len(result.sample), "n_units": len(result.units.ids), "sha256": checksum.hexdigest()}
