"""The hidden folder beside a result in which a sort keeps its steps, and from which it goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikesieve.api.save import LOG_NAME
from spikesieve.api.sort import STEPS
from spikesieve.engine.step_state import StepState
from spikesieve.errors import EndedEarlyError, InputError, SettingsError
from spikesieve.io.finished_folder import NEW
from spikesieve.io.hidden_folder import hidden_folder, hidden_path
from spikesieve.model import Recording

logger = logging.getLogger(__name__)

KIND = "steps"
# A file that says that the steps are kept although the result is complete.
KEPT = "kept"


def steps_folder(out: Path) -> Path:
    """Name the hidden folder in which the steps of a sort are kept until the result is complete.

    Parameters
    ----------
    out : Path
        The result folder.

    Returns
    -------
    Path
        A path beside it.
    """
    return hidden_path(out.expanduser().resolve(), KIND)


@contextmanager
def kept_steps(out: Path, fresh: bool, keep: bool) -> Iterator[Path]:
    """Open the folder of steps. It stays if the sort fails, and is removed after it.

    Parameters
    ----------
    out : Path
        The result folder.
    fresh : bool
        Forget what an earlier run has finished.
    keep : bool
        Keep the folder after the sort as well.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    InUseError
        Another process works in it.
    OutputError
        It cannot be made, or the disk is full or failed.
    """
    with hidden_folder(out.expanduser().resolve(), KIND, go_on=True, fresh=fresh, keep=keep) as folder:
        (folder / KEPT).unlink(missing_ok=True)
        if keep:
            (folder / KEPT).touch()
        yield folder


def remove_finished(out: Path) -> None:
    """Remove what a run left that was stopped after its result was in place.

    Parameters
    ----------
    out : Path
        The result folder. The log in it is the one of that run.
    """
    logs = [folder / LOG_NAME for folder in (out, steps_folder(out))]
    if all(log.is_file() for log in logs) and not (steps_folder(out) / KEPT).exists():
        of_result, of_steps = (log.read_bytes() for log in logs)
        if of_steps.startswith(of_result):
            for kind in (NEW, KIND):
                with hidden_folder(out.expanduser().resolve(), kind):
                    pass


@dataclass
class Course:
    """Tells the user once where an interrupted sort goes on, and ends a sort after the step that is asked for.

    Attributes
    ----------
    announce : callable
        Called with a line for the user.
    folder : Path
        Folder of the steps.
    steps : tuple of str
        Names of the steps of the method, in order.
    stop_after : str or None
        Step after which the sort ends; if the settings leave it out, the sort ends where it would be.
    n_loaded : int
        Number of steps that were loaded.
    is_told : bool
        Whether the user knows where it goes on.
    before : str
        The step before.
    """

    announce: Callable[[str], None]
    folder: Path
    steps: tuple[str, ...]
    stop_after: str | None
    n_loaded: int = 0
    is_told: bool = False
    before: str = ""

    def tell(self, line: str) -> None:
        """Write a line into the log, and tell it to the user.

        Parameters
        ----------
        line : str
            The line.
        """
        logger.info("%s", line)
        self.announce(line)

    def __call__(self, name: str, state: StepState) -> None:
        """Note that a step begins."""
        if state.is_needed_again:
            self.before, self.n_loaded = "", 0
            return
        if self.stop_after is not None and name not in self.steps[: self.steps.index(self.stop_after) + 1]:
            raise EndedEarlyError(
                f"The sort ended after the step {self.before}. The steps are kept in {self.folder}: give the same "
                "command without --stop-after, and it goes on."
            )
        self.before = name
        self.n_loaded += state.was_loaded
        if state.was_loaded or self.is_told:
            return
        self.is_told = True
        if self.n_loaded or state.position:
            block = f", block {state.position[0]} of {state.position[1]}" if state.position else ""
            self.announce(f"Goes on at {name}{block}: {self.n_loaded} steps were kept in {self.folder}")


def require_step(method: str, step: str) -> None:
    """Raise an error for a step that a method does not have.

    Parameters
    ----------
    method : str
        Name of the method.
    step : str
        Name of the step.

    Raises
    ------
    SettingsError
        There is no such step.
    """
    if step not in STEPS[method]:
        raise SettingsError(f"The method {method} has no step {step!r}. Its steps are {', '.join(STEPS[method])}.")


def file_states(recording: Recording) -> dict[str, tuple[int, int]]:
    """Look at the files of a recording, without reading them.

    Parameters
    ----------
    recording : Recording
        The recording.

    Returns
    -------
    dict of str to (int, int)
        Size in bytes and time of change in ns of each file.

    Raises
    ------
    InputError
        A file is gone.
    """
    found = {}
    for path in recording.paths:
        try:
            facts = Path(path).stat()
        except OSError as error:
            raise InputError(f"{path} cannot be found any more: {error.strerror}. Check the drive.") from error
        found[path] = facts.st_size, facts.st_mtime_ns
    return found


def require_unchanged(before: dict[str, tuple[int, int]], recording: Recording) -> None:
    """Raise an error if a file of a recording has changed.

    Parameters
    ----------
    before : dict of str to (int, int)
        What `file_states` returned.
    recording : Recording
        The recording.

    Raises
    ------
    InputError
        A file is gone or has changed.
    """
    now = file_states(recording)
    changed = [path for path, state in before.items() if now[path] != state]
    if changed:
        raise InputError(
            f"{', '.join(changed)} changed while it was sorted, so the result would be of no single recording. Wait "
            "until no program writes to it, then start anew with --fresh."
        )
