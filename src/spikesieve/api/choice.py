"""Applies the settings of the input: which channels and shanks of a recording are sorted, and their sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import I64, Probe, Recording
from spikesieve.model.text import counted, named, one_or_more
from spikesieve.settings.input import InputParams

RATE_TOLERANCE = 1e-3
"""Rates of one kind of system differ by less: its clock is a little fast or slow."""


def chosen_input(recording: Recording, probe: Probe, params: InputParams) -> tuple[Recording, Probe, tuple[str, ...]]:
    """Leave out bad channels and other shanks, and invert the samples, as the settings say.

    Channels that hold no voltage are left out too.

    Parameters
    ----------
    recording : Recording
        The recording.
    probe : Probe
        All its contacts.
    params : InputParams
        The settings.

    Returns
    -------
    recording : Recording
        The recording; inverted samples have negative gains.
    probe : Probe
        The contacts that are sorted.
    notes : tuple of str
        A sentence for each thing that was done.

    Raises
    ------
    InputError
        The recording has another number of channels or another rate than expected, or no such channel or shank, or no
        contact is left.

    Examples
    --------
    >>> recording = Recording(lambda start, stop: np.zeros((stop - start, 4)), 100, 4, 30_000.0)
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 25.0], [250.0, 0.0]]), np.arange(3), np.array([0, 0, 1]))
    >>> _, chosen, notes = chosen_input(recording, probe, InputParams(bad_channels=[1, 3], shanks=0))
    >>> chosen.channels.tolist(), notes[0]
    ([0], 'Channels 1, 3 were left out by input.bad_channels: 1 contact of the probe has one of them.')
    """
    _require_expected(recording, params)
    notes = []
    keep = ~np.isin(probe.channels, recording.not_voltage)
    if not keep.all():
        channels = probe.channels[~keep].tolist()
        they_hold = one_or_more(len(channels), "it holds", "they hold")
        notes.append(f"{_were(channels, 'Channel')} left out: {they_hold} no voltage, or none whose gain is known.")
    if params.shanks:
        _require_shanks(params.shanks, probe)
        keep &= np.isin(probe.shanks, params.shanks)
        notes.append(f"Only {_were(params.shanks, 'shank')} sorted, {counted(int(keep.sum()), 'contact')}.")
    if params.bad_channels:
        bad = _channel_numbers(params.bad_channels, recording)
        is_bad = np.isin(probe.channels, bad)
        n_bad = int(is_bad.sum())
        keep &= ~is_bad
        notes.insert(
            0,
            f"{_were(params.bad_channels, 'Channel')} left out by input.bad_channels: {counted(n_bad, 'contact')} "
            f"of the probe {one_or_more(n_bad, 'has', 'have')} {one_or_more(len(bad), 'it', 'one of them')}.",
        )
    if not keep.any():
        raise InputError("No contact is left. Give fewer bad channels (--bad-channels) or other shanks (--shanks).")
    if params.invert_sign:
        recording = replace(recording, gain_uv=-recording.gain_uv)
        notes.append("All samples were multiplied by -1, as input.invert_sign says. Phy shows the traces as they are.")
    return recording, probe if keep.all() else probe.select(keep), tuple(notes)


def _require_expected(recording: Recording, params: InputParams) -> None:
    n_channels, sampling_hz = params.expected_channels, params.expected_sampling_hz
    wrong = []
    if n_channels is not None and n_channels != recording.n_channels:
        wrong.append(
            f"{recording.name} has {counted(recording.n_channels, 'channel')}, but input.expected_channels "
            f"(Kilosort4's n_chan_bin) says {n_channels}."
        )
    if sampling_hz is not None and abs(recording.sampling_hz / sampling_hz - 1) > RATE_TOLERANCE:
        wrong.append(
            f"{recording.name} has {recording.sampling_hz:.10g} samples per second, but input.expected_sampling_hz "
            f"(Kilosort4's fs) says {sampling_hz:.10g}."
        )
    if wrong:
        raise InputError("\n".join([*wrong, "Give the recording of these settings, or leave that out of them."]))


def _channel_numbers(given: Iterable[int | str], recording: Recording) -> I64:
    names = {name: channel for channel, name in enumerate(recording.channel_names)}
    wrong: list[int | str] = [each for each in given if isinstance(each, int) and not 0 <= each < recording.n_channels]
    wrong += [each for each in given if isinstance(each, str) and each not in names]
    if wrong:
        raise InputError(
            f"{recording.name} has no {named('channel', wrong)} (--bad-channels). It has channels 0 to "
            f"{recording.n_channels - 1}{_names_hint(wrong, recording.channel_names)}."
        )
    return np.array([names[each] if isinstance(each, str) else each for each in given], np.int64)


def _names_hint(wrong: Iterable[int | str], names: tuple[str, ...]) -> str:
    if not names:
        return " and does not say their names"
    near = [match for each in wrong for match in get_close_matches(str(each), names, 1)]
    meant = f"; did you mean {_listed(near)}?" if near else ""
    return f", named {names[0]} to {names[-1]}{meant}"


def _require_shanks(shanks: Iterable[int], probe: Probe) -> None:
    known = np.unique(probe.shanks).tolist()
    missing = [shank for shank in shanks if shank not in known]
    if missing:
        raise InputError(
            f"The probe {probe.name!r} has no {named('shank', missing)} (--shanks). It has {named('shank', known)}."
        )


def _were(names: Sequence[object], noun: str) -> str:
    return f"{named(noun, names)} {one_or_more(len(names), 'was', 'were')}"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
