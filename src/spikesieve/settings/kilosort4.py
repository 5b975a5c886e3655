"""What names and values of Kilosort4 mean here."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Absent(NamedTuple):
    """A Kilosort4 setting without a counterpart.

    Attributes
    ----------
    sentence : str
        What to do instead.
    harmless : tuple of object, or None
        Values with which it changes nothing; None: any.
    """

    sentence: str
    harmless: tuple[object, ...] | None = ()


def _of_the_recording(name: str, option: str, harmless: tuple[object, ...] | None) -> Absent:
    sentence = f"Kilosort4's {name} describes the recording, not the sorting: leave it out and give {option}."
    return Absent(sentence, harmless)


def _not_needed(name: str, instead: str, harmless: tuple[object, ...] | None) -> Absent:
    return Absent(f"Kilosort4's {name} is not needed: {instead} Leave it out.", harmless)


_OF_THE_MACHINE = ("device", "progress_bar", "clear_cache", "verbose_console", "verbose_log", "torch_thread_lim")

ABSENT_IN_SPIKESIEVE: dict[str, Absent] = {
    "tmin": _of_the_recording("tmin", "--time-range start:end, in seconds", (0, None)),
    "tmax": _of_the_recording("tmax", "--time-range start:end, in seconds", (math.inf, None)),
    "shift": _of_the_recording(
        "shift", "--dtype uint16 where 32768 is 0 V (other offsets are filtered out)", (None, 0)
    ),
    "scale": _of_the_recording("scale", "--gain-uv, the µV of a raw number", (None,)),
    "data_dtype": _of_the_recording("data_dtype", "--dtype", (None, "int16")),
    "filename": _of_the_recording("filename", "the files themselves", None),
    "data_dir": _of_the_recording("data_dir", "the files themselves", None),
    "file_object": _of_the_recording("file_object", "the recording itself", None),
    "results_dir": _of_the_recording("results_dir", "--out", None),
    "probe": _of_the_recording("probe", "--probe", None),
    "probe_name": _of_the_recording("probe_name", "--probe", None),
    "probe_path": _of_the_recording("probe_path", "--probe", None),
    "drift_smoothing": _not_needed(
        "drift_smoothing", "the estimate weighs time, depth and its own error.", ([0.5, 0.5, 0.5],)
    ),
    "batch_downsampling": _not_needed("batch_downsampling", "every block is sorted; --time-range sorts less.", (1,)),
    "nskip": _not_needed("nskip", "noise is measured in blocks spread over the recording.", (25,)),
    "templates_from_data": _not_needed("templates_from_data", "shapes are always learned from the data.", (True,)),
    "x_centers": _not_needed("x_centers", "wide shanks are cut into groups, see features.group_width_um.", (None,)),
    "position_limit": _not_needed(
        "position_limit", "the contacts of a unit place it, see features.max_distance_um.", (100,)
    ),
    "save_extra_vars": _not_needed(
        "save_extra_vars",
        "features and templates are in every result, and --keep-steps keeps all that was computed.",
        (False,),
    ),
    "save_preprocessed_copy": _not_needed("save_preprocessed_copy", "--save-preprocessed does that.", (False,)),
    **{name: _not_needed(name, "it concerns the machine, not the result.", None) for name in _OF_THE_MACHINE},
}
"""Kilosort4 settings, and arguments of its run_kilosort, that have no counterpart here."""

_OTHER_VALUES: dict[str, dict[object, object]] = {
    "do_CAR": {True: "median", False: "none"},
    "artifact_threshold": {math.inf: None},
}
"""Values that are written otherwise here."""


def harmless(name: str, value: object) -> bool:
    """Tell whether a Kilosort4 setting without a counterpart would change nothing with this value.

    Parameters
    ----------
    name : str
        Kilosort4's name.
    value : object
        Its value.

    Returns
    -------
    bool
        False also where the setting has a counterpart.

    Examples
    --------
    >>> harmless("nskip", 25), harmless("nskip", 10)
    (True, False)
    """
    if name not in ABSENT_IN_SPIKESIEVE:
        return False
    values = ABSENT_IN_SPIKESIEVE[name].harmless
    return values is None or any(value is v or (value == v and type(value) is not bool) for v in values)


def value_here(name: str, value: Any) -> Any:
    """Convert a value of a Kilosort4 setting to the one that the setting of spikesieve has.

    Parameters
    ----------
    name : str
        Kilosort4's name.
    value : object
        Its value there.

    Returns
    -------
    object
        The value here, in most cases the same.

    Examples
    --------
    >>> value_here("do_CAR", False), value_here("nblocks", 5)
    ('none', 5)
    """
    return _OTHER_VALUES.get(name, {}).get(value, value) if isinstance(value, bool | float) else value


def value_there(name: str, value: Any) -> Any:
    """Convert a value of a setting to the one that the setting of Kilosort4 has.

    Parameters
    ----------
    name : str
        Kilosort4's name.
    value : object
        The value here.

    Returns
    -------
    object
        The value there, in most cases the same.

    Examples
    --------
    >>> value_there("do_CAR", "none"), value_there("nblocks", 5)
    (False, 5)
    """
    back = {here: there for there, here in _OTHER_VALUES.get(name, {}).items()}
    return back.get(value, value) if isinstance(value, str | None) else value
