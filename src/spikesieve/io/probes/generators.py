"""Probes by name: `neuropixels1:384`, `neuropixels2:96`, `linear:32:25`, `tetrode:4`, `grid:16x16:30`."""

from __future__ import annotations

import math
from difflib import get_close_matches

import numpy as np
from probeinterface import generate_linear_probe, generate_multi_columns_probe
from probeinterface.neuropixels_tools import build_neuropixels_probe

from spikesieve.errors import InputError
from spikesieve.model import F64, I64, Probe

# No probe has more contacts. A typing error must not fill the memory.
MAX_CONTACTS = 65_536

FORMS = {
    "neuropixels1": "neuropixels1:CONTACTS, up to 960, such as neuropixels1:384",
    "neuropixels2": "neuropixels2:CONTACTS, up to 1280, such as neuropixels2:96",
    "linear": "linear:CONTACTS:PITCH_UM, such as linear:32:25",
    "tetrode": "tetrode:TETRODES, such as tetrode:4",
    "grid": "grid:ROWSxCOLUMNS:PITCH_UM, such as grid:16x16:30",
}
"""How each name is written, for error messages."""

TETRODE_SIDE_UM = 12.5
TETRODE_DISTANCE_UM = 300.0

# probeinterface counts x from the leftmost contact; Kilosort's channel map of Neuropixels 1.0 counts the other way,
# from 59 um.
NEUROPIXELS1_MIRROR_UM = 59.0


def is_generator(spec: str) -> bool:
    """Tell whether a probe is given by name and numbers rather than as a file.

    Parameters
    ----------
    spec : str
        What the user gave as the probe.

    Returns
    -------
    bool
        True if the part before the first colon is a known name.

    Examples
    --------
    >>> is_generator("linear:32:25"), is_generator("my_probe.json")
    (True, False)
    """
    return spec.partition(":")[0].lower() in FORMS


def generate_probe(spec: str) -> Probe:
    """Make a probe from its name and numbers.

    Contact i is on channel i. Contacts are numbered from the tip up, or from the first row up.

    Parameters
    ----------
    spec : str
        One of:

        - ``neuropixels1:n``: the first n of 960 contacts; rows of two, 20 um apart, x = 43, 11, 59, 27 um in turn
        - ``neuropixels2:n``: the first n of 1280 contacts of one shank; two columns 32 um apart, rows 15 um apart
        - ``linear:n:pitch``: one column of n contacts
        - ``tetrode:n``: n squares of 12.5 um side, 300 um apart, each a shank of its own
        - ``grid:RxC:pitch``: R rows of C contacts, row by row

    Returns
    -------
    Probe
        The probe, with `spec` as its name.

    Raises
    ------
    InputError
        If the name is unknown or the numbers do not fit it.

    Examples
    --------
    >>> generate_probe("linear:3:25").positions_um.tolist()
    [[0.0, 0.0], [0.0, 25.0], [0.0, 50.0]]
    >>> generate_probe("neuropixels1:4").positions_um.tolist()
    [[43.0, 0.0], [11.0, 0.0], [59.0, 20.0], [27.0, 20.0]]
    >>> generate_probe("tetrode:2").shanks
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    name, *numbers = spec.lower().split(":")
    if name not in FORMS:
        near = get_close_matches(name, FORMS, n=1)
        hint = f"Did you mean {FORMS[near[0]]}?" if near else f"Known names: {'; '.join(FORMS.values())}."
        raise InputError(f"There is no probe named {name!r}. {hint}")
    try:
        positions_um, shanks = _layout(name, numbers)
    except ValueError as error:
        raise InputError(f"The probe {spec!r} cannot be made. Write it as {FORMS[name]}.") from error
    return Probe(positions_um, np.arange(len(positions_um)), shanks, spec)


def _layout(name: str, numbers: list[str]) -> tuple[F64, I64]:
    """Positions in um and shanks; raises ValueError if the numbers do not fit the name."""
    if name == "tetrode":
        (n_tetrodes,) = numbers
        return _tetrodes(_count(n_tetrodes, MAX_CONTACTS // 4))
    if name == "linear":
        n_contacts, pitch = numbers
        probe = generate_linear_probe(_count(n_contacts, MAX_CONTACTS), _pitch_um(pitch))
        positions_um = np.asarray(probe.contact_positions, np.float64)
    elif name == "grid":
        size, pitch = numbers
        rows, columns = size.split("x")
        n_columns = _count(columns, MAX_CONTACTS)
        positions_um = _grid(_count(rows, MAX_CONTACTS // n_columns), n_columns, _pitch_um(pitch))
    elif name == "neuropixels1":
        (n_contacts,) = numbers
        positions_um = _neuropixels("NP1000", n_contacts)
        positions_um[:, 0] = NEUROPIXELS1_MIRROR_UM - positions_um[:, 0]
    else:
        (n_contacts,) = numbers
        positions_um = _neuropixels("NP2000", n_contacts)
    return positions_um, np.zeros(len(positions_um), np.int64)


def _neuropixels(part_number: str, n_contacts: str) -> F64:
    """Positions of the n contacts nearest to the tip."""
    positions_um = np.array(build_neuropixels_probe(part_number).contact_positions, np.float64)
    return positions_um[: _count(n_contacts, len(positions_um))]


def _grid(n_rows: int, n_columns: int, pitch_um: float) -> F64:
    """Positions row by row; probeinterface gives them column by column."""
    probe = generate_multi_columns_probe(n_columns, n_rows, pitch_um, pitch_um)
    by_column = np.asarray(probe.contact_positions, np.float64).reshape(n_columns, n_rows, 2)
    return np.ascontiguousarray(by_column.transpose(1, 0, 2)).reshape(-1, 2)


def _tetrodes(n_tetrodes: int) -> tuple[F64, I64]:
    # A 2 x 2 grid: probeinterface's generate_tetrode is a diamond around 0, which would move every contact.
    shanks = np.repeat(np.arange(n_tetrodes), 4)
    positions_um = np.tile(_grid(2, 2, TETRODE_SIDE_UM), (n_tetrodes, 1))
    positions_um[:, 0] += shanks * TETRODE_DISTANCE_UM
    return positions_um, shanks


def _count(text: str, maximum: int) -> int:
    number = int(text)
    if not 1 <= number <= maximum:
        raise ValueError(text)
    return number


def _pitch_um(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number
