"""The single files of a Phy folder: params.py and arrays."""

from __future__ import annotations

import ast
import csv
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy


def read_params_py(path: Path) -> dict[str, Any]:
    """Read the plain assignments of a params.py, without running it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Value of each name; empty if there is no file. Expressions that only running the file could evaluate are
        left out.

    Raises
    ------
    InputError
        If the file is not valid Python.
    """
    if not path.is_file():
        return {}
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as Python ({error}). Write it again.") from error
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
            try:
                found[node.targets[0].id] = ast.literal_eval(value)
            except ValueError:
                continue  # an expression
    return found


def optional_array(folder: Path, name: str) -> NDArray[Any] | None:
    """Open an array of a folder, memory-mapped.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        Name of the file without .npy.

    Returns
    -------
    ndarray or None
        The array; None if there is no such file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / f"{name}.npy"
    if not path.is_file():
        return None
    try:
        return load_npy(path, is_mapped=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}). Copy it again from its source.") from error


def required_array(folder: Path, name: str) -> NDArray[Any]:
    """Open an array of a folder, memory-mapped.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        Name of the file without .npy.

    Returns
    -------
    ndarray
        The array.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    found = optional_array(folder, name)
    if found is None:
        raise InputError(f"{folder} has no {name}.npy. Give a folder that a sorter wrote for Phy.")
    return found


def read_cluster_table(path: Path) -> dict[int, str]:
    """Read a table with a value for each cluster, such as cluster_KSLabel.tsv.

    Parameters
    ----------
    path : Path
        The file: cluster and value, separated by a tab, under a header.

    Returns
    -------
    dict of int to str
        Value of each cluster as text, in the order of the file.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t"))[1:]
        return {int(row[0]): row[1] for row in rows if len(row) > 1}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
