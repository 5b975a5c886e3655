"""Noise and whitening, learned from some blocks of a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.preprocess import Preprocessing, mad_sd


@dataclass(frozen=True, eq=False)
class BlockStatistics:
    """What a block tells of noise and covariance.

    Attributes
    ----------
    products : ndarray of float32, shape (n_contacts, n_contacts)
        Sums of products of every two contacts, in uV^2.
    n_used : ndarray of float32, shape (n_contacts, n_contacts)
        Samples they are sums of: those at which neither contact was blanked.
    noise_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV.
    """

    products: F32
    n_used: F32
    noise_uv: F64


def block_statistics(traces_uv: F32) -> BlockStatistics:
    """Measure noise and covariance of a block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed, referenced, 0 where blanked.

    Returns
    -------
    BlockStatistics
        To be combined with those of other blocks by `fit`.
    """
    used = (traces_uv != 0).astype(np.float32)
    return BlockStatistics(traces_uv @ traces_uv.T, used @ used.T, mad_sd(traces_uv))


def fit_whitening(draft: Preprocessing, blocks: Iterable[BlockStatistics]) -> Preprocessing:
    """Learn noise and whitening from some blocks.

    Parameters
    ----------
    draft : Preprocessing
        Of `without_bad_contacts`.
    blocks : iterable of BlockStatistics
        Statistics of its traces, in order of time.

    Returns
    -------
    Preprocessing
        Complete.
    """
    n = draft.probe.n_contacts
    covariance, used, sds = np.zeros((n, n)), np.zeros((n, n)), [np.zeros(n)]
    for block in blocks:
        covariance += block.products
        used += block.n_used
        sds.append(block.noise_uv)
    noise_sd = np.median(sds[1:] or sds, axis=0).astype(np.float32)
    whitening = local_whitening(covariance / np.maximum(used, 1.0), draft.probe, draft.params)
    return replace(draft, whitening=whitening, noise_sd_uv=noise_sd)


def local_whitening(covariance: F64, probe: Probe, params: PreprocessParams) -> F32:
    """Whiten every contact with its nearest contacts.

    Row j is the j-th row of the ZCA matrix of the contacts nearest to contact j, from their shrunken correlation:
    R' = (1 - a) D^-1/2 C D^-1/2 + a I;  E diag(lambda^-1/2) E^T D^-1/2  with R' = E diag(lambda) E^T.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n_contacts, n_contacts)
        In uV^2.
    probe : Probe
        Where the contacts are.
    params : PreprocessParams
        How many contacts whiten each, and the shrinkage a.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_contacts)
        In 1/uV. Contacts without any variance get a row of zeros.
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
