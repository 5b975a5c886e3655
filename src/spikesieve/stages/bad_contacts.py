"""Finds dead and noisy contacts by their noise, and excludes or interpolates them."""

from __future__ import annotations

import numpy as np

from spikesieve.geometry import distances_um
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.preprocess import Preprocessing, reference_groups, shank_indices


def without_bad_contacts(
    noise_uv: F64, probe: Probe, sampling_hz: float, range_uv: tuple[F64, F64] | None, params: PreprocessParams
) -> Preprocessing:
    """Decide which contacts are sorted.

    Parameters
    ----------
    noise_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV, before the common reference, which would hide bad contacts.
    probe : Probe
        All contacts.
    sampling_hz : float
        Sampling rate in Hz.
    range_uv : (ndarray of float64, ndarray of float64), shape (n_contacts,) each, or None
        Lower and upper limit of the analog-to-digital converter for each contact in uV.
    params : PreprocessParams
        The settings.

    Returns
    -------
    Preprocessing
        Preprocessing without noise and whitening, which `fit_whitening` adds. Its notes list the bad contacts.
    """
    dead, noisy = bad_contacts(noise_uv, shank_indices(probe), params)
    bad = dead | noisy
    if params.bad_contacts == "keep" or bad.all():
        bad = np.zeros_like(bad)
    interpolate = params.bad_contacts == "interpolate" and bool(bad.any())
    kept = probe if interpolate else probe.select(~bad)
    n = kept.n_contacts
    return Preprocessing(
        probe=kept,
        whitening=np.zeros((n, n), np.float32),
        noise_sd_uv=np.ones(n, np.float32),
        interpolation=interpolation_matrix(probe, bad) if interpolate else None,
        trusted=~bad if interpolate else np.ones(n, np.bool_),
        shank_index=shank_indices(kept),
        referenced=reference_groups(kept, params),
        sampling_hz=sampling_hz,
        range_uv=_of_contacts(range_uv, slice(None) if interpolate else ~bad),
        params=params,
        notes=_bad_contact_notes(dead, noisy, probe, params),
    )


def _of_contacts(range_uv: tuple[F64, F64] | None, kept: slice | Bool) -> tuple[F64, F64] | None:
    return None if range_uv is None else (range_uv[0][kept], range_uv[1][kept])


def bad_contacts(noise_uv: F64, shank: I64, params: PreprocessParams) -> tuple[Bool, Bool]:
    """Find dead and noisy contacts by the ratio of their noise to the median noise of their shank.

    On a shank with fewer than 3 contacts the median means little: only contacts without any signal are dead there.

    Parameters
    ----------
    noise_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV.
    shank : ndarray of int64, shape (n_contacts,)
        Shank of each contact.
    params : PreprocessParams
        Ratios below which a contact is dead and above which it is noisy.

    Returns
    -------
    dead, noisy : ndarray of bool, shape (n_contacts,)
        True for dead and for noisy contacts.

    Examples
    --------
    >>> dead, noisy = bad_contacts(np.array([10.0, 0.1, 11.0, 90.0]), np.zeros(4, int), PreprocessParams())
    >>> dead.tolist(), noisy.tolist()
    ([False, True, False, False], [False, False, False, True])
    """
    dead = noise_uv <= 0
    noisy = np.zeros_like(dead)
    for s in np.unique(shank):
        alive = (shank == s) & (noise_uv > 0)
        if np.count_nonzero(alive) < 3:
            continue
        ratio = noise_uv[alive] / np.median(noise_uv[alive])
        dead[alive] = ratio < params.dead_ratio
        noisy[alive] = ratio > params.noisy_ratio
    return dead, noisy


def _bad_contact_notes(dead: Bool, noisy: Bool, probe: Probe, params: PreprocessParams) -> tuple[str, ...]:
    action = {"exclude": "left out", "interpolate": "interpolated from their neighbours", "keep": "kept as asked"}
    notes = []
    for name, which in (("dead (no signal)", dead), ("noisy", noisy)):
        if which.any():
            channels = probe.channels[which].tolist()
            done = (
                action[params.bad_contacts] if not (dead | noisy).all() else "kept, since no contact is left otherwise"
            )
            notes.append(f"{len(channels)} {name} contact(s) on file channel(s) {channels} were {done}.")
    return tuple(notes)


def interpolation_matrix(probe: Probe, bad: Bool) -> F32:
    """Make the matrix that replaces bad contacts by a weighted mean of the good contacts of their shank.

    Parameters
    ----------
    probe : Probe
        All contacts.
    bad : ndarray of bool, shape (n_contacts,)
        Contacts to replace.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_contacts)
        The identity for good contacts. For bad ones, weights exp(-(distance / 20 um)^2) of the good contacts, scaled to
        sum 1; 0 if the shank has no good contact.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 40.0]]), np.arange(3), np.zeros(3, np.int64), "linear")
    >>> interpolation_matrix(probe, np.array([False, True, False]))
    array([[1. , 0. , 0. ],
           [0.5, 0. , 0.5],
           [0. , 0. , 1. ]], dtype=float32)
    """
    distance = distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)
    matrix = np.diag((~bad).astype(np.float64))
    for contact in np.flatnonzero(bad):
        away = np.where(bad, np.inf, distance[contact])
        if np.isfinite(away).any():
            weight = np.exp(-((away / 20.0) ** 2) + (away.min() / 20.0) ** 2)
            matrix[contact] = weight / weight.sum()
    return matrix.astype(np.float32)
