"""Finds bad contacts (dead, noisy, popping, copies of each other) and excludes or interpolates them.

See docs/bad_contacts.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from spikesieve.geometry import distances_um
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.contact_statistics import ContactStatistics
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.reference import reference_groups, shank_indices

# A contact that is dead or noisy for more than this share of the time is bad.
MAX_BAD_SHARE = 0.1
# With fewer contacts the median of a shank means little.
MIN_CONTACTS = 3
# Contacts carry the same signal if their difference is smaller than this share of the signal, and of what contacts of
# the shank usually differ by. What all contacts share (an open reference) therefore makes no copies.
MAX_DIFFERENCE = 0.4
# A difference this small is rounding, whatever the other contacts do.
ROUNDING = 0.005
# A spike is seen this far away, by more than this share of its size in units of each contact's noise.
NEIGHBOUR_UM, MIN_SEEN_SHARE = 50.0, 0.03
# Fewer large events in the sample blocks make no unit.
MIN_EVENTS = 10
SATURATED, DEAD = "at the limit of the converter (saturated)", "dead (no signal)"
NOISY, SAME_SIGNAL = "noise far above the others (noisy)", "carry the same signal"


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault that some contacts have.

    Attributes
    ----------
    what : str
        The fault, in words.
    contacts : ndarray of bool, shape (n_contacts,)
        Contacts that have it.
    bad : ndarray of bool, shape (n_contacts,)
        Those that are bad: all, but of copies one is good, and so are those that are blanked for a part of the time.
    """

    what: str
    contacts: Bool
    bad: Bool


def without_bad_contacts(
    measured: ContactStatistics,
    probe: Probe,
    sampling_hz: float,
    range_uv: tuple[F64, F64] | None,
    params: PreprocessParams,
) -> Preprocessing:
    """Decide which contacts are sorted.

    Parameters
    ----------
    measured : ContactStatistics
        Statistics of the sample blocks, before the common reference, which would hide bad contacts.
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
    faults = find_faults(measured, probe, params)
    bad = np.any([fault.bad for fault in faults], axis=0) if faults else np.zeros(probe.n_contacts, np.bool_)
    notes = _notes(faults, bool(bad.all()), probe, params)
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
        notes=notes,
    )


def _of_contacts(range_uv: tuple[F64, F64] | None, kept: slice | Bool) -> tuple[F64, F64] | None:
    return None if range_uv is None else (range_uv[0][kept], range_uv[1][kept])


def find_faults(measured: ContactStatistics, probe: Probe, params: PreprocessParams) -> tuple[Fault, ...]:
    """Find all faults of contacts.

    Parameters
    ----------
    measured : ContactStatistics
        Statistics of the sample blocks.
    probe : Probe
        All contacts.
    params : PreprocessParams
        Ratios below which a contact is dead and above which it is noisy.

    Returns
    -------
    tuple of Fault
        In this order: saturated, dead, noisy, dead or noisy for a part of the time, popping, copies, and without signal
        for a part of the time, which is not bad. A contact has one fault, the first.
    """
    noise_uv, shank = measured.noise_uv, shank_indices(probe)
    dead, noisy = dead_and_noisy(noise_uv, shank, params)
    # Where a contact has no signal it is blanked, and is good for the rest of the time.
    weak, _ = dead_and_noisy(np.where(noise_uv > 0, noise_uv, measured.sd_uv), shank, params)
    always_dead, always_noisy = dead > 0.5, noisy > 0.5
    partly_dead = ~always_dead & ~always_noisy & (weak > MAX_BAD_SHARE)
    partly_noisy = ~always_dead & ~always_noisy & ~partly_dead & (noisy > MAX_BAD_SHARE)
    # A contact at the limit has no signal either. Where that is the most of it, it is the reason.
    at_limit = measured.saturated_share > dead / 2
    faults = [
        _fault(SATURATED, always_dead & at_limit),
        _fault(DEAD, always_dead & ~at_limit),
        _fault(NOISY, always_noisy),
        _fault(f"{DEAD} for {_percent(weak, partly_dead)} of the time", partly_dead),
        _fault(f"{NOISY} for {_percent(noisy, partly_noisy)} of the time", partly_noisy),
    ]
    good = ~(always_dead | always_noisy | partly_dead | partly_noisy)
    pops = popping(measured, probe, good)
    faults.append(_fault("large events that no neighbour sees (popping)", pops))
    for group in copies(measured.correlation, probe, good & ~pops):
        bad = group.copy()
        bad[_kept_copy(group, measured.correlation, probe)] = False
        faults.append(Fault(SAME_SIGNAL, group, bad))
    bad = np.any([fault.bad for fault in faults], axis=0)
    blanked = ~bad & (dead - weak > MAX_BAD_SHARE)
    what = f"without signal for {_percent(dead - weak, blanked)} of the time: only that is left out"
    faults.append(Fault(what, blanked, np.zeros_like(bad)))
    return tuple(fault for fault in faults if fault.contacts.any())


def _fault(what: str, contacts: Bool) -> Fault:
    return Fault(what, contacts, contacts)


def _percent(share: F64, which: Bool) -> str:
    """Range of the shares of some contacts."""
    if not which.any():
        return ""
    low, high = share[which].min(), share[which].max()
    return f"{low:.0%}" if round(100 * low) == round(100 * high) else f"{low:.0%} to {high:.0%}"


def dead_and_noisy(noise_uv: F64, shank: I64, params: PreprocessParams) -> tuple[F64, F64]:
    """Find for how long contacts are dead and noisy, by the ratio of their noise to the median noise of their shank.

    On a shank with fewer than 3 contacts the median means little: only contacts without any signal are dead there.
    When the median contact of a shank has no signal either, the shank does not count.

    Parameters
    ----------
    noise_uv : ndarray of float64, shape (n_pieces, n_contacts)
        Robust SD of each contact in uV, in pieces of the recording.
    shank : ndarray of int64, shape (n_contacts,)
        Shank of each contact.
    params : PreprocessParams
        Ratios below which a contact is dead and above which it is noisy.

    Returns
    -------
    dead, noisy : ndarray of float64, shape (n_contacts,)
        Shares of the pieces. Where there is no piece, contacts are dead.

    Examples
    --------
    >>> noise_uv = np.array([[10.0, 0.1, 11.0, 90.0], [10.0, 0.1, 11.0, 10.0]])
    >>> dead, noisy = dead_and_noisy(noise_uv, np.zeros(4, int), PreprocessParams())
    >>> dead.tolist(), noisy.tolist()
    ([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5])
    """
    if not len(noise_uv):
        return np.ones(len(shank)), np.zeros(len(shank))
    silent = ~(np.median(noise_uv, axis=0) > 0)
    dead, noisy = silent.astype(np.float64), np.zeros(len(shank))
    for s in np.unique(shank):
        alive = np.flatnonzero((shank == s) & ~silent)
        if len(alive) < MIN_CONTACTS:
            continue
        medians = np.median(noise_uv[:, alive], axis=1)
        counts = medians > params.dead_ratio * np.median(medians)
        ratio = noise_uv[np.ix_(counts, alive)] / medians[counts, None]
        dead[alive] = (ratio < params.dead_ratio).mean(axis=0)
        noisy[alive] = (ratio > params.noisy_ratio).mean(axis=0)
    return dead, noisy


def popping(measured: ContactStatistics, probe: Probe, good: Bool) -> Bool:
    """Find contacts with large events that none of their neighbours sees: loose contacts, not neurons.

    Parameters
    ----------
    measured : ContactStatistics
        Statistics of the sample blocks.
    probe : Probe
        All contacts.
    good : ndarray of bool, shape (n_contacts,)
        Contacts that are neither dead nor noisy.

    Returns
    -------
    ndarray of bool, shape (n_contacts,)
        True for popping contacts. A contact without a good neighbour within 50 um is never one.
    """
    near = _distances(probe) <= NEIGHBOUR_UM
    near &= good[None, :]
    np.fill_diagonal(near, False)
    seen = np.where(near, np.abs(measured.event_ratio), 0.0).max(axis=1)
    return np.asarray(good & near.any(axis=1) & (measured.n_events >= MIN_EVENTS) & (seen < MIN_SEEN_SHARE))


def copies(correlation: F64, probe: Probe, good: Bool) -> list[Bool]:
    """Find groups of contacts of a shank that carry the same signal: copied, or wired together.

    Parameters
    ----------
    correlation : ndarray of float64, shape (n_contacts, n_contacts)
        Correlation of the contacts.
    probe : Probe
        All contacts.
    good : ndarray of bool, shape (n_contacts,)
        Contacts without another fault.

    Returns
    -------
    list of ndarray of bool, shape (n_contacts,)
        One mask a group, of two contacts or more.

    Notes
    -----
    What two contacts of correlation r differ by, as a share of their signal, is sqrt(1 - r^2).
    """
    difference = np.sqrt(np.maximum(0.0, 1.0 - correlation**2))
    found = []
    for s in np.unique(probe.shanks):
        on = np.flatnonzero((probe.shanks == s) & good)
        of_shank = difference[np.ix_(on, on)]
        usual = np.quantile(of_shank[~np.eye(len(on), dtype=bool)], 0.9) if len(on) > 1 else 0.0
        same = of_shank < max(ROUNDING, MAX_DIFFERENCE * usual)
        same &= correlation[np.ix_(on, on)] > 0
        n_groups, label = connected_components(same, directed=False)
        for group in range(n_groups):
            inside = label == group
            members = on[inside]
            # Every two of them are alike; on a dense probe only neighbours may be.
            if len(members) > 1 and (same | np.eye(len(on), dtype=bool))[np.ix_(inside, inside)].all():
                mask = np.zeros(probe.n_contacts, np.bool_)
                mask[members] = True
                found.append(mask)
    return found


def _kept_copy(group: Bool, correlation: F64, probe: Probe) -> int:
    """Choose the copy that stays: the one that fits best to its nearest neighbours outside the group."""
    members = np.flatnonzero(group)
    away = np.where(group[None, :], np.inf, _distances(probe)[members])
    fits = np.zeros(len(members))
    for row, contact in enumerate(members):
        nearest = np.argsort(away[row], kind="stable")[:2]
        nearest = nearest[np.isfinite(away[row, nearest])]
        fits[row] = correlation[contact, nearest].mean() if len(nearest) else 0.0
    return int(members[fits.argmax()])


def _distances(probe: Probe) -> F64:
    return distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)


def _notes(faults: tuple[Fault, ...], all_bad: bool, probe: Probe, params: PreprocessParams) -> tuple[str, ...]:
    action = {"exclude": "left out", "interpolate": "interpolated from good neighbours", "keep": "kept as asked"}
    done = "kept, since no contact is left otherwise" if all_bad else action[params.bad_contacts]
    notes = []
    for fault in faults:
        bad = _named(probe.channels[fault.bad if fault.bad.any() else fault.contacts])
        if fault.what == SAME_SIGNAL:
            notes.append(f"File channels {listed(probe.channels[fault.contacts])} {SAME_SIGNAL}: {bad} {done}.")
        elif not fault.bad.any():
            notes.append(f"F{bad[1:]} {fault.what}.")
        else:
            notes.append(f"F{bad[1:]} {done}: {fault.what}.")
    return tuple(notes)


def _named(channels: I64) -> str:
    return f"file channel {channels[0]} was" if len(channels) == 1 else f"file channels {listed(channels)} were"


def listed(numbers: I64) -> str:
    """List numbers, runs of three and more as ranges.

    Parameters
    ----------
    numbers : ndarray of int64
        Distinct numbers.

    Returns
    -------
    str
        In ascending order.

    Examples
    --------
    >>> listed(np.array([7, 0, 1, 2, 3, 8]))
    '0 to 3, 7, 8'
    """
    ordered = np.sort(numbers)
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


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
