"""Results of steps on disk. Each step has a folder named by step and key, which exists only if it is complete."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from spikesieve.engine import checkpoints, codec, journal
from spikesieve.engine.arrays import GrowingArray
from spikesieve.engine.checkpoints import Checkpoints
from spikesieve.engine.folders import flush, flush_folder, keep_only
from spikesieve.engine.forgotten import ForgottenError, forget
from spikesieve.engine.journal import BlockColumns
from spikesieve.engine.kept_results import KeptResults, is_of_results
from spikesieve.engine.keys import key_of
from spikesieve.engine.lock import LOCK, Lock
from spikesieve.engine.reasons import reason, settings_in
from spikesieve.engine.step_state import StepState, tell_nothing
from spikesieve.errors import InUseError, OutputError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

INDEX = "spikesieve-steps.json"
UNFINISHED = ".unfinished"
# Arrays that only a later run with other settings needs may take this share of what is free on the disk.
KEPT_SHARE = 0.1
VERSIONS = tuple(version(name) for name in ("spikesieve", "numpy", "scipy", "numba"))


@dataclass(frozen=True)
class Store:
    """A folder with the results of steps.

    Attributes
    ----------
    folder : Path
        Folder for the arrays of the current step; `root` while no step is computed.
    root : Path
        The folder of the store.
    reuse : bool
        Whether results are stored under a key and loaded in later runs. A temporary store needs no keys.
    tell : callable
        Called with the name of each step, and whether it was loaded or is computed now.
    keeps_all : bool
        Whether `forget` does nothing, so that a later run with another setting finds all that it needs.
    """

    folder: Path
    root: Path
    reuse: bool
    tell: Callable[[str, StepState], None] = field(default=tell_nothing, repr=False, compare=False)
    keeps_all: bool = True
    _intact: set[Path] = field(default_factory=set, repr=False, compare=False)
    _names: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def open(
        cls,
        folder: Path,
        reuse: bool = True,
        tell: Callable[[str, StepState], None] = tell_nothing,
        keeps_all: bool = True,
    ) -> Store:
        """Open a folder as a store, and create it if it does not exist.

        Parameters
        ----------
        folder : Path
            The folder.
        reuse : bool, optional
            Whether results of earlier runs are loaded.
        tell : callable, optional
            Called with the name of each step, and how it begins.
        keeps_all : bool, optional
            Keep arrays that no later step of the run needs.

        Returns
        -------
        Store
            The store.

        Raises
        ------
        OutputError
            The folder cannot be created.
        """
        folder = folder.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Steps cannot be stored in {folder}: {error.strerror}. Choose another folder."
            ) from error
        return cls(folder, folder, reuse, tell, keeps_all and reuse)

    def begin(self) -> None:
        """Begin a run: forget which steps the last run used. Their results stay."""
        (self.root / INDEX).unlink(missing_ok=True)

    def step(
        self, name: str, identity: object, inputs: dict[str, object], compute: Callable[[Store], Result]
    ) -> tuple[Result, bool]:
        """Load a step, or compute and save it.

        Parameters
        ----------
        name : str
            Name of the step.
        identity : object
            Identifies the code that computes the step: its name and version. The versions of spikesieve and of the
            libraries that compute are added.
        inputs : dict of str to object
            Everything that the result depends on, settings included, by name.
        compute : callable
            Computes the result. It receives the store, whose `folder` is that of the step.

        Returns
        -------
        result : object
            The result of `compute`; larger arrays are memory-mapped.
        was_loaded : bool
            Whether the result was loaded.

        Raises
        ------
        ValueError
            Two steps have the same name, in a store without reuse.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store.open(Path(folder))
        ...     [store.step("double", 1, {"n": n}, lambda _: 2 * n) for n in (3, 3, 4)]
        [(6, False), (6, True), (8, False)]
        """
        folder, about = self.root / name.replace(" ", "-"), None
        if self.reuse:
            code = key_of((VERSIONS, identity), self.root)
            digests = {label: key_of((value,), self.root) for label, value in inputs.items()}
            folder = folder.with_name(f"{folder.name}-{key_of((name, code, *digests.items()), self.root)}")
            about = {"code": code, "inputs": digests, "settings": settings_in(inputs)}
        result, was_loaded = self._loaded(folder, name) if self.reuse else (None, False)
        if not was_loaded:
            if folder.exists():
                raise ValueError(f"Two steps of this run are named {name!r}.")
            if about is not None:
                logger.info("step %s is computed: %s", name, reason(self.root, folder, about))
            self._compute(name, folder, compute, about)
            result = codec.load(folder, self.root, self._intact)
        self._remember(name, folder.name)
        return result, was_loaded  # type: ignore[return-value]

    def _loaded(self, folder: Path, name: str) -> tuple[Any, bool]:
        """The result of a finished step, and whether there is one. A damaged one is removed."""
        if not folder.is_dir():
            return None, False
        try:
            result = codec.load(folder, self.root, self._intact)
        except codec.DecodeError as error:
            logger.warning("step %s was damaged and is computed again: %s", name, error)
            shutil.rmtree(folder)
            return None, False
        logger.info("step %s was loaded from %s", name, folder.name)
        self.tell(name, StepState(True))
        return result, True

    def read(self, name: str) -> Any:
        """Read the result of a step that the last run used.

        Parameters
        ----------
        name : str
            Name of the step.

        Returns
        -------
        object
            The result.

        Raises
        ------
        KeyError
            The last run did not use this step.
        """
        return codec.load(self.root / self.index()[name], self.root, self._intact)

    def index(self) -> dict[str, str]:
        """List the steps that the last run used.

        Returns
        -------
        dict of str to str
            Name of the folder within the store, by name of the step.
        """
        try:
            found = json.loads((self.root / INDEX).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # ValueError: it is damaged
            return {}
        # Only folders within the store are named here.
        return {str(name): Path(str(folder)).name for name, folder in found.items()} if isinstance(found, dict) else {}

    def forget(self, *names: str) -> None:
        """Remove the larger arrays of steps that no later step of this run needs, where the disk has little room.

        If one is needed all the same, because what was made from it is damaged or a setting has changed, it raises
        `ForgottenError` as soon as it is read, and `make_again` lets its step be computed again. Its space is free when
        no array refers to the file any more.

        Parameters
        ----------
        *names : str
            Steps of this run; it need not have all of them.
        """
        folders = [folder for name, folder in self.index().items() if name in names and not self.keeps_all]
        paths = [path for folder in folders for path in (self.root / folder).glob("*.npy")]
        large = {path: n for path in paths if (n := path.stat().st_size) >= codec.MAPPED_FROM_BYTES}
        if sum(large.values()) > KEPT_SHARE * shutil.disk_usage(self.root).free:
            for path in large:
                forget(path)

    def make_again(self, missing: ForgottenError) -> None:
        """Remove a step of which an array is needed that was removed from the disk, so that it is computed again.

        Parameters
        ----------
        missing : ForgottenError
            Raised when the array was read.
        """
        folder = missing.path.parent
        name = next((name for name, where in self.index().items() if where == folder.name), folder.name)
        logger.info("step %s is computed again: what was removed of it is needed", name)
        shutil.rmtree(folder, ignore_errors=True)
        self._intact.difference_update([path for path in self._intact if path.parent == folder])
        self.tell(name, StepState(False, is_needed_again=True))

    def growing(self, name: str, row_shape: tuple[int, ...], dtype: Any) -> GrowingArray:
        """Open an array in the folder of the step, to be written row by row.

        Parameters
        ----------
        name : str
            Name of the array, different for each array of a step.
        row_shape : tuple of int
            Shape of one row.
        dtype : dtype
            Type of the values.

        Returns
        -------
        GrowingArray
            Use it in a with statement.

        Raises
        ------
        ValueError
            The step already has an array of this name.
        """
        self._take(name)
        return GrowingArray(self.folder / f"{name}.npy", row_shape, dtype)

    def columns(self, name: str) -> BlockColumns:
        """Open the columns of a pass over blocks in the folder of the step.

        Parameters
        ----------
        name : str
            Start of the names of the files, different for each pass of a step.

        Returns
        -------
        BlockColumns
            Use it in a with statement. It goes on after the blocks that an earlier run has finished.

        Raises
        ------
        ValueError
            The step already has a pass of this name.
        """
        self._take(name)
        return BlockColumns(self.folder, name, self.reuse)

    def checkpoints(self, name: str) -> Checkpoints:
        """Open the rows and the state of a pass whose pieces of work build on one another.

        Parameters
        ----------
        name : str
            Start of the names of the files, different for each pass of a step.

        Returns
        -------
        Checkpoints
            Use it in a with statement.

        Raises
        ------
        ValueError
            The step already has a pass of this name.
        """
        self._take(name)
        return Checkpoints(self.folder, self.root, name, self.reuse)

    @cached_property
    def results(self) -> KeptResults:
        """The results of pieces of work in the folder of the step."""
        return KeptResults(self.folder, self.root, self.reuse)

    def remove_unfinished(self) -> None:
        """Remove the unfinished steps of runs that have ended."""
        for folder in self.root.glob(f"*{UNFINISHED}*"):
            try:
                with Lock(folder):
                    pass
            except (InUseError, FileNotFoundError):
                continue
            shutil.rmtree(folder, ignore_errors=True)

    def _take(self, name: str) -> None:
        if name in self._names:
            raise ValueError(f"This step has two arrays named {name!r}.")
        self._names.add(name)

    def _compute(self, name: str, folder: Path, compute: Callable[[Store], object], about: object) -> None:
        """Compute a step in a folder of its own, which is renamed to `folder` when it is complete."""
        unfinished, lock = self._unfinished(folder)
        self.tell(name, StepState(False, journal.position(unfinished) or checkpoints.position(unfinished)))
        try:
            if not self._is_complete(unfinished):
                keep_only(unfinished, lambda path: _is_of_a_pass(path, unfinished))
                # The result is not kept in a variable: Windows cannot rename a folder that contains a mapped file.
                codec.save(compute(replace(self, folder=unfinished, _names=set())), unfinished, self.root, about)
            own = codec.files_of(unfinished)
            if self.reuse:
                flush(own)
        finally:
            if lock is not None:
                lock.release()
        keep_only(unfinished, own.__contains__)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            # Another run finished the same step first.
            shutil.rmtree(unfinished, ignore_errors=True)
        (folder / LOCK).unlink(missing_ok=True)
        self._intact.update(folder / path.name for path in own)
        if self.reuse:
            flush_folder(self.root)

    def _is_complete(self, folder: Path) -> bool:
        """Whether a run ended after it had saved the step, but before the folder got its name."""
        try:
            codec.load(folder, self.root)
        except codec.DecodeError:
            (folder / codec.MANIFEST).unlink(missing_ok=True)
            return False
        return True

    def _unfinished(self, folder: Path) -> tuple[Path, Lock | None]:
        """A folder to compute in, and its lock: that of a run that has ended, or a new one."""
        for number in itertools.count(1):
            place = folder.with_name(f"{folder.name}{UNFINISHED}{f'-{number}' if number > 1 else ''}")
            place.mkdir(exist_ok=True)
            if not self.reuse:
                return place, None
            lock = Lock(place)
            try:
                lock.acquire()
            except (InUseError, FileNotFoundError):  # gone: it was finished this moment
                continue
            return place, lock
        raise AssertionError  # the numbers do not end

    def _remember(self, name: str, folder: str) -> None:
        text = json.dumps(self.index() | {name: folder}, indent=1)
        new = self.root / f"{INDEX}.{os.getpid()}-{threading.get_ident()}"
        new.write_text(text, encoding="utf-8")
        new.replace(self.root / INDEX)


def _is_of_a_pass(path: Path, folder: Path) -> bool:
    """Whether a file in the folder of an unfinished step holds blocks that are done."""
    names = {each.stem for each in folder.glob(f"*{journal.SUFFIX}")} | checkpoints.passes(folder)
    return is_of_results(path) or any(path.name.startswith(f"{name}.") for name in names)
