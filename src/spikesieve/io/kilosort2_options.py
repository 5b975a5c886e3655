"""Files of Kilosort2's options: a rez.mat, whose ops they are, or a TOML or JSON file of the same names."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from spikesieve.errors import InputError
from spikesieve.io.sortings.rez_mat import read_ops


def read_options(path: Path) -> dict[str, Any]:
    """Options by their names in Kilosort2.

    Raises InputError when the file is missing, of another kind, damaged, or holds no options by name.
    """
    if not path.is_file():
        raise InputError(f"The file of Kilosort2's options {path} does not exist. Check its name.")
    if path.suffix == ".mat":
        return read_ops(path)
    read = {".toml": tomllib.loads, ".json": json.loads}.get(path.suffix)
    if read is None:
        raise InputError(f"{path} holds no options of Kilosort2 that can be read. Give a rez.mat, a .toml or a .json.")
    try:
        options = read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The file of Kilosort2's options {path} cannot be read: {error}. Correct it.") from error
    if not isinstance(options, dict):
        raise InputError(f"{path} holds no options by name. Write them as NAME = VALUE.")
    return options
