"""Writes the inventories beside it: the names of other projects that our docstrings use, and where their pages are.

`python docs/inventories/write.py` writes them again. The whole inventories of those projects would be fetched at each
build; these are small, and the build needs no network.
"""

from __future__ import annotations

import zlib
from pathlib import Path

HERE = Path(__file__).parent
CORE = "api.html#spikeinterface.core."
BUILT_IN = ("bool", "bytes", "dict", "float", "int", "list", "object", "str", "tuple")
NAMES = {
    "numpy": {
        "numpy.ndarray": ("py:class", "reference/generated/numpy.ndarray.html#numpy.ndarray"),
        "numpy.dtype": ("py:class", "reference/generated/numpy.dtype.html#numpy.dtype"),
        "array_like": ("std:term", "glossary.html#term-array_like"),
    },
    "spikeinterface": {
        f"spikeinterface.core.{name}": ("py:class", f"{CORE}{name}")
        for name in ("BaseRecording", "BaseSorting", "SortingAnalyzer", "NumpySorting")
    },
    "python": {
        **{name: ("py:class", f"library/functions.html#{name}") for name in BUILT_IN},
        "pathlib.Path": ("py:class", "library/pathlib.html#pathlib.Path"),
        "bltin-boolean-values": ("std:label", "library/stdtypes.html#boolean-type-bool"),
        "iterable": ("std:term", "glossary.html#term-iterable"),
        "sequence": ("std:term", "glossary.html#term-sequence"),
    },
}


def inventory(project: str, names: dict[str, tuple[str, str]]) -> bytes:
    """Sphinx's format, version 2: a head in text, then a line `name role priority address title` for each."""
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# The rest is compressed with zlib.\n"
    lines = "".join(f"{name} {role} 1 {address} -\n" for name, (role, address) in sorted(names.items()))
    return head.encode() + zlib.compress(lines.encode(), 9)


if __name__ == "__main__":
    for project, names in NAMES.items():
        (HERE / f"{project}.inv").write_bytes(inventory(project, names))
