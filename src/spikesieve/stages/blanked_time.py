"""What blanked time means for a result: notes for the user, and units that are what remains of artifacts."""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve.model import F64, I64, Blanked, Reason, SortedTime
from spikesieve.stages.bad_contacts import listed

# What remains of an artifact stands within this of the blanked interval.
EDGE_MS = 2.0
# What follows an artifact at one lag stands within a time of this length, up to this long after it started.
LAG_BIN_MS, MAX_LAG_MS = 0.5, 20.0
# Smallest share of a unit's spikes that must do so, how many times as many as by chance, and the chance of that.
MIN_EDGE_SHARE, MIN_LAG_SHARE, MIN_RATIO, MAX_CHANCE = 0.25, 0.5, 3.0, 1e-6
# Intervals on fewer contacts than this have no remains on most of the probe.
MIN_CONTACTS_SHARE = 0.25
# Reasons that leave something beside the interval.
WITH_REMAINS = (Reason.ARTIFACT, Reason.GIVEN, Reason.SATURATED)

# Where spikes are whole for less of the time, too few are seen to learn units from.
SELDOM = 0.01
# Of fewer spikes nothing can be told.
FEWEST_SPIKES = 8

WHAT = {
    Reason.SILENT: "was silent (zeros, or one value repeated) and is left out",
    Reason.SATURATED: "was at the limit of the converter and is left out",
    Reason.NOT_FINITE: "was NaN or infinite and is left out",
    Reason.ARTIFACT: "was blanked as artifact",
    Reason.GIVEN: "was blanked around the given times",
}
HOW = {
    Reason.SATURATED: " preprocess.artifact_margin_ms blanks more or less around it.",
    Reason.ARTIFACT: " preprocess.artifacts=keep keeps artifacts, preprocess.artifact_margin_ms blanks more or less.",
    Reason.GIVEN: " preprocess.artifact_before_ms and artifact_after_ms set how long.",
}


def blanked_notes(blanked: Blanked | None, sampling_hz: float) -> tuple[str, ...]:
    """Say what was left out of a recording.

    Parameters
    ----------
    blanked : Blanked or None
        The intervals.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    tuple of str
        A sentence or two for each reason.

    Examples
    --------
    >>> one = np.array([300])
    >>> note = blanked_notes(Blanked(one, one + 30, one * 0 + Reason.SILENT, np.ones(1), 3000), 30_000.0)[0]
    >>> note.partition(": ")[2]
    '1 time, 1.0 ms on average. artifacts.csv lists the times.'
    """
    notes: list[str] = []
    if blanked is None:
        return ()
    for reason in Reason:
        which = blanked.of(reason)
        n = int(which.sum())
        if n == 0:
            continue
        ms = float((blanked.stop - blanked.start)[which].mean()) / sampling_hz * 1e3
        notes.append(
            f"{_percent(blanked.share_of(which))} of the recording (contacts x time) {WHAT[reason]}: "
            f"{n:,} time{'' if n == 1 else 's'}, {ms:,.1f} ms on average. artifacts.csv lists the times."
            f"{HOW.get(reason, '')}"
        )
    return tuple(notes)


def seldom_whole(whole_share: F64, contacts: I64, channels: I64) -> tuple[str, ...]:
    """Say around which contacts almost no spike is seen whole, because some contact there is always blanked.

    Parameters
    ----------
    whole_share : ndarray of float64, shape (n_groups,)
        Share of the time in which all contacts of each group are seen.
    contacts : ndarray of int64, shape (n_groups, n_near)
        Contacts of each group, nearest first; -1 where there are fewer.
    channels : ndarray of int64, shape (n_contacts,)
        Channel of each contact in the file.

    Returns
    -------
    tuple of str
        A sentence or two; none if there are no such contacts.

    Examples
    --------
    >>> seldom_whole(np.array([0.9, 0.0]), np.array([[4, 5], [9, 5]]), np.arange(16))[0].partition(",")[0]
    'Around file channels 9 almost no spike is seen whole'
    """
    seldom = whole_share < SELDOM
    if not seldom.any():
        return ()
    # Those in the middle of such groups, and those of no other group.
    of_no_other = np.setdiff1d(contacts[seldom], contacts[~seldom])
    near = np.union1d(contacts[seldom, 0], of_no_other[of_no_other >= 0])
    return (
        f"Around file channels {listed(channels[near])} almost no spike is seen whole, because "
        "some contact there is blanked nearly all the time. Units are learned from whole spikes, so few or none were "
        "found there.",
    )


def fewest_spikes(min_spikes: int, seen_share: F64) -> I64:
    """Compute how many spikes units need that are seen only in a share of the time: in proportion fewer.

    Parameters
    ----------
    min_spikes : int
        Fewest spikes of a unit that is always seen.
    seen_share : ndarray of float64, shape (n_units,)
        Share of the time in which the spikes of each unit are seen.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        At least 8, or `min_spikes` if that is less.

    Examples
    --------
    >>> fewest_spikes(20, np.array([1.0, 0.6, 0.1]))
    array([20, 12,  8])
    """
    in_proportion = np.ceil(min_spikes * seen_share - 1e-9).astype(np.int64)
    return np.maximum(in_proportion, min(min_spikes, FEWEST_SPIKES))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 1e-3 else f"{100 * share:.1g} %"


def remains_of_artifacts(train: I64, time: SortedTime) -> str | None:
    """Tell whether the spikes of a unit are what remains of artifacts.

    Parameters
    ----------
    train : ndarray of int64, shape (n_spikes,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted, and what was left out of it.

    Returns
    -------
    str or None
        The reason, as a sentence for the user; None if the spikes stand beside artifacts no more often than by chance.
    """
    blanked, sampling_hz = time.blanked, time.sampling_hz
    if blanked is None or not len(train):
        return None
    chosen = np.isin(blanked.reason, WITH_REMAINS) & (blanked.share >= MIN_CONTACTS_SHARE)
    start, stop = time.apart(blanked.start[chosen]), time.apart(blanked.stop[chosen] - 1) + 1
    train, stop = time.apart(train), np.maximum.accumulate(stop)
    if not len(start):
        return None
    near, chance = _beside(train, start, stop, round(EDGE_MS * 1e-3 * sampling_hz), blanked.n_samples)
    if near / len(train) >= MIN_EDGE_SHARE and _beyond_chance(near, len(train), chance):
        return f"{near / len(train):.0%} of its spikes stand within {EDGE_MS:g} ms of an artifact"
    width = LAG_BIN_MS * 1e-3 * sampling_hz
    before = np.searchsorted(start, train, side="right") - 1
    lag = np.sort((train - start[np.maximum(before, 0)])[before >= 0])
    lag = lag[lag < MAX_LAG_MS * 1e-3 * sampling_hz]
    counts = np.searchsorted(lag, lag + width) - np.arange(len(lag))
    most, chance = int(counts.max(initial=0)), min(1.0, len(start) * width / max(1, blanked.n_samples))
    if most / len(train) >= MIN_LAG_SHARE and _beyond_chance(most, len(train), chance):
        lag_ms = (lag[counts.argmax()] + width / 2) / sampling_hz * 1e3
        return f"{most / len(train):.0%} of its spikes follow an artifact by {lag_ms:.2g} ms"
    return None


def _beside(train: I64, start: I64, stop: I64, reach: int, n_samples: int) -> tuple[int, float]:
    """Spikes beside or in the intervals, and the share of the time that is."""
    first = np.searchsorted(stop + reach, train, side="right")
    near = (first < len(start)) & (start[np.minimum(first, len(start) - 1)] - reach <= train)
    edges = np.maximum(start - reach, np.concatenate([[0], stop[:-1] + reach]))
    inside: F64 = np.maximum(stop + reach - edges, 0)
    out = (np.maximum(stop - np.maximum(start, np.concatenate([[0], stop[:-1]])), 0)).sum()
    return int(near.sum()), float((inside.sum() - out) / max(1, n_samples - out))


def _beyond_chance(n: int, n_all: int, chance: float) -> bool:
    beyond = n >= MIN_RATIO * chance * n_all
    return bool(beyond and scipy.stats.binom.sf(n - 1, n_all, min(1.0, chance)) < MAX_CHANCE)
