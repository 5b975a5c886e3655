"""What a spike looks like on one contact: temporal components and typical shapes, learned from the recording.

Kilosort4's wPCA and wTEMP: clear, isolated peaks of the whitened traces are cut out and normalised; their uncentred SVD
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
# With fewer clips than this the shapes of a textbook spike are learned from as well.
ENOUGH_CLIPS = 500
# A shape that resembles a more frequent one of the other sign this much, some samples away, is its second phase.
SAME_SHAPE = 0.75
REALIGNMENTS = 3


@dataclass(frozen=True, eq=False)
class Shapes:
    """Temporal basis of everything after it.

    pcs         (n_pcs, n_waveform_samples) float32, orthonormal rows
    templates   (n_templates, n_pcs) float32, unit norm: a shape is templates @ pcs
    peak_index  sample of the window at which the peak sits
    n_clips     how many clips of the recording they were learned from
    """

    pcs: F32
    templates: F32
    peak_index: int
    n_clips: int

    @property
    def waveforms(self) -> F32:
        """The shapes as waveforms, (n_templates, n_waveform_samples) float32, unit norm."""
        return self.templates @ self.pcs

    @property
    def n_samples(self) -> int:
        """Waveform length in samples."""
        return int(self.pcs.shape[1])


def window(params: ShapesParams, sampling_hz: float) -> tuple[int, int]:
    """Waveform length (odd) and peak index in samples: 61 and 20 at 30 kHz."""
    n = params.waveform_samples or round(61 / 30000.0 * sampling_hz)
    n = max(11, n + 1 - n % 2)
    peak = params.peak_sample if params.peak_sample is not None else int(20 * n / 61)
    return n, min(peak, n - 2)


def clips_of_block(white: F32, near: I64, n_samples: int, peak_index: int, threshold_sd: float) -> F32:
    """Unit-norm single-contact clips around clear, isolated peaks: (n_clips, n_samples) float32.

    A peak is the largest magnitude among the near contacts within +-5 samples and above the threshold; it is isolated
    when no other such peak of a near contact lies within half a window.
    white  (n_contacts, n_block) float32;  near  (n_contacts, n_near) int64, -1 = none
    """
    contact, sample = np.nonzero(np.abs(white[:, n_samples:-n_samples]) > threshold_sd)
    order = np.argsort(sample, kind="stable")
    contact, sample = contact[order], sample[order] + n_samples
    largest = _largest_around(white, near[contact], sample) <= np.abs(white[contact, sample])
    contact, sample = contact[largest], sample[largest]
    keep = _isolated(contact, sample, near, n_samples // 2)
    at = sample[keep][:, None] + np.arange(n_samples)[None, :] - peak_index
    clips = white[contact[keep][:, None], at]
    return np.asarray(clips / np.linalg.norm(clips, axis=1, keepdims=True), dtype=np.float32)


def _largest_around(white: F32, contacts: I64, sample: I64) -> F32:
    """The largest magnitude on the contacts (n, n_near) of each of n places within +-5 samples, (n,) float32."""
    largest, around = np.zeros(len(sample), np.float32), np.arange(-5, 6)
    for column in contacts.T:
        there = np.abs(white[np.maximum(column, 0)[:, None], sample[:, None] + around]).max(axis=1, initial=0.0)
        largest = np.maximum(largest, np.where(column >= 0, there, np.float32(0.0)))
    return largest


def _isolated(contact: I64, sample: I64, near: I64, reach: int) -> I64:
    """Indices of peaks without another peak of a near contact within reach samples. Peaks are ordered by time."""
    is_near = np.zeros((len(near), len(near)), np.bool_)
    rows, columns = np.nonzero(near >= 0)
    is_near[rows, near[rows, columns]] = True
    alone = np.ones(len(sample), np.bool_)
    step = 1
    while True:
        close = sample[step:] - sample[:-step] <= reach if step < len(sample) else np.zeros(0, np.bool_)
        if not close.any():
            return np.flatnonzero(alone)
        first = np.flatnonzero(close)
        both = first[is_near[contact[first], contact[first + step]]]
        alone[both] = False
        alone[both + step] = False
        step += 1


def textbook_clips(n_samples: int, peak_index: int, sampling_hz: float) -> F32:
    """Negative spikes of 36 widths and tails, and a few positive ones, unit norm: (n, n_samples) float32.

    A trough exp(-(t/a)^2 / 2) and a later, wider hump, as any textbook draws it. They stand in where a recording has
    too few clear spikes.
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
    """Components and shapes from clips (each (n, n_samples) float32, unit norm)."""
    n_samples, peak_index = window(params, sampling_hz)
    own = np.concatenate([np.empty((0, n_samples), np.float32), *clips])
    if len(own) > MAX_CLIPS:
        own = own[np.linspace(0, len(own) - 1, MAX_CLIPS).astype(int)]
    pool = (
        own if len(own) >= ENOUGH_CLIPS else np.concatenate([own, textbook_clips(n_samples, peak_index, sampling_hz)])
    )
    pcs, templates, labels = _components_and_shapes(pool, params)
    for _ in range(REALIGNMENTS):
        shifts = late_phases(templates @ pcs, np.bincount(labels, minlength=len(templates)), peak_index)
        if not shifts.any():
            break
        pool = np.concatenate([shifted(pool[labels == k], int(lag)) for k, lag in enumerate(shifts)])
        pcs, templates, labels = _components_and_shapes(pool, params)
    return Shapes(pcs.astype(np.float32), templates.astype(np.float32), peak_index, len(own))


def _components_and_shapes(pool: F32, params: ShapesParams) -> tuple[F64, F64, I64]:
    """Components, shapes in their space (unit norm), and the shape of each clip."""
    pcs = components(pool.astype(np.float64), params.n_pcs)
    found = KMeans(params.n_templates, n_init=10, random_state=params.seed).fit(pool @ pcs.T)
    centres = found.cluster_centers_.astype(np.float64)
    return pcs, centres / np.linalg.norm(centres, axis=1, keepdims=True), found.labels_.astype(np.int64)


def late_phases(waveforms: F64, counts: I64, peak_index: int) -> I64:
    """How far each shape is a more frequent one cut out at its other phase, in samples: (n_shapes,) int64, or 0.

    Where noise lifts the second phase of a spike above the first, its clip is centred there, with the sign turned. As a
    shape of its own it would find the same spikes again, 0.2 ms late, as units of their own.
    waveforms  (n_shapes, n_samples) float64, unit norm;  counts (n_shapes,) clips of each
    """
    shifts = np.zeros(len(waveforms), np.int64)
    sign = np.sign(waveforms[:, peak_index])
    lags = np.array([lag for lag in range(-peak_index // 2, peak_index // 2 + 1) if lag])
    for k, own in enumerate(waveforms):
        turned = waveforms[(counts > counts[k]) & (sign != sign[k])]
        alike = np.stack([shifted(own[None], int(lag))[0] for lag in lags]) @ turned.T
        if alike.size and alike.max() > SAME_SHAPE:
            shifts[k] = lags[int(alike.max(axis=1).argmax())]
    return shifts


def shifted(clips: NDArray[FloatT], lag: int) -> NDArray[FloatT]:
    """Clips moved `lag` samples earlier (0 where nothing is known), of unit norm again."""
    if lag == 0:
        return clips
    moved = np.zeros_like(clips)
    if lag > 0:
        moved[:, :-lag] = clips[:, lag:]
    else:
        moved[:, -lag:] = clips[:, :lag]
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12), dtype=clips.dtype)


def components(clips: F64, n: int) -> F64:
    """The first n right singular vectors of the uncentred clips: (n, n_samples), the first with its peak downwards."""
    _, vectors = np.linalg.eigh(clips.T @ clips)
    pcs = vectors[:, ::-1][:, :n].T
    peak = np.take_along_axis(pcs, np.abs(pcs).argmax(axis=1)[:, None], axis=1)
    return np.asarray(-pcs * np.sign(peak), dtype=np.float64)
