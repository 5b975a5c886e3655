"""Scripts that draw: arrays in, pixels out. The app loads them as modules; a report has them in its own script."""

from __future__ import annotations

import re
from importlib import resources

IMPORTS = re.compile(r"^import [^;]*;\n", re.MULTILINE)
EXPORTS = re.compile(r"^export (?=(async )?(function|const|let|class)\b)", re.MULTILINE)


def drawing(name: str) -> str:
    """Read a script.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str
        The module.
    """
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def drawing_without_modules(name: str) -> str:
    """Read a script for a page with a single one, in which all names are known.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str
        The module without its imports and exports.

    Examples
    --------
    >>> "export" in drawing_without_modules("marks.js")
    False
    """
    return EXPORTS.sub("", IMPORTS.sub("", drawing(name)))
