"""Results of steps on disk. Each step has a folder named by step and key, which exists only if it is complete."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from spikesieve.engine import codec
from spikesieve.engine.arrays import GrowingArray
from spikesieve.engine.keys import key_of
from spikesieve.errors import OutputError

Result = TypeVar("Result")

INDEX = "spikesieve-steps.json"
UNFINISHED = ".unfinished"
VERSION = version("spikesieve")


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
    """

    folder: Path
    root: Path
    reuse: bool

    @classmethod
    def open(cls, folder: Path, reuse: bool = True) -> Store:
        """Open a folder as a store, and create it if it does not exist.

        Parameters
        ----------
        folder : Path
            The folder.
        reuse : bool, optional
            Whether results of earlier runs are loaded.

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
        return cls(folder, folder, reuse)

    def begin(self) -> None:
        """Begin a run: forget which steps the last run used. Their results stay."""
        (self.root / INDEX).unlink(missing_ok=True)

    def step(
        self, name: str, identity: object, inputs: tuple[object, ...], compute: Callable[[Store], Result]
    ) -> tuple[Result, bool]:
        """Load a step, or compute and save it.

        Parameters
        ----------
        name : str
            Name of the step.
        identity : object
            Identifies the code that computes the step: its name and version. The version of the package is added.
        inputs : tuple of object
            Everything that the result depends on, settings included.
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
        ...     [store.step("double", 1, (n,), lambda _: 2 * n) for n in (3, 3, 4)]
        [(6, False), (6, True), (8, False)]
        """
        key = f"-{key_of((name, VERSION, identity, *inputs), self.root)}" if self.reuse else ""
        folder = self.root / f"{name.replace(' ', '-')}{key}"
        was_loaded = self.reuse and folder.is_dir()
        if was_loaded:
            try:
                result = codec.load(folder, self.root)
            except codec.DecodeError:
                shutil.rmtree(folder)
                was_loaded = False
        if not was_loaded:
            if folder.exists():
                raise ValueError(f"Two steps of this run are named {name!r}.")
            self._compute(folder, compute)
            result = codec.load(folder, self.root)
        self._remember(name, folder.name)
        return result, was_loaded

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
        return codec.load(self.root / self.index()[name], self.root)

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
        path = self.folder / f"{name}.npy"
        if path.exists():
            raise ValueError(f"This step has two arrays named {name!r}.")
        return GrowingArray(path, row_shape, dtype)

    def _compute(self, folder: Path, compute: Callable[[Store], object]) -> None:
        """Compute a step in a temporary folder, which is renamed to `folder` when it is complete."""
        unfinished = folder.with_name(folder.name + UNFINISHED)
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir()
        # The result is not kept in a variable: Windows cannot rename a folder that contains a mapped file.
        codec.save(compute(replace(self, folder=unfinished)), unfinished, self.root)
        if self.reuse:
            _flush(unfinished)
        unfinished.rename(folder)
        if self.reuse:
            _flush_folder(self.root)

    def _remember(self, name: str, folder: str) -> None:
        text = json.dumps(self.index() | {name: folder}, indent=1)
        new = self.root / f"{INDEX}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self.root / INDEX)


def _flush(folder: Path) -> None:
    """Make the system write all files of a folder to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
