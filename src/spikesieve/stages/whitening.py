"""Noise and whitening, learned from sample blocks of a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, Bool, Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.preprocess import Preprocessing


@dataclass(frozen=True, eq=False)
class BlockStatistics:
    """Noise and covariance of one block.

    Attributes
    ----------
    products : ndarray of float32, shape (n_contacts, n_contacts)
        Sum over samples of the product of every two contacts, in uV^2.
    n_used : ndarray of float32, shape (n_contacts, n_contacts)
        Number of samples in each sum: those at which neither contact was blanked.
    noise_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV; NaN where it was blanked.
    """

    products: F32
    n_used: F32
    noise_uv: F64


def block_statistics(traces_uv: F32, blanked: Bool | None = None) -> BlockStatistics:
    """Measure noise and covariance of a block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed, referenced traces, 0 where blanked.
    blanked : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples that are blanked.

    Returns
    -------
    BlockStatistics
        `fit_whitening` combines those of all sample blocks.
    """
    n, n_samples = traces_uv.shape
    used = None if blanked is None else (~blanked).astype(np.float32)
    n_used = np.full((n, n), np.float32(n_samples)) if used is None else used @ used.T
    return BlockStatistics(traces_uv @ traces_uv.T, n_used, mad_sd(traces_uv, blanked))


def fit_whitening(draft: Preprocessing, blocks: Iterable[BlockStatistics]) -> Preprocessing:
    """Learn noise and whitening from sample blocks.

    Parameters
    ----------
    draft : Preprocessing
        Preprocessing without whitening, from `without_bad_contacts`.
    blocks : iterable of BlockStatistics
        Statistics of sample blocks, in order of time.

    Returns
    -------
    Preprocessing
        The same with noise and whitening.
    """
    n = draft.probe.n_contacts
    covariance, used, sds = np.zeros((n, n)), np.zeros((n, n)), []
    for block in blocks:
        covariance += block.products
        used += block.n_used
        sds.append(block.noise_uv)
    noise_sd = median_of_blocks(sds or [np.zeros(n)], 0.0).astype(np.float32)
    whitening = local_whitening(covariance / np.maximum(used, 1.0), draft.probe, draft.params)
    return replace(draft, whitening=whitening, noise_sd_uv=noise_sd)


def median_of_blocks(of_blocks: list[F64], unknown: float) -> F64:
    """Compute the median over blocks of what was measured on each contact.

    Parameters
    ----------
    of_blocks : list of ndarray of float64, shape (n_contacts,)
        Measures of each block; NaN where a contact was blanked.
    unknown : float
        Value of contacts that were blanked in all blocks.

    Returns
    -------
    ndarray of float64, shape (n_contacts,)
        Median of the blocks in which each contact was measured.

    Examples
    --------
    >>> median_of_blocks([np.array([1.0, np.nan]), np.array([2.0, np.nan]), np.array([np.nan, np.nan])], 0.0)
    array([1.5, 0. ])
    """
    stacked = np.array(of_blocks)
    known = np.isfinite(stacked).any(axis=0)
    return np.where(known, np.nanmedian(np.where(known, stacked, 0.0), axis=0), unknown)


def local_whitening(covariance: F64, probe: Probe, params: PreprocessParams) -> F32:
    """Compute a whitening matrix in which every contact is whitened with its nearest contacts only.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n_contacts, n_contacts)
        Covariance of the traces in uV^2.
    probe : Probe
        Positions of the contacts.
    params : PreprocessParams
        Number of nearest contacts, and the shrinkage a.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_contacts)
        Whitening matrix in 1/uV. Contacts without any variance get a row of zeros.

    Notes
    -----
    Row j is the row of contact j in the ZCA matrix of its nearest contacts. With covariance C, D = diag(C) and the
    shrunken correlation R = (1 - a) D^-1/2 C D^-1/2 + a I = E diag(lambda) E^T, the ZCA matrix is
    E diag(lambda^-1/2) E^T D^-1/2.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64), "linear")
    >>> local_whitening(np.diag([100.0, 25.0]), probe, PreprocessParams())
    array([[0.1, 0. ],
           [0. , 0.2]], dtype=float32)
    """
    n = probe.n_contacts
    variance = np.diag(covariance)
    alive = variance > 0
    inverse_sd = np.where(alive, 1.0 / np.sqrt(np.where(alive, variance, 1.0)), 0.0)
    correlation = covariance * inverse_sd[:, None] * inverse_sd[None, :]
    shrunken = (1.0 - params.whitening_shrinkage) * correlation + params.whitening_shrinkage * np.eye(n)
    near = nearest(
        distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks), params.whitening_range
    )
    whitening = np.zeros((n, n), np.float32)
    for contact in np.flatnonzero(alive):
        local = near[contact][near[contact] >= 0]
        eigenvalues, vectors = np.linalg.eigh(shrunken[np.ix_(local, local)])
        zca = (vectors / np.sqrt(np.maximum(eigenvalues, 1e-6))) @ vectors.T
        whitening[contact, local] = zca[local == contact][0] * inverse_sd[local]
    return whitening
