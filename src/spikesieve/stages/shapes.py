"""Waveform shapes on one contact: temporal components and typical shapes, learned from the recording.

Kilosort4's wPCA and wTEMP. Clear, isolated peaks of the whitened traces are cut out and normalised. Their uncentred SVD
gives the components, k-means the shapes. See docs/shapes.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from spikesieve.model import F32, F64, I64
from spikesieve.settings.shapes import ShapesParams

FloatT = TypeVar("FloatT", np.float32, np.float64)

MAX_CLIPS = 100_000
# With fewer clips than this, textbook spikes are added to them.
ENOUGH_CLIPS = 500
# Largest correlation of a shape with a more frequent one of the other sign, at any lag, at which the two are different.
MAX_PHASE_CORRELATION = 0.75
MAX_REALIGNMENTS = 3
# A peak must be the largest within this many samples.
PEAK_REACH_SAMPLES = 5


@dataclass(frozen=True, eq=False)
class Shapes:
    """The temporal basis of all waveforms of a sort.

    Attributes
    ----------
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components, orthonormal rows.
    templates : ndarray of float32, shape (n_templates, n_pcs)
        Scores of the typical shapes, unit norm; ``templates @ pcs`` are their waveforms.
    peak_index : int
        Sample of the waveform at which the peak lies.
    n_clips : int
        Number of clips of the recording that they were learned from.
    """

    pcs: F32
    templates: F32
    peak_index: int
    n_clips: int

    @property
    def waveforms(self) -> F32:
        """Waveforms of the typical shapes: (n_templates, n_waveform_samples) float32, unit norm."""
        return self.templates @ self.pcs

    @property
    def n_samples(self) -> int:
        """Waveform length in samples."""
        return int(self.pcs.shape[1])


def window(params: ShapesParams, sampling_hz: float) -> tuple[int, int]:
    """Choose the waveform window.

    Parameters
    ----------
    params : ShapesParams
        Waveform length and peak sample, where they were set.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    n_samples : int
        Waveform length in samples, odd.
    peak_index : int
        Sample of the waveform at which the peak lies.

    Examples
    --------
    >>> window(ShapesParams(), 30_000.0)
    (61, 20)
    """
    n = params.waveform_samples or round(61 / 30000.0 * sampling_hz)
    n = max(11, n + 1 - n % 2)
    peak = params.peak_sample if params.peak_sample is not None else int(20 * n / 61)
    return n, min(peak, n - 2)


def clips_of_block(white: F32, near: I64, n_samples: int, peak_index: int, threshold_sd: float) -> F32:
    """Cut out clear, isolated peaks of one block.

    A peak exceeds the threshold and is the largest magnitude among the near contacts within 5 samples. It is isolated
    if no other peak of a near contact lies within half a waveform.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_block_samples)
        Whitened traces in noise SD.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact; -1 marks an unused entry.
    n_samples : int
        Waveform length in samples.
    peak_index : int
        Sample of the waveform at which the peak lies.
    threshold_sd : float
        Smallest magnitude of a peak in noise SD.

    Returns
    -------
    ndarray of float32, shape (n_clips, n_samples)
        Waveforms on the peaks' contacts, unit norm.
    """
    contact, sample = np.nonzero(np.abs(white[:, n_samples:-n_samples]) > threshold_sd)
    order = np.argsort(sample, kind="stable")
    contact, sample = contact[order], sample[order] + n_samples
    is_peak = _largest_around(white, near[contact], sample) <= np.abs(white[contact, sample])
    contact, sample = contact[is_peak], sample[is_peak]
    isolated = _isolated(contact, sample, near, n_samples // 2)
    window_samples = sample[isolated][:, None] + np.arange(n_samples)[None, :] - peak_index
    clips = white[contact[isolated][:, None], window_samples]
    return np.asarray(clips / np.linalg.norm(clips, axis=1, keepdims=True), dtype=np.float32)


def _largest_around(white: F32, contacts: I64, sample: I64) -> F32:
    """Find the largest magnitude on the contacts (n, n_near) around each of n samples: (n,) float32."""
    largest, offsets = np.zeros(len(sample), np.float32), np.arange(-PEAK_REACH_SAMPLES, PEAK_REACH_SAMPLES + 1)
    for column in contacts.T:
        magnitude = np.abs(white[np.maximum(column, 0)[:, None], sample[:, None] + offsets]).max(axis=1, initial=0.0)
        largest = np.maximum(largest, np.where(column >= 0, magnitude, np.float32(0.0)))
    return largest


def _isolated(contact: I64, sample: I64, near: I64, reach_samples: int) -> I64:
    """Find the peaks, ordered by time, without another peak of a near contact within reach."""
    is_near = np.zeros((len(near), len(near)), np.bool_)
    rows, columns = np.nonzero(near >= 0)
    is_near[rows, near[rows, columns]] = True
    isolated = np.ones(len(sample), np.bool_)
    # Each peak is compared with the next one, then with the one after that, until none is within reach.
    step = 1
    while True:
        close = sample[step:] - sample[:-step] <= reach_samples if step < len(sample) else np.zeros(0, np.bool_)
        if not close.any():
            return np.flatnonzero(isolated)
        first = np.flatnonzero(close)
        colliding = first[is_near[contact[first], contact[first + step]]]
        isolated[colliding] = False
        isolated[colliding + step] = False
        step += 1


def textbook_clips(n_samples: int, peak_index: int, sampling_hz: float) -> F32:
    """Make the waveforms of textbook spikes, for recordings with too few clear ones.

    Each is a trough ``exp(-(t / width)^2 / 2)`` and a later, wider hump: 36 negative spikes and 6 positive ones.

    Parameters
    ----------
    n_samples : int
        Waveform length in samples.
    peak_index : int
        Sample of the trough.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (42, n_samples)
        Waveforms, unit norm.

    Examples
    --------
    >>> clips = textbook_clips(61, 20, 30_000.0)
    >>> clips.shape, int(clips[0].argmin())
    ((42, 61), 20)
    """
    t_ms = (np.arange(n_samples) - peak_index) * 1e3 / sampling_hz
    rows = [
        -np.exp(-((t_ms / width) ** 2) / 2) + hump * np.exp(-(((t_ms - 4 * width) / (2.2 * width)) ** 2) / 2)
        for width in (0.06, 0.08, 0.1, 0.13, 0.16, 0.2)
        for hump in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    clips = np.array([*rows, *(-np.array(rows[::6]))])
    return np.asarray(clips / np.linalg.norm(clips, axis=1, keepdims=True), dtype=np.float32)


def learn(clips: Iterable[F32], sampling_hz: float, params: ShapesParams) -> Shapes:
    """Learn components and typical shapes from clips.

    Parameters
    ----------
    clips : iterable of ndarray of float32, shape (n, n_samples)
        Waveforms of unit norm, as `clips_of_block` cuts them out.
    sampling_hz : float
        Sampling rate in Hz.
    params : ShapesParams
        Numbers of components and shapes.

    Returns
    -------
    Shapes
        The temporal basis.

    Examples
    --------
    >>> shapes = learn([textbook_clips(61, 20, 30_000.0)], 30_000.0, ShapesParams(n_pcs=3, n_templates=2))
    >>> shapes.pcs.shape, shapes.templates.shape, shapes.n_clips
    ((3, 61), (2, 3), 42)
    """
    n_samples, peak_index = window(params, sampling_hz)
    recorded = np.concatenate([np.empty((0, n_samples), np.float32), *clips])
    if len(recorded) > MAX_CLIPS:
        recorded = recorded[np.linspace(0, len(recorded) - 1, MAX_CLIPS).astype(int)]
    pool = recorded
    if len(recorded) < ENOUGH_CLIPS:
        pool = np.concatenate([recorded, textbook_clips(n_samples, peak_index, sampling_hz)])
    pcs, templates, labels = _components_and_shapes(pool, params)
    for _ in range(MAX_REALIGNMENTS):
        shifts = _late_phases(templates @ pcs, np.bincount(labels, minlength=len(templates)), peak_index)
        if not shifts.any():
            break
        pool = np.concatenate([_advanced(pool[labels == k], int(shift)) for k, shift in enumerate(shifts)])
        pcs, templates, labels = _components_and_shapes(pool, params)
    return Shapes(pcs.astype(np.float32), templates.astype(np.float32), peak_index, len(recorded))


def _components_and_shapes(pool: F32, params: ShapesParams) -> tuple[F64, F64, I64]:
    """Compute the components, the scores of the shapes (unit norm), and the shape of each clip."""
    pcs = components(pool.astype(np.float64), params.n_pcs)
    fit = KMeans(params.n_templates, n_init=10, random_state=params.seed).fit(pool @ pcs.T)
    centres = fit.cluster_centers_.astype(np.float64)
    return pcs, centres / np.linalg.norm(centres, axis=1, keepdims=True), fit.labels_.astype(np.int64)


def _late_phases(waveforms: F64, counts: I64, peak_index: int) -> I64:
    """Find shapes that are a more frequent one, cut out at its second phase: their shift in samples, or 0.

    Noise can lift the second phase of a spike above the first. The clip is then centred there, with the opposite sign.
    Kept as a shape of its own, it would detect the same spikes again, 0.2 ms late, as separate units.
    """
    shifts = np.zeros(len(waveforms), np.int64)
    sign = np.sign(waveforms[:, peak_index])
    lags = np.array([lag for lag in range(-peak_index // 2, peak_index // 2 + 1) if lag])
    for k, waveform in enumerate(waveforms):
        opposite = waveforms[(counts > counts[k]) & (sign != sign[k])]
        correlation = np.stack([_advanced(waveform[None], int(lag))[0] for lag in lags]) @ opposite.T
        if correlation.size and correlation.max() > MAX_PHASE_CORRELATION:
            shifts[k] = lags[int(correlation.max(axis=1).argmax())]
    return shifts


def _advanced(clips: NDArray[FloatT], lag: int) -> NDArray[FloatT]:
    """Move clips `lag` samples earlier and normalise them again."""
    if lag == 0:
        return clips
    moved = advance(clips, lag)
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12), dtype=clips.dtype)


def advance(waveforms: NDArray[FloatT], lag: int) -> NDArray[FloatT]:
    """Move waveforms earlier in their window.

    Parameters
    ----------
    waveforms : ndarray of float32 or float64, shape (..., n_samples)
        Waveforms.
    lag : int
        Number of samples by which they move, not 0; negative moves them later.

    Returns
    -------
    ndarray, same shape and dtype
        The moved waveforms. What leaves the window is lost, what enters it is 0.

    Examples
    --------
    >>> advance(np.array([1.0, 2.0, 3.0]), 1)
    array([2., 3., 0.])
    """
    moved = np.zeros_like(waveforms)
    if lag > 0:
        moved[..., :-lag] = waveforms[..., lag:]
    else:
        moved[..., -lag:] = waveforms[..., :lag]
    return moved


def components(clips: F64, n: int) -> F64:
    """Compute the first right singular vectors of uncentred clips.

    Parameters
    ----------
    clips : ndarray of float64, shape (n_clips, n_samples)
        Waveforms.
    n : int
        Number of components.

    Returns
    -------
    ndarray of float64, shape (n, n_samples)
        Orthonormal components, each with its largest peak downwards.

    Examples
    --------
    >>> components(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]), 1).round(3) + 0.0
    array([[ 0., -1.,  0.]])
    """
    _, vectors = np.linalg.eigh(clips.T @ clips)
    pcs = vectors[:, ::-1][:, :n].T
    peak = np.take_along_axis(pcs, np.abs(pcs).argmax(axis=1)[:, None], axis=1)
    return np.asarray(-pcs * np.sign(peak), dtype=np.float64)
