"""The common reference, also where some contacts are blanked, and what becomes of blanked samples in mixtures."""

from __future__ import annotations

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, I64, U8, Probe
from spikesieve.settings.preprocess import PreprocessParams


def shank_indices(probe: Probe) -> I64:
    """Number the shanks of a probe from 0.

    Parameters
    ----------
    probe : Probe
        The probe.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Index of each contact's shank, in the order of the shank numbers.
    """
    return np.unique(probe.shanks, return_inverse=True)[1].astype(np.int64)


def reference_groups(probe: Probe, params: PreprocessParams) -> I64:
    """Group the contacts that share a common reference. A group is a shank.

    Parameters
    ----------
    probe : Probe
        The probe.
    params : PreprocessParams
        Kind of reference, and the smallest number of contacts for one.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Group of each contact; -1 if its shank has too few contacts for a reference.
    """
    shank = shank_indices(probe)
    counts = np.bincount(shank)
    use = (counts[shank] >= params.min_reference_contacts) & (params.reference == "median")
    return np.where(use, shank, -1)


def referenced(traces: F32, why: U8 | None, groups: I64, backend: Backend) -> U8 | None:
    """Subtract the common reference in place. Blanked contacts do not count.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        High-passed traces in uV, changed in place.
    why : ndarray of uint8, shape (n_contacts, n_samples), or None
        `Reason` of blanked samples.
    groups : ndarray of int64, shape (n_contacts,)
        Common-reference group of each contact; -1 for none.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    ndarray of uint8, shape (n_contacts, n_samples), or None
        The reasons. Where most contacts of a group are blanked there is no reference, and the others are blanked too.
    """
    n_groups = int(groups.max()) + 1
    if why is None:
        backend.subtract_median(traces, groups, n_groups)
        return None
    before = [_partly_blanked(traces, why, np.flatnonzero(groups == group)) for group in range(n_groups)]
    backend.subtract_median(traces, groups, n_groups)
    for rows, at, kept in before:
        used = why[np.ix_(rows, at)] == 0
        n_used = used.sum(axis=0)
        ordered = np.sort(np.where(used, kept, np.inf), axis=0)
        upper, lower = (
            np.take_along_axis(ordered, middle[None], axis=0)[0] for middle in (n_used // 2, (n_used - 1) // 2)
        )
        traces[np.ix_(rows, at)] = kept - 0.5 * (upper + lower)
        few = at[2 * n_used < len(rows)]
        why[np.ix_(rows, few)] = np.where(
            why[np.ix_(rows, few)] > 0, why[np.ix_(rows, few)], why[np.ix_(rows, few)].max(axis=0)
        )
    return why


def _partly_blanked(traces: F32, why: U8, rows: I64) -> tuple[I64, I64, F32]:
    """Contacts of a group, the samples at which some but not all of them are blanked, and their traces there."""
    blanked = why[rows] > 0
    at = np.flatnonzero(blanked.any(axis=0) & ~blanked.all(axis=0))
    return rows, at, traces[np.ix_(rows, at)]


def spread(why: U8, mixing: F32) -> U8:
    """Carry the reasons of blanked samples through a mixing of contacts.

    Parameters
    ----------
    why : ndarray of uint8, shape (n_contacts, n_samples)
        `Reason` of blanked samples.
    mixing : ndarray of float32, shape (n_contacts, n_contacts)
        Mixed traces = mixing @ traces.

    Returns
    -------
    ndarray of uint8, shape (n_contacts, n_samples)
        A contact is blanked where most of what it is made of is.
    """
    weights = np.abs(mixing) / np.maximum(np.abs(mixing).sum(axis=1, keepdims=True), 1e-12)
    blanked = weights @ (why > 0).astype(np.float32) > 0.5
    return np.where(blanked, np.maximum(why, why.max(axis=0)), 0).astype(np.uint8)
