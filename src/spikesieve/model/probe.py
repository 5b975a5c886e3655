"""The probe: where the contacts are and which channel of the file holds each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model.text import counted, named
from spikesieve.model.types import F64, I64


@dataclass(frozen=True, eq=False, repr=False)
class Probe:
    """Positions, channels and shanks of the contacts.

    Attributes
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        x (across) and y (depth) of each contact in um.
    channels : ndarray of int64, shape (n_contacts,)
        Column of the file that holds each contact, counted from 0.
    shanks : ndarray of int64, shape (n_contacts,)
        Shank number of each contact. No local operation crosses from one shank to another.
    name : str
        Name in logs and figures.

    Raises
    ------
    InputError
        For no contacts, NaN or duplicate positions, duplicate or negative channels.

    Examples
    --------
    >>> positions_um = np.array([[0.0, 0.0], [0.0, 25.0], [250.0, 0.0]])
    >>> Probe(positions_um, channels=np.arange(3), shanks=np.array([0, 0, 1]), name="two shanks")
    Probe 'two shanks': 3 contacts on 2 shanks, x 0 to 250 µm, y 0 to 25 µm
    """

    positions_um: F64
    channels: I64
    shanks: I64
    name: str = "probe"

    def __post_init__(self) -> None:
        if self.positions_um.ndim != 2 or self.positions_um.shape[1] != 2 or len(self.positions_um) == 0:
            raise InputError(
                f"The probe {self.name!r} needs positions of shape (contacts, 2). Got {self.positions_um.shape}. "
                "Give an x and a y in µm for each contact."
            )
        n = len(self.positions_um)
        if self.channels.shape != (n,) or self.shanks.shape != (n,):
            raise InputError(
                f"The probe {self.name!r} has {n} positions, {self.channels.size} channels and {self.shanks.size} "
                "shank numbers. Each contact needs one of each."
            )
        _require_finite_and_distinct(self.positions_um, self.name)
        if self.channels.min() < 0 or len(np.unique(self.channels)) < n:
            raise InputError(
                f"The probe {self.name!r} names a file channel twice or a negative one. "
                "Each contact needs a channel of its own, counted from 0."
            )

    def __repr__(self) -> str:
        n_shanks = len(np.unique(self.shanks))
        (x_low, y_low), (x_high, y_high) = self.positions_um.min(axis=0), self.positions_um.max(axis=0)
        return (
            f"Probe {self.name!r}: {counted(self.n_contacts, 'contact')} on {counted(n_shanks, 'shank')}, "
            f"x {x_low:g} to {x_high:g} µm, y {y_low:g} to {y_high:g} µm"
        )

    @property
    def n_contacts(self) -> int:
        """Number of contacts."""
        return len(self.positions_um)

    def select(self, keep: NDArray[np.generic]) -> Probe:
        """Keep some of the contacts.

        Parameters
        ----------
        keep : ndarray of bool, shape (n_contacts,), or of int, shape (n_kept,)
            Mask or indices of the contacts to keep.

        Returns
        -------
        Probe
            A probe with these contacts only; the channels still name columns of the same file.

        Examples
        --------
        >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 25.0]]), np.array([7, 3]), np.zeros(2, int))
        >>> probe.select(np.array([False, True])).channels
        array([3])
        """
        return Probe(self.positions_um[keep], self.channels[keep], self.shanks[keep], self.name)


def _require_finite_and_distinct(positions_um: F64, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(positions_um).all(axis=1))
    if bad.size:
        raise InputError(
            f"The probe {name!r} has a position that is not a number at {named('contact', bad[:10])}. "
            "Give each contact an x and a y in µm, or leave the contact out."
        )
    _, first, counts = np.unique(positions_um, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        x, y = positions_um[first[counts > 1][0]]
        contacts = np.flatnonzero((positions_um == (x, y)).all(axis=1)).tolist()
        raise InputError(
            f"The probe {name!r} has contacts {contacts} at the same position ({x:g}, {y:g}) µm. "
            "Contacts of different shanks need their shank's x offset; others need their own place."
        )
