"""Samples that are no measurement: silent, saturated, not finite. See docs/artifacts.md."""

from __future__ import annotations

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, F64, I64, U8, Blanked, Bool, Reason, join_blanked

Runs = tuple[I64, I64, I64]

# Larger numbers (a million volts) are not samples, and their squares would overflow.
LARGEST_UV = 1e12
# A clipped spike stands at the limit for less than this. What stands there longer is no spike.
CLIPPED_MS = 0.5
# A contact that repeats one value for this long is silent; longer where values repeat by chance.
SILENT_MS = 1.0
# Chance of a run in a block that makes it too long for chance.
CHANCE = 1e-9
# Contacts that are compared to find lost packets, and the fewest repetitions on all of them at once.
COMPARED, REPEATED = 8, 3
# A spike with more of its energy in blanked samples than this cannot be told from what remains of an artifact.
MAX_HIDDEN = 0.25
# Nothing is learned from a spike with more of it hidden than this: what is hidden would become part of a template.
WHOLE = 0.01


def runs(mask: Bool) -> Runs:
    """Find the runs of True in each row.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_rows, n_samples)
        Marked samples.

    Returns
    -------
    row, start, stop : ndarray of int64, shape (n,)
        Row of each run, its first sample, and the one after its last; ordered by row, then start.

    Examples
    --------
    >>> [column.tolist() for column in runs(np.array([[True, False, True, True]]))]
    [[0, 0], [0, 2], [1, 4]]
    """
    n_rows, width = mask.shape[0], mask.shape[1] + 2
    apart = np.zeros((n_rows, width), np.bool_)
    apart[:, 1:-1] = mask
    flat = apart.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    row, start = np.divmod(edges[::2], width)
    return row, start, edges[1::2] % width


def mask_of(found: Runs, shape: tuple[int, int]) -> Bool:
    """Mark runs of samples: the reverse of `runs`. Runs may overlap and reach beyond the ends.

    Parameters
    ----------
    found : tuple of ndarray of int64
        Row, start and stop of each run.
    shape : (int, int)
        Rows and samples.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_samples)
        Marked samples.

    Examples
    --------
    >>> one = np.array([0])
    >>> mask_of((one, one - 5, one + 2), (1, 3))
    array([[ True,  True, False]])
    """
    mask = np.zeros(shape, np.bool_)
    kernels.mark_runs(*found, mask)
    return mask


def unusable(uv: F32, range_uv: tuple[F64, F64] | None, sampling_hz: float) -> U8 | None:
    """Find the samples that are not finite, saturated or silent.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces in uV.
    range_uv : (ndarray of float64, ndarray of float64), shape (n_contacts,) each, or None
        Lower and upper limit of the converter for each contact in uV.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of uint8, shape (n_contacts, n_samples), or None
        The `Reason` of each sample, 0 for samples that can be used; None if all can.
    """
    why: U8 | None = None
    low_uv, high_uv = ends_of(uv)
    ends_uv = float(low_uv.min()), float(high_uv.max())
    # Written so that a NaN anywhere makes it false.
    voltages = ends_uv[0] > -LARGEST_UV and ends_uv[1] < LARGEST_UV
    for reason, found in (
        (Reason.SILENT, silent(uv, sampling_hz)),
        (Reason.SATURATED, saturated(uv, ends_uv, range_uv, sampling_hz)),
        (Reason.NOT_FINITE, None if voltages else ~(np.abs(uv) < LARGEST_UV)),
    ):
        if found is not None:
            why = np.zeros(uv.shape, np.uint8) if why is None else why
            why[found] = reason
    return why


def ends_of(uv: F32) -> tuple[F32, F32]:
    """Find the smallest and the largest value of each contact.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces.

    Returns
    -------
    low, high : ndarray of float32, shape (n_contacts,)
        NaN for contacts with values that are not finite.
    """
    low, high = np.empty(len(uv), np.float32), np.empty(len(uv), np.float32)
    kernels.extremes(np.ascontiguousarray(uv), low, high)
    return low, high


def saturated(
    uv: F32, ends_uv: tuple[float, float], range_uv: tuple[F64, F64] | None, sampling_hz: float
) -> Bool | None:
    """Find the samples at the limit of the converter. Runs as short as the peak of a clipped spike are left.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces in uV.
    ends_uv : (float, float)
        Their smallest and largest value; NaN if any value is NaN.
    range_uv : (ndarray of float64, ndarray of float64), shape (n_contacts,) each, or None
        Lower and upper limit of the converter for each contact in uV.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of bool, shape (n_contacts, n_samples), or None
        Saturated samples; None if there are none.
    """
    if range_uv is None:
        return None
    low, high = range_uv
    # Raw number x gain was rounded to float32, so the last millionth of the range counts as saturated.
    slack = 1e-6 * np.maximum(np.abs(low), np.abs(high))
    low, high = low + slack, high - slack
    # Written so that a NaN anywhere makes it false.
    if ends_uv[0] > low.max() and ends_uv[1] < high.min():
        return None
    row, start, stop = runs((uv <= low[:, None]) | (uv >= high[:, None]))
    long = stop - start > max(1, round(CLIPPED_MS * 1e-3 * sampling_hz))
    return mask_of((row[long], start[long], stop[long]), uv.shape) if long.any() else None


def silent(uv: F32, sampling_hz: float) -> Bool | None:
    """Find the samples at which a contact repeats one value for longer than by chance.

    Where most contacts repeat their value at once, as in lost packets, a few samples are enough.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces in uV.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of bool, shape (n_contacts, n_samples), or None
        Silent samples; None if there are none.
    """
    least = max(4, round(SILENT_MS * 1e-3 * sampling_hz))
    found = [_lost_packets(uv)]
    for row in _suspects(uv, least // 2):
        found.append(_repetitions(uv[row], int(row), least))
    row, start, stop = (np.concatenate([np.empty(0, np.int64), *columns]) for columns in zip(*found, strict=True))
    return mask_of((row, start, stop), uv.shape) if len(row) else None


def _suspects(uv: F32, step: int) -> I64:
    """Find the contacts that repeat a value over one of the pieces of `step` samples into which the block is cut.

    A run of twice that length holds a whole piece.
    """
    found = np.empty(len(uv), np.bool_)
    kernels.repeats(np.ascontiguousarray(uv), step, found)
    return np.flatnonzero(found)


def _repetitions(x: F32, row: int, least: int) -> Runs:
    """Find the runs of one value that are at least `least` samples long, and longer than by chance."""
    _, start, stop = runs((x[1:] == x[:-1])[None])
    length, n = stop - start, len(x) - 1
    limit = float(least)
    for _ in range(8):
        short = length < limit
        share = length[short].sum() / max(1, n - length[~short].sum())
        longer = max(float(least), np.log(CHANCE / n) / np.log(min(max(share, 1e-3), 0.999)))
        if longer <= limit:
            break
        limit = longer
    keep = length + 1 >= limit
    return np.full(np.count_nonzero(keep), row, np.int64), start[keep], stop[keep] + 1


def _lost_packets(uv: F32) -> Runs:
    """Find the runs in which all of some contacts repeat their value, and the contacts that do."""
    n_contacts, n = uv.shape
    none = np.empty(0, np.int64)
    if n_contacts < COMPARED // 2 or n < 2:
        return none, none, none
    rows = np.unique(np.linspace(0, n_contacts - 1, COMPARED).astype(int))
    same = uv[rows, 1:] == uv[rows, :-1]
    by_chance = len(rows) * np.log(np.clip(same.mean(), 1e-3, 0.999))
    _, start, stop = runs(same.all(axis=0)[None])
    long = stop - start >= max(REPEATED, np.log(CHANCE / n) / by_chance)
    found = [(none, none, none)]
    for a, b in zip(start[long].tolist(), stop[long].tolist(), strict=True):
        flat = np.flatnonzero((uv[:, a : b + 1] == uv[:, a : a + 1]).all(axis=1))
        found.append((flat, np.full(len(flat), a), np.full(len(flat), b + 1)))
    row, start, stop = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return row, start, stop


def blanked_of_block(why: U8 | None, margin: int, first: int, n_samples: int) -> Blanked:
    """List the intervals in which samples of a block are blanked.

    Parameters
    ----------
    why : ndarray of uint8, shape (n_contacts, n_samples + 2 margin), or None
        `Reason` of each sample, 0 for samples that are used.
    margin : int
        Samples at either end that belong to other blocks.
    first : int
        Sample of the recording at which the block starts.
    n_samples : int
        Length of the block.

    Returns
    -------
    Blanked
        Samples count from the start of the recording.
    """
    none = np.empty(0, np.int64)
    nothing = Blanked(none, none, none, np.empty(0), n_samples)
    if why is None:
        return nothing
    own, parts = why[:, margin : margin + n_samples], [nothing]
    for reason in Reason:
        share = np.asarray(own == reason).mean(axis=0)
        _, start, stop = runs(share[None] > 0)
        before = np.concatenate([[0.0], np.cumsum(share)])
        mean = (before[stop] - before[start]) / (stop - start)
        parts.append(Blanked(start + first, stop + first, np.full(len(start), int(reason), np.int64), mean, 0))
    return join_blanked(parts)


def hidden_share(blanked: Bool, contacts: I64, sample: I64, energy: F32, before: int) -> F32:
    """Compute how much of each spike's waveform is blanked, on the contact where it is most.

    Parameters
    ----------
    blanked : ndarray of bool, shape (n_contacts, n_samples)
        Blanked samples.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each spike; -1 marks an unused entry.
    sample : ndarray of int64, shape (n,)
        Sample of each spike.
    energy : ndarray of float32, shape (n_window,)
        Share of the energy of a waveform at each of its samples.
    before : int
        Samples of the window before the spike.

    Returns
    -------
    ndarray of float32, shape (n,)
        From 0 to 1.
    """
    share = np.zeros(len(sample), np.float32)
    count = np.concatenate([[0], np.cumsum(blanked.any(axis=0))])
    first = sample - before
    for spike in np.flatnonzero(count[first + len(energy)] > count[first]).tolist():
        near = contacts[spike][contacts[spike] >= 0]
        window = blanked[near, first[spike] : first[spike] + len(energy)]
        share[spike] = (window @ energy).max(initial=0.0)
    return share
