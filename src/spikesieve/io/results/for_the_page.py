"""What the pages of `spikesieve app` show at once, because the sort has computed it: overview and preprocessing."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.engine import codec
from spikesieve.io.plain_arrays import load_npz
from spikesieve.model import Overview

OVERVIEW, PREPROCESSING = "overview.npz", "preprocessing"


def write_overview(folder: Path, overview: Overview) -> None:
    """Write the overview of a recording.

    Parameters
    ----------
    folder : Path
        The result folder.
    overview : Overview
        The overview.

    Raises
    ------
    OSError
        If the disk is full.
    """
    arrays: dict[str, Any] = {each.name: getattr(overview, each.name) for each in fields(overview)}
    np.savez(folder / OVERVIEW, allow_pickle=False, **arrays)


def read_overview(folder: Path) -> Overview | None:
    """Read the overview of a recording.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    Overview or None
        None if the sort wrote none, or if it is damaged.
    """
    try:
        arrays = load_npz(folder / OVERVIEW)
        values: dict[str, Any] = {each.name: arrays[each.name] for each in fields(Overview)}
        found = Overview(**values)
    except (ValueError, KeyError, OSError):
        return None
    return replace(found, bin_s=float(found.bin_s))


def write_preprocessing(folder: Path, preprocessing: object) -> None:
    """Write the preprocessing with which a recording was sorted.

    Parameters
    ----------
    folder : Path
        The result folder.
    preprocessing : Preprocessing
        What the sort learned of the recording.

    Raises
    ------
    OSError
        If the disk is full.
    """
    place = folder / PREPROCESSING
    place.mkdir()
    codec.save(codec.in_memory(preprocessing), place, place)


def read_preprocessing(folder: Path) -> object:
    """Read the preprocessing with which a recording was sorted.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    object
        What was written; None if the sort wrote none, if it is damaged, or of another version.
    """
    place = folder / PREPROCESSING
    try:
        return codec.load(place, place)
    except codec.DecodeError:
        return None


def copy_for_the_page(folder: Path, new: Path) -> None:
    """Copy both to another result of the same recording and contacts.

    Parameters
    ----------
    folder : Path
        A result folder; what it lacks is left out.
    new : Path
        The folder of the other result.

    Raises
    ------
    OSError
        If the disk is full.
    """
    if (folder / OVERVIEW).is_file():
        shutil.copyfile(folder / OVERVIEW, new / OVERVIEW)
    if (folder / PREPROCESSING).is_dir():
        shutil.copytree(folder / PREPROCESSING, new / PREPROCESSING, copy_function=shutil.copyfile)
