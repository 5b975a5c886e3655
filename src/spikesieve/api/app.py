"""Opens a result and shows it in a browser, where it is curated."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.curation_of_result import CuratedFolder
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.app.server import Exchange, Place, serve
from spikesieve.app.session import Session
from spikesieve.curation.history import replay
from spikesieve.io.curations.journal import TORN, Journal, read_journal
from spikesieve.model.text import counted
from spikesieve.views.result import Result

logger = logging.getLogger(__name__)

CURATION_FOLDER = "curation"


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
    result = read_result_to_show(folder)
    for sentence in result.missing:
        announce(f"Note: {sentence}")
    with ExitStack() as stack:
        session = open_session(result, folder, read_only, stack, announce)
        curated = CuratedFolder(session, folder, folder / CURATION_FOLDER)
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
        serve(session, Place(*where, names), Exchange(exports, curated.read_text, curated.elsewhere), announce)


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
    place, identity = folder / CURATION_FOLDER, identity_of(result)
    if read_only:
        return Session(result, replay(result.units, read_journal(place, identity).entries))
    journal = stack.enter_context(Journal(place, identity))
    if journal.found.torn:
        announce(f"Note: the last line of the journal was not complete. It is kept in {place / TORN}.*.")
    if journal.found.entries:
        announce(f"Goes on after {counted(len(journal.found.entries), 'decision')} in {place}.")
    return Session(result, replay(result.units, journal.found.entries), journal.append)


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
    checksum.update(np.ascontiguousarray(result.template).data)
    return {"n_spikes": len(result.sample), "n_units": len(result.units.ids), "sha256": checksum.hexdigest()}
