"""What the overview of a recording is made of: the size of traces and counts of spikes, in bins of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I32, I64, Bool, Overview, Probe

BINS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
MOST_BINS = 4000
MOST_DEPTHS = 200
SMALLEST_DEPTH_UM = 10.0
LARGEST_COUNT = 65_535


@dataclass(frozen=True, eq=False)
class Energy:
    """Sums of squares of traces in bins of time. A bin that two blocks share has a row of each.

    Attributes
    ----------
    time_bin : ndarray of int64, shape (n_rows,)
        Bin of time.
    uv2 : ndarray of float32, shape (n_rows, n_contacts)
        Sum of the squares in uV^2 of the samples that are not blanked.
    n_used : ndarray of int32, shape (n_rows, n_contacts)
        Number of these samples.
    """

    time_bin: I64
    uv2: F32
    n_used: I32


@dataclass(frozen=True, eq=False)
class Places:
    """Where spikes are.

    Attributes
    ----------
    time_bin : ndarray of int64, shape (n,)
        Bin of time.
    depth_um : ndarray of float32, shape (n,)
        Depth in um.
    shank : ndarray of int64, shape (n,)
        Shank.
    """

    time_bin: I64
    depth_um: F32
    shank: I64


def bin_samples(n_samples: int, sampling_hz: float) -> int:
    """Choose how long the bins of a recording are.

    Parameters
    ----------
    n_samples : int
        Length of the recording in samples.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    int
        Samples of a bin: 0.1 s or more, so that there are no more than 4000 bins in up to 66 hours.

    Examples
    --------
    >>> bin_samples(3600 * 30_000, 30_000.0), bin_samples(60 * 30_000, 30_000.0)
    (30000, 3000)
    """
    seconds = n_samples / sampling_hz
    return round(next((each for each in BINS_S if seconds / each <= MOST_BINS), BINS_S[-1]) * sampling_hz)


def energy(uv: F32, blanked: Bool | None, first_sample: int, n_bin: int) -> Energy:
    """Sum up the squares of traces.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces in uV, 0 where they are blanked.
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        Blanked samples; None if none is.
    first_sample : int
        Sample of the recording at which they begin.
    n_bin : int
        Samples of a bin.

    Returns
    -------
    Energy
        A row for each bin that the traces reach.

    Examples
    --------
    >>> found = energy(np.full((1, 5), 2, np.float32), None, 8, 10)
    >>> found.time_bin.tolist(), found.uv2.ravel().tolist(), found.n_used.ravel().tolist()
    ([0, 1], [8.0, 12.0], [2, 3])
    """
    last = first_sample + uv.shape[1]
    bins = np.arange(first_sample // n_bin, -(-last // n_bin))
    parts = [slice(max(0, k * n_bin - first_sample), min(last, (k + 1) * n_bin) - first_sample) for k in bins]
    sums = [np.einsum("ct,ct->c", uv[:, part], uv[:, part]) for part in parts]
    lengths = np.array([part.stop - part.start for part in parts], np.int32)
    n_used = np.repeat(lengths[:, None], len(uv), axis=1)
    if blanked is not None:
        n_used -= np.array([blanked[:, part].sum(axis=1) for part in parts], np.int32)
    return Energy(bins.astype(np.int64), np.array(sums, np.float32).reshape(-1, len(uv)), n_used)


def overview_of(probe: Probe, bins: tuple[int, float], of_traces: Energy, of_spikes: Places) -> Overview:
    """Put the parts together.

    Parameters
    ----------
    probe : Probe
        The contacts.
    bins : (int, float)
        Number of bins of time, and the length of each in s.
    of_traces : Energy
        Sums of squares.
    of_spikes : Places
        Times and places of the spikes.

    Returns
    -------
    Overview
        The overview.
    """
    n_bins, bin_s = bins
    uv2, n_used = np.zeros((n_bins, probe.n_contacts)), np.zeros((n_bins, probe.n_contacts))
    np.add.at(uv2, of_traces.time_bin, of_traces.uv2)
    np.add.at(n_used, of_traces.time_bin, of_traces.n_used)
    with np.errstate(invalid="ignore", divide="ignore"):
        rms_uv = np.sqrt(uv2 / n_used).astype(np.float16)
    shanks, edges = np.unique(probe.shanks), depth_edges_um(probe)
    place = np.clip(np.digitize(of_spikes.depth_um, edges) - 1, 0, len(edges) - 2)
    shape = len(shanks), n_bins, len(edges) - 1
    flat = np.ravel_multi_index((np.searchsorted(shanks, of_spikes.shank), of_spikes.time_bin, place), shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    n_spikes = np.minimum(counts, LARGEST_COUNT).astype(np.uint16)
    start_s = np.arange(n_bins, dtype=np.float64) * bin_s
    return Overview(start_s, bin_s, rms_uv, probe.channels, shanks, edges.astype(np.float32), n_spikes)


def depth_edges_um(probe: Probe) -> F64:
    """Divide the depths of a probe into bins.

    Parameters
    ----------
    probe : Probe
        The contacts.

    Returns
    -------
    ndarray of float64, shape (n_depths + 1,)
        Edges in um, from half a bin below the lowest contact: at most 200 bins, of 10 um or more.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 40.0]]), np.arange(2), np.zeros(2, np.int64))
    >>> depth_edges_um(probe).tolist()
    [-5.0, 5.0, 15.0, 25.0, 35.0, 45.0]
    """
    low, high = float(probe.positions_um[:, 1].min()), float(probe.positions_um[:, 1].max())
    step = max(SMALLEST_DEPTH_UM, (high - low) / (MOST_DEPTHS - 1))
    return np.asarray(low - step / 2 + step * np.arange(round((high - low) / step) + 2), np.float64)
