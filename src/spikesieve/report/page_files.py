"""Read the files that pages are made of: templates, a style sheet, scripts."""

from __future__ import annotations

from importlib import resources


def asset(name: str) -> str:
    """Read a file in `report/assets`.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str
        Text of the file.
    """
    return resources.files("spikesieve.report").joinpath("assets", name).read_text(encoding="utf-8")
