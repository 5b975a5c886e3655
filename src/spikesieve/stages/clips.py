"""Clips: clear, isolated peaks of the whitened traces, each on the contact where it is largest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, I64, Bool

# A peak must be the largest within this many samples.
PEAK_REACH_SAMPLES = 5


@dataclass(frozen=True)
class Window:
    """The samples around a peak that are looked at.

    Attributes
    ----------
    n_samples : int
        Number of samples.
    peak_index : int
        Sample at which the peak lies.
    """

    n_samples: int
    peak_index: int

    @property
    def n_after(self) -> int:
        """Number of samples after the peak."""
        return self.n_samples - 1 - self.peak_index


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of clear peaks.

    Attributes
    ----------
    contact : ndarray of int64, shape (n_clips,)
        Contact of each peak.
    waveforms : ndarray of float32, shape (n_clips, n_samples)
        Voltage of that contact around the peak, in noise SD.
    gap_samples : ndarray of int64, shape (n_clips,)
        Samples from each peak to the next one of a near contact, on either side.
    peak_index : int
        Sample of the peak.
    """

    contact: I64
    waveforms: F32
    gap_samples: I64
    peak_index: int

    def __len__(self) -> int:
        return len(self.contact)

    def isolated(self, window: Window) -> Clips:
        """Select the clips without another peak within half a window.

        Parameters
        ----------
        window : Window
            The window.

        Returns
        -------
        Clips
            The selected clips.
        """
        alone = self.gap_samples > window.n_samples // 2
        return Clips(self.contact[alone], self.waveforms[alone], self.gap_samples[alone], self.peak_index)

    def normalized(self, window: Window) -> F32:
        """Cut the clips to a window and scale them.

        Parameters
        ----------
        window : Window
            Not longer than the clips on either side of the peak.

        Returns
        -------
        ndarray of float32, shape (n_clips, window.n_samples)
            Clips of norm 1.
        """
        start = self.peak_index - window.peak_index
        cut = self.waveforms[:, start : start + window.n_samples]
        return np.asarray(cut / np.linalg.norm(cut, axis=1, keepdims=True), dtype=np.float32)


def concatenate_clips(parts: Iterable[Clips], window: Window) -> Clips:
    """Concatenate the clips of all blocks.

    Parameters
    ----------
    parts : iterable of Clips
        Clips of `window`.
    window : Window
        Their window, needed where there are none.

    Returns
    -------
    Clips
        All clips, in order.
    """
    contact, gap, waveforms = (
        [np.empty(0, np.int64)],
        [np.empty(0, np.int64)],
        [np.empty((0, window.n_samples), np.float32)],
    )
    for part in parts:
        contact.append(part.contact)
        waveforms.append(part.waveforms)
        gap.append(part.gap_samples)
    return Clips(np.concatenate(contact), np.concatenate(waveforms), np.concatenate(gap), window.peak_index)


def clips_of_block(
    white: F32,
    near: I64,
    window: Window,
    threshold_sd: float,
    min_gap_samples: int,
    blanked: Bool | None = None,
) -> Clips:
    """Cut out clear, isolated peaks of one block.

    A peak exceeds the threshold and is the largest magnitude among the near contacts within 5 samples.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_block_samples)
        Whitened traces in noise SD. One window at either end is a margin: its peaks are not used.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact; -1 marks an unused entry.
    window : Window
        The samples that are cut out.
    threshold_sd : float
        Smallest magnitude of a peak in noise SD.
    min_gap_samples : int
        Peaks that are closer than this to another one of a near contact are left out.
    blanked : ndarray of bool, shape (n_contacts, n_block_samples), optional
        Blanked samples. Clips that hold one are left out.

    Returns
    -------
    Clips
        Waveforms on the peaks' contacts.
    """
    margin = window.n_samples
    contact, sample = np.nonzero(np.abs(white[:, margin:-margin]) > threshold_sd)
    order = np.argsort(sample, kind="stable")
    contact, sample = contact[order], sample[order] + margin
    is_peak = _largest_around(white, near[contact], sample) <= np.abs(white[contact, sample])
    contact, sample = contact[is_peak], sample[is_peak]
    gap = _gaps(contact, sample, near, margin)
    window_samples = sample[:, None] + np.arange(window.n_samples)[None, :] - window.peak_index
    used = gap >= min_gap_samples
    if blanked is not None:
        used &= ~blanked[contact[:, None], window_samples].any(axis=1)
    contact, window_samples = contact[used], window_samples[used]
    return Clips(contact, white[contact[:, None], window_samples], gap[used], window.peak_index)


def _largest_around(white: F32, contacts: I64, sample: I64) -> F32:
    """Find the largest magnitude on the contacts (n, n_near) around each of n samples: (n,) float32."""
    largest, offsets = np.zeros(len(sample), np.float32), np.arange(-PEAK_REACH_SAMPLES, PEAK_REACH_SAMPLES + 1)
    for column in contacts.T:
        magnitude = np.abs(white[np.maximum(column, 0)[:, None], sample[:, None] + offsets]).max(axis=1, initial=0.0)
        largest = np.maximum(largest, np.where(column >= 0, magnitude, np.float32(0.0)))
    return largest


def _gaps(contact: I64, sample: I64, near: I64, reach_samples: int) -> I64:
    """Samples from each peak, in order of time, to the closest other peak of a near contact, at most the reach + 1.

    Each peak is compared with the next one, then with the one after that, until none is within reach.
    """
    is_near = np.zeros((len(near), len(near)), np.bool_)
    rows, columns = np.nonzero(near >= 0)
    is_near[rows, near[rows, columns]] = True
    gap = np.full(len(sample), reach_samples + 1)
    for step in range(1, len(sample)):
        apart = sample[step:] - sample[:-step]
        if apart.min() > reach_samples:
            break
        first = np.flatnonzero(apart <= reach_samples)
        first = first[is_near[contact[first], contact[first + step]]]
        gap[first] = np.minimum(gap[first], apart[first])
        gap[first + step] = np.minimum(gap[first + step], apart[first])
    return gap
