"""Kilosort2's options from a file: the ops of a rez.mat, or a TOML or JSON file with the same names."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from spikesieve.errors import InputError
from spikesieve.io.sortings.rez_mat import read_ops


def read_options(path: Path) -> dict[str, Any]:
    """Read options by their names in Kilosort2.

    Parameters
    ----------
    path : Path
        A rez.mat, .toml or .json file.

    Returns
    -------
    dict
        Value of each option by name.

    Raises
    ------
    InputError
        If the file is missing, of another kind, damaged, or has no options by name.
    """
    if not path.is_file():
        raise InputError(f"The file of Kilosort2 options {path} does not exist. Check its name.")
    if path.suffix == ".mat":
        return read_ops(path)
    parse = {".toml": tomllib.loads, ".json": json.loads}.get(path.suffix)
    if parse is None:
        raise InputError(f"{path} is not a file of Kilosort2 options. Give a rez.mat, a .toml or a .json file.")
    try:
        options = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The file of Kilosort2 options {path} cannot be read: {error}. Correct it.") from error
    if not isinstance(options, dict):
        raise InputError(f"{path} has no options by name. Write them as NAME = VALUE.")
    return options
