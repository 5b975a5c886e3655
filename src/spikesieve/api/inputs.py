"""Converts the arguments of `sort`: recordings, probes and settings of several kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
from numpy.typing import NDArray

from spikesieve.errors import InputError, SettingsError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.io.probes.read import read_probe, require_fits
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.recordings.spikeinterface import (
    from_spikeinterface,
    is_spikeinterface_recording,
    probe_of_spikeinterface,
)
from spikesieve.model import Probe, Recording
from spikesieve.settings.sort import Settings


def as_recording_and_probe(
    recording: Recording | NDArray[Any] | Any, probe: Probe | str | Path | Any = None, sampling_hz: float | None = None
) -> tuple[Recording, Probe]:
    """Convert the arguments of `sort` to a Recording and a Probe. Samples are not read or copied.

    Parameters
    ----------
    recording : Recording, ndarray or SpikeInterface recording
        A Recording (from `read_recording`, `recording_from_array` or `open_input`); an array of raw numbers, shape
        (n_samples, n_channels), with `sampling_hz`; or an object with SpikeInterface's reading methods, with any number
        of segments.
    probe : Probe, probeinterface Probe or ProbeGroup, str or Path, optional
        Positions of the contacts: a Probe, a probe of probeinterface, or a name or file for `read_probe`. Default: the
        probe of the recording, which only SpikeInterface recordings can have.
    sampling_hz : float, optional
        Sampling rate of an array in Hz. Other recordings have their own.

    Returns
    -------
    recording : Recording
        The recording.
    probe : Probe
        Its probe.

    Raises
    ------
    InputError
        An argument is of another kind, an array has no sampling rate, or the probe is missing or does not fit.

    Examples
    --------
    >>> recording, probe = as_recording_and_probe(np.zeros((300, 4), np.int16), "linear:4:25", sampling_hz=30_000)
    >>> recording.n_samples, probe.n_contacts
    (300, 4)
    """
    converted = _as_recording(recording, sampling_hz)
    contacts = _as_probe(probe) if probe is not None else _own_probe(recording, converted.name)
    require_fits(contacts, converted.n_channels, converted.name)
    return converted, contacts


def as_settings(settings: Settings | Mapping[str, Any] | None) -> Settings:
    """Convert the argument `settings` of `sort`.

    Parameters
    ----------
    settings : Settings or mapping, optional
        Settings; or a dict of the settings that differ from the defaults, with full names ("detect.threshold"), by
        stage ({"detect": {"threshold": 8}}), or with the names of Kilosort4 or Kilosort2. Default: the defaults.

    Returns
    -------
    Settings
        All settings.

    Raises
    ------
    SettingsError
        A setting is unknown, given twice, of the wrong type or out of range.

    Examples
    --------
    >>> as_settings({"detect.threshold": 8}).detect.threshold
    8.0
    >>> as_settings({"method": "kilosort4", "match": {"threshold": 7.5}}).method
    'kilosort4'
    """
    if settings is None or isinstance(settings, Settings):
        return settings or Settings()
    if not isinstance(settings, Mapping):
        raise SettingsError(
            f"Settings cannot be a {type(settings).__name__}. Give spikesieve.Settings or a dict such as "
            '{"detect.threshold": 8}; a TOML file is read with Settings.from_toml.'
        )
    return Settings().with_values(_by_full_name(settings))


def _by_full_name(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _by_full_name(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value.item() if isinstance(value, np.generic) else value


def _as_recording(recording: Any, sampling_hz: float | None) -> Recording:
    if isinstance(recording, np.ndarray):
        if sampling_hz is None:
            raise InputError(
                "An array does not tell its sampling rate. Write sort(array, probe, sampling_hz=30_000), or "
                "sort(spikesieve.recording_from_array(array, sampling_hz=30_000, gain_uv=...), probe), which takes "
                "the gain as well."
            )
        return recording_from_array(recording, sampling_hz)
    if isinstance(recording, Recording):
        found = recording
    elif is_spikeinterface_recording(recording):
        found = from_spikeinterface(recording)
    else:
        raise InputError(
            f"A recording cannot be a {type(recording).__name__}. Give a file opened with spikesieve.read_recording, "
            "an array (samples, channels) with sampling_hz, or a SpikeInterface recording."
        )
    if sampling_hz is not None and sampling_hz != found.sampling_hz:
        raise InputError(
            f"The recording {found.name!r} has {found.sampling_hz:g} Hz, but sampling_hz is {sampling_hz:g}. Leave "
            "sampling_hz out: only arrays need it."
        )
    return found


def _as_probe(probe: Any) -> Probe:
    if isinstance(probe, Probe):
        return probe
    if isinstance(probe, str | Path):
        return read_probe(probe)
    if isinstance(probe, probeinterface.Probe | probeinterface.ProbeGroup):
        return probe_of_probeinterface(probe, "the probe")
    raise InputError(
        f"A probe cannot be a {type(probe).__name__}. Give one from spikesieve.read_probe, a name such as "
        "'neuropixels1:384', a probe file, or a probeinterface Probe or ProbeGroup."
    )


def _own_probe(recording: Any, name: str) -> Probe:
    """The probe that a SpikeInterface recording carries."""
    own = None if isinstance(recording, Recording | np.ndarray) else probe_of_spikeinterface(recording, name)
    if own is None:
        raise InputError(
            f"The recording {name!r} does not say where its contacts are. Give the probe, such as 'neuropixels1:384' "
            "or one from spikesieve.read_probe."
        )
    return own
