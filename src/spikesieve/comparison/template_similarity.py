"""Compare the templates of two sortings: normalised dot product at the best lag."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I64
from spikesieve.model.external import ExternalSorting, UnitWaveforms

MAX_LAG_MS = 0.4
"""Largest lag tried, after the windows are aligned at their peaks."""
MAX_ENERGY_LOSS = 1e-5
"""Share of the energy that the temporal components may leave out."""
ONE_RECORDING = "Only sortings of one recording can be compared. Give two sortings of the same recording."
"""End of the error messages about sortings of different recordings."""


@dataclass(frozen=True, eq=False)
class TemplateSimilarity:
    """Similarity of the templates of all pairs of units of two sortings.

    Attributes
    ----------
    similarity : ndarray of float32, shape (n_units_a, n_units_b)
        Dot product of the unit-norm templates at the best lag, between -1 and 1.
    lag_samples : ndarray of int64, shape (n_units_a, n_units_b)
        Best lag. Positive: the template of b comes later in its window than that of a.
    """

    similarity: F32
    lag_samples: I64


@dataclass(frozen=True, eq=False)
class CommonContacts:
    """Contacts that both sortings have.

    Attributes
    ----------
    a, b : ndarray of int64, shape (n_common,)
        Columns of the contacts in the waveforms of each sorting.
    positions_um : ndarray of float64, shape (n_common, 2), or None
        Positions in um. None where neither sorting knows them.
    """

    a: I64
    b: I64
    positions_um: F64 | None


def common_contacts(a: ExternalSorting, b: ExternalSorting) -> CommonContacts:
    """Find the contacts that two sortings share.

    Contacts are joined by their channels of the raw file, or by their order where the channels are not known.

    Parameters
    ----------
    a, b : ExternalSorting
        The two sortings.

    Returns
    -------
    CommonContacts
        The shared contacts, in the order of `a`.

    Raises
    ------
    InputError
        If the sortings cannot be of one recording: the raw files differ in the number of channels, no channel is
        shared, or the channels are not known and the numbers of contacts differ.
    """
    require_same_channels(a, b)
    columns_a, columns_b = _common_columns(a, b)
    if a.positions_um is not None:
        return CommonContacts(columns_a, columns_b, a.positions_um[columns_a])
    return CommonContacts(columns_a, columns_b, None if b.positions_um is None else b.positions_um[columns_b])


def require_same_channels(a: ExternalSorting, b: ExternalSorting) -> None:
    """Check that the raw files of two sortings have the same number of channels.

    Parameters
    ----------
    a, b : ExternalSorting
        The two sortings.

    Raises
    ------
    InputError
        If the numbers of channels are known and differ.
    """
    if a.raw is not None and b.raw is not None and a.raw.n_channels != b.raw.n_channels:
        raise InputError(
            f"{a.name} was sorted from {a.raw.n_channels} channels, {b.name} from {b.raw.n_channels}. {ONE_RECORDING}"
        )


def _common_columns(a: ExternalSorting, b: ExternalSorting) -> tuple[I64, I64]:
    n_a, n_b = a.n_contacts or 0, b.n_contacts or 0
    if a.channels is not None and b.channels is not None:
        _, columns_a, columns_b = np.intersect1d(a.channels, b.channels, return_indices=True)
        if n_a and n_b and not len(columns_a):
            raise InputError(f"{a.name} and {b.name} have no channel in common. {ONE_RECORDING}")
        order = np.argsort(columns_a, kind="stable")
        return columns_a[order].astype(np.int64), columns_b[order].astype(np.int64)
    if n_a and n_b and n_a != n_b:
        raise InputError(
            f"{a.name} has {n_a} contacts, {b.name} has {n_b}, and one of them does not name their channels. "
            "Give sortings of the same contacts, or add channel_map.npy to both."
        )
    columns = np.arange(max(n_a, n_b), dtype=np.int64)
    return columns, columns


def template_similarity(
    a: UnitWaveforms, b: UnitWaveforms, contacts: CommonContacts, sampling_hz: float
) -> TemplateSimilarity:
    """Compute the similarity and the best lag of all pairs of templates.

    Templates are compared on the common contacts, in the part of the windows that both sortings have.

    Parameters
    ----------
    a, b : UnitWaveforms
        Templates of the two sortings.
    contacts : CommonContacts
        Contacts that both sortings have.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    TemplateSimilarity
        Similarity and lag of each pair of units.

    Notes
    -----
    Computed on temporal components that hold all but 1e-5 of the energy of each sorting, so exact to about 1e-3.

    Examples
    --------
    >>> values = np.zeros((1, 30, 2), np.float32)
    >>> values[0, 10:13, 0] = [-1, -2, -1]
    >>> shifted = np.roll(values, 3, axis=1)
    >>> both = CommonContacts(np.arange(2), np.arange(2), None)
    >>> found = template_similarity(UnitWaveforms(values, 11, ""), UnitWaveforms(shifted, 11, ""), both, 30_000.0)
    >>> found.similarity.round(3), found.lag_samples
    (array([[1.]], dtype=float32), array([[3]]))
    """
    left, right = _shared_window(a, b)
    n_samples = left + right
    of_a, of_b = _unit_norm(a, contacts.a, left, right), _unit_norm(b, contacts.b, left, right)
    shape = (len(of_a), len(of_b))
    if not of_a.size or not of_b.size:
        return TemplateSimilarity(np.zeros(shape, np.float32), np.zeros(shape, np.int64))
    basis = _temporal_basis(of_a, of_b)
    of_a, of_b = (np.einsum("ktc,pt->kcp", values, basis, optimize=True) for values in (of_a, of_b))
    similarity = np.full(shape, -np.inf, np.float32)
    lag = np.zeros(shape, np.int64)
    max_lag = min(max(1, round(MAX_LAG_MS / 1000 * sampling_hz)), n_samples - 1)
    # Lag 0 first: of equal products the smallest lag wins.
    for shift in sorted(range(-max_lag, max_lag + 1), key=abs):
        # overlap[p, q]: component p of a times component q of b, moved `shift` earlier.
        overlap = (
            basis[:, max(0, -shift) : n_samples - max(0, shift)]
            @ basis[:, max(0, shift) : n_samples - max(0, -shift)].T
        )
        moved = of_b @ overlap.T
        products = of_a.reshape(len(of_a), -1) @ moved.reshape(len(moved), -1).T
        better = products > similarity
        similarity[better], lag[better] = products[better], shift
    return TemplateSimilarity(similarity, lag)


def _temporal_basis(a: F32, b: F32) -> F32:
    """Orthonormal components with all but `MAX_ENERGY_LOSS` of the energy, (n_components, n_samples)."""
    values, vectors = np.linalg.eigh(
        sum(np.einsum("ktc,ksc->ts", templates, templates, optimize=True) for templates in (a, b))
    )
    share = np.cumsum(values[::-1]) / max(float(values.sum()), 1e-12)
    n = min(len(values), int(np.searchsorted(share, 1 - MAX_ENERGY_LOSS)) + 1)
    return np.ascontiguousarray(vectors[:, ::-1][:, :n].T, dtype=np.float32)


def aligned_waveforms(
    a: UnitWaveforms, b: UnitWaveforms, contacts: CommonContacts
) -> tuple[UnitWaveforms, UnitWaveforms]:
    """Cut the waveforms of two sortings to the common contacts and one window, aligned at the peak.

    Parameters
    ----------
    a, b : UnitWaveforms
        Waveforms of the two sortings.
    contacts : CommonContacts
        Contacts that both sortings have.

    Returns
    -------
    tuple of UnitWaveforms
        Waveforms of a and of b, both of shape (n_units, n_samples, n_common).
    """
    left, right = _shared_window(a, b)
    return _cut(a, contacts.a, left, right), _cut(b, contacts.b, left, right)


def _cut(waveforms: UnitWaveforms, columns: I64, left: int, right: int) -> UnitWaveforms:
    values = waveforms.values[:, waveforms.peak_index - left : waveforms.peak_index + right][:, :, columns]
    return replace(waveforms, values=values, peak_index=left)


def _shared_window(a: UnitWaveforms, b: UnitWaveforms) -> tuple[int, int]:
    """Samples before the peak, and from the peak on, that both windows have."""
    left = min(a.peak_index, b.peak_index)
    return left, min(a.values.shape[1] - a.peak_index, b.values.shape[1] - b.peak_index)


def _unit_norm(waveforms: UnitWaveforms, columns: I64, left: int, right: int) -> F32:
    """The shared part of the waveforms with unit norm, (n_units, left + right, n_common)."""
    values = _cut(waveforms, columns, left, right).values
    norms = np.sqrt(np.einsum("ktc,ktc->k", values, values))
    return np.asarray(values / np.maximum(norms, 1e-12)[:, None, None], dtype=np.float32)
