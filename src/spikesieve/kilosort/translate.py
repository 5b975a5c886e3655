"""Settings of Kilosort4 as settings of spikesieve. What has no effect here is said in a note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spikesieve.errors import SettingsError
from spikesieve.kilosort.parameters import EXTRA_PARAMETERS, MAIN_PARAMETERS
from spikesieve.settings.kilosort4 import ABSENT_IN_SPIKESIEVE
from spikesieve.settings.sort import Settings, is_used, paths_by_name_in

# Not DEFAULT_SETTINGS: scripts change that one.
DEFAULTS = {name: entry["default"] for name, entry in (MAIN_PARAMETERS | EXTRA_PARAMETERS).items()}
OF_THE_RECORDING = ("n_chan_bin", "fs", "tmin", "tmax", "shift", "scale")
"""Settings that say how the recording is read."""
OF_THE_FILES = ("filename", "data_dir", "results_dir", "probe_name", "probe_path")
"""What Kilosort4 accepts among the settings, although it is none."""


class WrongSettingsError(SettingsError, ValueError):
    """Settings that Kilosort4 refuses too, by a ValueError."""


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Add the defaults to the settings that a script gives.

    Parameters
    ----------
    given : mapping
        Settings by Kilosort4's names. `method` and full names of spikesieve ("motion.mode") can be among them.

    Returns
    -------
    dict
        All 41 settings, and what else was given.

    Raises
    ------
    WrongSettingsError
        The number of channels is missing, or a setting is unknown.
    """
    known = {*DEFAULTS, *OF_THE_FILES, *Settings.fields_by_path()}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise WrongSettingsError(" ".join(Settings.unknown_sentence(str(name)) for name in unknown))
    if given.get("n_chan_bin") is None:
        raise WrongSettingsError(
            "The setting n_chan_bin is missing: the number of channels of the binary file, those without a contact "
            "included. Add it to the settings."
        )
    return {**DEFAULTS, **given}


def translated(given: Mapping[str, Any], arguments: Mapping[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    """Turn settings of Kilosort4 into settings of spikesieve.

    The method is sieve unless `given` has another `method`. It keeps its own defaults where a setting has Kilosort4's
    default; the method kilosort4 has all of Kilosort4's.

    Parameters
    ----------
    given : mapping
        All settings, from `complete`.
    arguments : mapping
        Arguments of `run_kilosort` that are settings here: do_CAR, invert_sign, bad_channels.

    Returns
    -------
    settings : Settings
        All settings.
    notes : tuple of str
        A sentence for each setting that changes nothing.

    Raises
    ------
    SettingsError
        A value has the wrong type or is out of range.

    Examples
    --------
    >>> settings, notes = translated(complete({"n_chan_bin": 64, "Th_universal": 8, "nskip": 10}), {"do_CAR": False})
    >>> settings.method, settings.detect.threshold, settings.preprocess.reference
    ('sieve', 8.0, 'none')
    >>> notes[0][:28]
    'nskip=10 changes nothing. Ki'
    """
    method, paths = str(given.get("method", "sieve")), paths_by_name_in("kilosort4")
    values: dict[str, Any] = {"method": method}
    notes = []
    for name, value in (*given.items(), *arguments.items()):
        if name in (*OF_THE_RECORDING, *OF_THE_FILES, "method"):
            continue
        changed = name not in DEFAULTS or not _same(value, DEFAULTS[name])
        why = _why_nothing(name, method, given) if name in DEFAULTS else ""
        if changed and why:
            notes.append(f"{name}={value} changes nothing. {why}")
        if not why and (changed or (method == "kilosort4" and value is not None)):
            values[paths.get(name, name)] = name, value
    return Settings().with_values(_named(values)), tuple(notes)


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of each setting; whole numbers that are written as floats become integers."""
    for path, value in values.items():
        name, plain = value if isinstance(value, tuple) else (path, value)
        is_whole = isinstance(plain, float) and plain.is_integer()
        yield name, int(plain) if is_whole else plain


def _why_nothing(name: str, method: str, given: Mapping[str, Any]) -> str:
    """Say why a setting of Kilosort4 has no effect; empty if it has one."""
    if name in ABSENT_IN_SPIKESIEVE:
        return ABSENT_IN_SPIKESIEVE[name].sentence
    path = paths_by_name_in("kilosort4")[name]
    if not is_used(path, method):
        return f"The method {method} does not use {path}; {{'method': 'kilosort4'}} among the settings does."
    if name == "sig_interp" and given.get("motion.mode") != "traces":
        return "Templates are displaced here, not traces; {'motion.mode': 'traces'} among the settings does that."
    return ""


def _same(value: Any, default: Any) -> bool:
    return value is default or bool(np.array_equal(value, default))
