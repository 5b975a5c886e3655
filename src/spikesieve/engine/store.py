"""Steps on disk: a folder each, named by step and key, complete or not there at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from spikesieve.engine import codec
from spikesieve.engine.arrays import GrowingArray
from spikesieve.engine.keys import key_of

Result = TypeVar("Result")

INDEX = "steps.json"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Store:
    """A folder of finished steps.

    Attributes
    ----------
    folder : Path
        Where the arrays of the step that is being computed go; between steps the folder of the store.
    root : Path
        The folder of the store.
    reuse : bool
        Whether finished steps are kept under a key and loaded when they are asked for again. A store that lives only
        as long as one sort needs no keys.
    """

    folder: Path
    root: Path
    reuse: bool

    @classmethod
    def open(cls, folder: Path, reuse: bool = True) -> Store:
        """Open a folder as a store; it is created where it does not exist.

        Parameters
        ----------
        folder : Path
            The folder.
        reuse : bool, optional
            Whether finished steps are loaded again.

        Returns
        -------
        Store
            The store.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, folder, reuse)

    def begin(self) -> None:
        """Begin a run: no step was used yet. Steps that are there stay."""
        (self.root / INDEX).unlink(missing_ok=True)

    def step(
        self, name: str, version: int, inputs: tuple[object, ...], compute: Callable[[Store], Result]
    ) -> tuple[Result, bool]:
        """Load a step, or compute and save it.

        Parameters
        ----------
        name : str
            Name of the step.
        version : int
            Number that changes when the step computes something else from the same inputs.
        inputs : tuple of object
            All that the result depends on, the settings included.
        compute : callable
            Computes the result; it is given the store whose folder is the step's own.

        Returns
        -------
        result : object
            What `compute` returned, its larger arrays mapped.
        was_loaded : bool
            Whether it was there already.

        Raises
        ------
        ValueError
            In a store that is not reused, two steps have the same name.
        """
        key = f"-{key_of((name, version, *inputs), self.root)}" if self.reuse else ""
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
        """Read the result of a step by its name, as the last run used it.

        Parameters
        ----------
        name : str
            Name of the step.

        Returns
        -------
        object
            Its result.

        Raises
        ------
        KeyError
            The last run had no such step.
        """
        return codec.load(self.root / self.index()[name], self.root)

    def index(self) -> dict[str, str]:
        """Folder of each step that was used, by the step's name.

        Returns
        -------
        dict
            Names of folders within the store; empty before the first step.
        """
        path = self.root / INDEX
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found

    def growing(self, name: str, row_shape: tuple[int, ...], dtype: Any) -> GrowingArray:
        """Open a file in the folder of the step that grows row by row.

        Parameters
        ----------
        name : str
            Name of the array; each of a step's arrays has its own.
        row_shape : tuple of int
            Shape of one row.
        dtype : dtype
            Type of the values.

        Returns
        -------
        GrowingArray
            To be used as a context.

        Raises
        ------
        ValueError
            The step already has an array of that name.
        """
        path = self.folder / f"{name}.npy"
        if path.exists():
            raise ValueError(f"This step has two arrays named {name!r}.")
        return GrowingArray(path, row_shape, dtype)

    def _compute(self, folder: Path, compute: Callable[[Store], object]) -> None:
        """Compute a step in a folder of another name, which becomes `folder` when it is complete."""
        unfinished = folder.with_name(folder.name + UNFINISHED)
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir()
        # The result is not kept: Windows renames no folder with a mapped file in it.
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
    """Have the system write all files of a folder to the disk."""
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
