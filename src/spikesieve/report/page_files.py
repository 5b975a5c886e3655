"""Reads the files that pages are made of: templates, a style sheet, scripts."""

from __future__ import annotations

from importlib import resources


def asset(name: str) -> str:
    """The text of a file in `report/assets`."""
    return resources.files("spikesieve.report").joinpath("assets", name).read_text(encoding="utf-8")
