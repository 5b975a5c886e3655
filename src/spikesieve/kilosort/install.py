"""Makes `import kilosort` mean this package."""

from __future__ import annotations

import sys

PACKAGE, NAME = "spikesieve.kilosort", "kilosort"
MODULES = ("", ".data_tools", ".io", ".parameters", ".run_kilosort", ".utils")
"""Modules that Kilosort4 has as well."""


def install() -> None:
    """Let `import kilosort` import spikesieve's package of this name, until the process ends.

    Examples
    --------
    >>> install()
    >>> from kilosort import run_kilosort
    >>> run_kilosort.__module__
    'spikesieve.kilosort.run_kilosort'
    """
    for module in MODULES:
        sys.modules[NAME + module] = sys.modules[PACKAGE + module]
