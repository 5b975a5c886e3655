"""Waveform shapes on one contact: temporal components and typical shapes, learned from the recording.

Kilosort4's wPCA and wTEMP. Clear, isolated peaks of the whitened traces are cut out and normalised. Their uncentred SVD
gives the components, k-means the shapes. See docs/shapes.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.one_thread import one_openmp_thread
from spikesieve.model import F32, F64, I64
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages.clips import Window
from spikesieve.stages.half_rate import weights_between

FloatT = TypeVar("FloatT", np.float32, np.float64)

MAX_CLIPS = 100_000
# With fewer clips than this, textbook spikes are added to them.
ENOUGH_CLIPS = 500
# Largest correlation of a shape with a more frequent one of the other sign, at any lag, at which the two are different.
MAX_PHASE_CORRELATION = 0.75
MAX_REALIGNMENTS = 3


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
    def between(self) -> F32:
        """Weights with which scores of odd samples follow from those of even ones; none if all must be computed."""
        return weights_between(self.waveforms)

    @property
    def n_samples(self) -> int:
        """Waveform length in samples."""
        return int(self.pcs.shape[1])


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


def learn(clips: F32, window: Window, sampling_hz: float, params: ShapesParams) -> Shapes:
    """Learn components and typical shapes from clips.

    Parameters
    ----------
    clips : ndarray of float32, shape (n, window.n_samples)
        Waveforms of unit norm.
    window : Window
        Waveform length, and the sample of the peak.
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
    >>> clips = textbook_clips(61, 20, 30_000.0)
    >>> shapes = learn(clips, Window(61, 20), 30_000.0, ShapesParams(n_pcs=3, n_templates=2))
    >>> shapes.pcs.shape, shapes.templates.shape, shapes.n_clips
    ((3, 61), (2, 3), 42)
    """
    recorded, peak_index = clips, window.peak_index
    if len(recorded) > MAX_CLIPS:
        recorded = recorded[np.linspace(0, len(recorded) - 1, MAX_CLIPS).astype(int)]
    pool = recorded
    if len(recorded) < ENOUGH_CLIPS:
        pool = np.concatenate([recorded, textbook_clips(window.n_samples, peak_index, sampling_hz)])
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
    from sklearn.cluster import KMeans  # takes half a second, and most readers of a result need none

    with one_openmp_thread():  # several threads add up in the order in which they finish
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
