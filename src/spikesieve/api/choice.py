"""Applies the settings of the input: which channels and shanks of a recording are sorted, and their sign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import I64, Probe, Recording
from spikesieve.model.text import counted
from spikesieve.settings.input import InputParams


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
        The recording has no such channel or shank, or no contact is left.

    Examples
    --------
    >>> recording = Recording(lambda start, stop: np.zeros((stop - start, 4)), 100, 4, 30_000.0)
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 25.0], [250.0, 0.0]]), np.arange(3), np.array([0, 0, 1]))
    >>> _, chosen, notes = chosen_input(recording, probe, InputParams(bad_channels=[1, 3], shanks=0))
    >>> chosen.channels.tolist(), notes[0]
    ([0], 'Channels 1, 3 were left out by input.bad_channels: 1 contact of the probe is among them.')
    """
    notes = []
    keep = ~np.isin(probe.channels, recording.not_voltage)
    if not keep.all():
        notes.append(
            f"Channels {_listed(probe.channels[~keep].tolist())} were left out: they hold no voltage, or none whose "
            "gain is known."
        )
    if params.shanks:
        _require_shanks(params.shanks, probe)
        keep &= np.isin(probe.shanks, params.shanks)
        notes.append(f"Only shanks {_listed(params.shanks)} were sorted, {counted(int(keep.sum()), 'contact')}.")
    if params.bad_channels:
        bad = _channel_numbers(params.bad_channels, recording)
        is_bad = np.isin(probe.channels, bad)
        n_bad = int(is_bad.sum())
        keep &= ~is_bad
        notes.insert(
            0,
            f"Channels {_listed(params.bad_channels)} were left out by input.bad_channels: {counted(n_bad, 'contact')} "
            f"of the probe {'is' if n_bad == 1 else 'are'} among them.",
        )
    if not keep.any():
        raise InputError("No contact is left. Give fewer bad channels (--bad-channels) or other shanks (--shanks).")
    if params.invert_sign:
        recording = replace(recording, gain_uv=-recording.gain_uv)
        notes.append("All samples were multiplied by -1, as input.invert_sign says. Phy shows the traces as they are.")
    return recording, probe if keep.all() else probe.select(keep), tuple(notes)


def _channel_numbers(given: Iterable[int | str], recording: Recording) -> I64:
    names = {name: channel for channel, name in enumerate(recording.channel_names)}
    wrong: list[int | str] = [each for each in given if isinstance(each, int) and not 0 <= each < recording.n_channels]
    wrong += [each for each in given if isinstance(each, str) and each not in names]
    if wrong:
        raise InputError(
            f"{recording.name} has no channel {_listed(wrong)} (--bad-channels). It has channels 0 to "
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
            f"The probe {probe.name!r} has no shank {_listed(missing)} (--shanks). Its shanks are {_listed(known)}."
        )


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
