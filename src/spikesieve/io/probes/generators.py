"""Probes by name: `neuropixels1:384`, `neuropixels2:96`, `linear:32:25`, `tetrode:4`, `grid:16x16:30`."""

from __future__ import annotations

import math
from difflib import get_close_matches

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import F64, I64, Probe

# More contacts than any probe has; keeps a slip of the finger from filling the memory.
MOST_CONTACTS = 65_536

FORMS = {
    "neuropixels1": "neuropixels1:CONTACTS, up to 960, such as neuropixels1:384",
    "neuropixels2": "neuropixels2:CONTACTS, up to 1280, such as neuropixels2:96",
    "linear": "linear:CONTACTS:PITCH_UM, such as linear:32:25",
    "tetrode": "tetrode:TETRODES, such as tetrode:4",
    "grid": "grid:ROWSxCOLUMNS:PITCH_UM, such as grid:16x16:30",
}

TETRODE_SIDE_UM = 12.5
TETRODE_DISTANCE_UM = 300.0


def is_generator(spec: str) -> bool:
    """Whether a probe is given by name and numbers rather than as a file."""
    return spec.partition(":")[0].lower() in FORMS


def generate_probe(spec: str) -> Probe:
    """A probe from its name and numbers; contact i is on file channel i, from the tip (or first row) up.

    neuropixels1:n    one shank, two contacts a row, rows 20 um apart, x = 43, 11, 59, 27 um in turn
    neuropixels2:n    one shank, two columns 32 um apart, rows 15 um apart
    linear:n:pitch    one column
    tetrode:n         n squares of 12.5 um side, 300 um apart, each a shank of its own
    grid:RxC:pitch    R rows of C contacts, row by row

    Raises InputError for an unknown name or impossible numbers.
    """
    name, *numbers = spec.lower().split(":")
    if name not in FORMS:
        near = get_close_matches(name, FORMS, n=1)
        hint = f"Did you mean {FORMS[near[0]]}?" if near else f"Known are {'; '.join(FORMS.values())}."
        raise InputError(f"There is no probe named {name!r}. {hint}")
    try:
        positions_um, shanks = _layout(name, numbers)
    except ValueError as error:
        raise InputError(f"The probe {spec!r} cannot be built. Its form is {FORMS[name]}.") from error
    return Probe(positions_um, np.arange(len(positions_um)), shanks, spec)


def _layout(name: str, numbers: list[str]) -> tuple[F64, I64]:
    """Positions and shanks; raises ValueError when the numbers do not fit the name."""
    if name == "tetrode":
        (n,) = numbers
        return _tetrodes(_count(n, MOST_CONTACTS // 4))
    if name == "linear":
        n, pitch = numbers
        positions = _columns(_count(n, MOST_CONTACTS), (0.0,), _pitch_um(pitch))
    elif name == "grid":
        size, pitch = numbers
        rows, columns = size.split("x")
        n_columns = _count(columns, MOST_CONTACTS)
        n_rows = _count(rows, MOST_CONTACTS // n_columns)
        x_um = tuple((np.arange(n_columns) * _pitch_um(pitch)).tolist())
        positions = _columns(n_rows * n_columns, x_um, _pitch_um(pitch))
    elif name == "neuropixels1":
        (n,) = numbers
        positions = _columns(_count(n, 960), (43.0, 11.0), 20.0)
        positions[2::4, 0], positions[3::4, 0] = 59.0, 27.0
    else:
        (n,) = numbers
        positions = _columns(_count(n, 1280), (0.0, 32.0), 15.0)
    return positions, np.zeros(len(positions), np.int64)


def _columns(n: int, x_um: tuple[float, ...], pitch_um: float) -> F64:
    """n contacts, row by row from y = 0 up, a row having one contact at each of x_um."""
    index = np.arange(n)
    return np.stack([np.asarray(x_um)[index % len(x_um)], (index // len(x_um)) * pitch_um], axis=1)


def _tetrodes(n: int) -> tuple[F64, I64]:
    shanks = np.repeat(np.arange(n), 4)
    positions = _columns(4 * n, (0.0, TETRODE_SIDE_UM), TETRODE_SIDE_UM)
    positions[:, 1] %= 2 * TETRODE_SIDE_UM
    positions[:, 0] += shanks * TETRODE_DISTANCE_UM
    return positions, shanks


def _count(text: str, most: int) -> int:
    number = int(text)
    if not 1 <= number <= most:
        raise ValueError(text)
    return number


def _pitch_um(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number
