"""How alike the mean waveforms of two sortings are: normalised dot product at the best lag."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I64
from spikesieve.sorted_by_others import ExternalSorting, UnitWaveforms

REACH_MS = 0.4
"""Largest lag that is tried, after both windows were laid peak on peak."""
LOST = 1e-5
"""Share of the energy that the temporal components may leave out."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """Waveforms of the units of two sides.

    similarity   (n_units_a, n_units_b) float32, -1..1, dot product of unit-norm waveforms at the best lag
    lag_samples  (n_units_a, n_units_b) int64, the waveform of b lies this much later in its window than that of a
    """

    similarity: F32
    lag_samples: I64


@dataclass(frozen=True, eq=False)
class Contacts:
    """The contacts that two sides share, as columns of each side's waveforms, and where they are.

    a, b          (n_common,) int64
    positions_um  (n_common, 2) float64, or None when neither side knows
    """

    a: I64
    b: I64
    positions_um: F64 | None


def common_contacts(a: ExternalSorting, b: ExternalSorting) -> Contacts:
    """Contacts of both sides, joined by their columns of the raw file, or, where these are unknown, by their order.

    Raises InputError when the sides cannot be of one recording: raw files with different numbers of columns, no common
    contact, or, with unknown columns, different numbers of contacts.
    """
    if a.raw is not None and b.raw is not None and a.raw.n_channels != b.raw.n_channels:
        raise InputError(
            f"{a.name} was sorted from {a.raw.n_channels} channels, {b.name} from {b.raw.n_channels}. "
            "Only sortings of one recording can be compared: give two of the same."
        )
    n_a, n_b = a.n_contacts or 0, b.n_contacts or 0
    if a.channels is not None and b.channels is not None:
        _, of_a, of_b = np.intersect1d(a.channels, b.channels, return_indices=True)
        if n_a and n_b and not len(of_a):
            raise InputError(
                f"{a.name} and {b.name} have no channel in common. "
                "Only sortings of one recording can be compared: give two of the same."
            )
        order = np.argsort(of_a, kind="stable")
        of_a, of_b = of_a[order].astype(np.int64), of_b[order].astype(np.int64)
    elif n_a and n_b and n_a != n_b:
        raise InputError(
            f"{a.name} has {n_a} contacts, {b.name} has {n_b}, and one of them does not tell which channels these are. "
            "Give sortings of the same contacts, or add channel_map.npy to both."
        )
    else:
        of_a = of_b = np.arange(max(n_a, n_b), dtype=np.int64)
    if a.positions_um is not None:
        return Contacts(of_a, of_b, a.positions_um[of_a])
    return Contacts(of_a, of_b, None if b.positions_um is None else b.positions_um[of_b])


def likeness(a: UnitWaveforms, b: UnitWaveforms, contacts: Contacts, sampling_hz: float) -> Likeness:
    """Similarity and lag of all pairs, on the common contacts, in the part of the windows that both have.

    Computed on temporal components that hold all but 1e-5 of the energy of each side, so exact to about 1e-3.
    """
    left, right = _overlap(a, b)
    n = left + right
    mine, theirs = _cut(a, contacts.a, left, right), _cut(b, contacts.b, left, right)
    if not mine.size or not theirs.size:
        return Likeness(np.zeros((len(mine), len(theirs)), np.float32), np.zeros((len(mine), len(theirs)), np.int64))
    basis = _temporal_basis(mine, theirs)
    mine, theirs = (np.einsum("ktc,pt->kcp", side, basis, optimize=True) for side in (mine, theirs))
    similarity = np.full((len(mine), len(theirs)), -np.inf, np.float32)
    lag = np.zeros(similarity.shape, np.int64)
    reach = min(max(1, round(REACH_MS / 1000 * sampling_hz)), n - 1)
    # Lag 0 first, so that of equals the smallest wins.
    for shift in sorted(range(-reach, reach + 1), key=abs):
        # overlap[p, q]: component p of a on component q of b, moved `shift` earlier
        overlap = basis[:, max(0, -shift) : n - max(0, shift)] @ basis[:, max(0, shift) : n - max(0, -shift)].T
        moved = theirs @ overlap.T
        products = mine.reshape(len(mine), -1) @ moved.reshape(len(moved), -1).T
        better = products > similarity
        similarity[better], lag[better] = products[better], shift
    return Likeness(similarity, lag)


def _temporal_basis(mine: F32, theirs: F32) -> F32:
    """(n_components, n_samples) float32, orthonormal: all but LOST of the energy of both sides."""
    values, vectors = np.linalg.eigh(
        sum(np.einsum("ktc,ksc->ts", side, side, optimize=True) for side in (mine, theirs))
    )
    share = np.cumsum(values[::-1]) / max(float(values.sum()), 1e-12)
    n = min(len(values), int(np.searchsorted(share, 1 - LOST)) + 1)
    return np.ascontiguousarray(vectors[:, ::-1][:, :n].T, dtype=np.float32)


def aligned_waveforms(a: UnitWaveforms, b: UnitWaveforms, contacts: Contacts) -> tuple[UnitWaveforms, UnitWaveforms]:
    """Both on the common contacts and in one window, peak on peak."""
    left, right = _overlap(a, b)
    return tuple(  # type: ignore[return-value]  # two of them, as zip has
        replace(
            side,
            values=side.values[:, side.peak_index - left : side.peak_index + right][:, :, columns],
            peak_index=left,
        )
        for side, columns in ((a, contacts.a), (b, contacts.b))
    )


def _overlap(a: UnitWaveforms, b: UnitWaveforms) -> tuple[int, int]:
    """Samples before the peak, and from the peak on, that both windows have."""
    left = min(a.peak_index, b.peak_index)
    return left, min(a.values.shape[1] - a.peak_index, b.values.shape[1] - b.peak_index)


def _cut(side: UnitWaveforms, columns: I64, left: int, right: int) -> F32:
    """The common part, of unit norm: (n_units, left + right, n_common)."""
    values = side.values[:, side.peak_index - left : side.peak_index + right][:, :, columns]
    norms = np.sqrt(np.einsum("ktc,ktc->k", values, values))
    return np.asarray(values / np.maximum(norms, 1e-12)[:, None, None], dtype=np.float32)
