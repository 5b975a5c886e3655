"""How long a waveform is looked at: 2 ms, or longer where the largest spikes of the recording last longer.

What is left of a spike beyond the window of its template looks like another spike at a fixed lag. See docs/shapes.md.
"""

from __future__ import annotations

import numpy as np

from spikesieve.model import F64
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages.clips import PEAK_REACH_SAMPLES, Clips, Window

# The longest window is this many times the default one.
LONGEST_RATIO = 3
# Either side of the window grows by a quarter of its default length at a time.
QUARTERS = 4
# A spike may leave this norm beyond its window, on the contact where it is largest. Half of the smallest detection
# threshold: its other contacts hold about as much energy again.
MAX_REST_SD = 4.0
# The largest spikes of a contact, in two halves.
LARGEST_SPIKES, FEWEST_SPIKES = 20, 10


def default_window(params: ShapesParams, sampling_hz: float) -> Window:
    """Choose the waveform window that does not depend on the recording.

    Parameters
    ----------
    params : ShapesParams
        Waveform length and peak sample, where they were set.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Window
        An odd number of samples.

    Examples
    --------
    >>> default_window(ShapesParams(), 30_000.0)
    Window(n_samples=61, peak_index=20)
    """
    n = params.waveform_samples or round(61 / 30000.0 * sampling_hz)
    n = max(11, n + 1 - n % 2)
    peak = params.peak_sample if params.peak_sample is not None else int(20 * n / 61)
    return Window(n, min(peak, n - 2))


def widest_window(default: Window, params: ShapesParams) -> Window:
    """Choose the longest window that a recording may need.

    Parameters
    ----------
    default : Window
        The window of `default_window`.
    params : ShapesParams
        Where the user set a length or a peak sample, the window stays as it is.

    Returns
    -------
    Window
        Three times as long on either side of the peak.

    Examples
    --------
    >>> widest_window(Window(61, 20), ShapesParams())
    Window(n_samples=181, peak_index=60)
    """
    if params.waveform_samples is not None or params.peak_sample is not None:
        return default
    return _window(LONGEST_RATIO * default.peak_index, LONGEST_RATIO * default.n_after)


def needed_window(clips: Clips, default: Window) -> Window:
    """Find the shortest window that leaves no detectable rest of the largest spikes.

    Parameters
    ----------
    clips : Clips
        Clear spikes, with more samples on either side of the peak than the default window.
    default : Window
        The window that is long enough for most recordings.

    Returns
    -------
    Window
        The default window, or one that is longer before the peak, after it, or both.

    Notes
    -----
    Of each contact and polarity the 20 largest spikes are taken in two halves. At each sample, the product of the two
    medians estimates the energy that these spikes have in common: noise, other neurons and the next spikes of a burst
    come at changing lags and cancel. The rest beyond a window is the sum of these products. A contact whose median is
    largest somewhere else shows a late phase of a spike, and is left out.

    Examples
    --------
    Spikes that last longer after the peak than before it, in weak noise.

    >>> lag = np.arange(-60, 121)
    >>> spike = -50 * np.exp(-np.abs(lag) / np.where(lag < 0, 4, 20))
    >>> noisy = spike + np.random.default_rng(0).standard_normal((20, 181))
    >>> needed_window(Clips(np.zeros(20, np.int64), noisy.astype(np.float32), np.full(20, 999), 60), Window(61, 20))
    Window(n_samples=101, peak_index=20)
    """
    energy, peak = _common_energy(clips), clips.peak_index
    before = _needed(energy[:, :peak][:, ::-1], default.peak_index)
    after = _needed(energy[:, peak + 1 :], default.n_after)
    return _window(before, after)


def _window(n_before: int, n_after: int) -> Window:
    """A window with an odd number of samples."""
    return Window(n_before + 1 + n_after + (n_before + n_after) % 2, n_before)


def _common_energy(clips: Clips) -> F64:
    """Energy that the largest spikes of a contact have in common, (n_groups, n_samples) in noise variances."""
    peak = clips.waveforms[:, clips.peak_index]
    group = 2 * clips.contact + (peak > 0)
    energy = []
    for k in np.unique(group):
        rows = np.flatnonzero(group == k)
        rows = rows[np.argsort(-np.abs(peak[rows]), kind="stable")][:LARGEST_SPIKES]
        if len(rows) < FEWEST_SPIKES:
            continue
        halves = [np.median(clips.waveforms[rows[i::2]].astype(np.float64), axis=0) for i in (0, 1)]
        if abs(int(np.abs(halves[0] + halves[1]).argmax()) - clips.peak_index) <= PEAK_REACH_SAMPLES:
            energy.append(halves[0] * halves[1])
    return np.array(energy).reshape(-1, clips.waveforms.shape[1])


def _needed(energy: F64, n_default: int) -> int:
    """Find how many samples, counted outwards from the peak, leave too small a rest of every group."""
    rest = energy[:, ::-1].cumsum(axis=1)[:, ::-1].max(axis=0, initial=0.0)
    too_short = np.flatnonzero(rest > MAX_REST_SD**2)
    n_needed = int(too_short[-1]) + 1 if len(too_short) else 0
    step = max(1, n_default // QUARTERS)
    n_steps = max(0, -(-(n_needed - n_default) // step))
    return min(n_default + n_steps * step, LONGEST_RATIO * n_default)
