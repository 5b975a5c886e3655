"""A quick overview of a recording of which nothing is known yet: short pieces, spread over it."""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve.engine.blocks import Block
from spikesieve.engine.source import Source
from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, Overview
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.overview import Energy, Places, energy, overview_of
from spikesieve.views.traces import only_filtered

N_PIECES, PIECE_S, MARGIN = 240, 0.02, 16
THRESHOLD_SD = 5.0
N_NEAR, NEAR_SAMPLES = 12, 15
"""A spike is counted on the contact on which it is largest: of the nearest ones, half a millisecond around it."""


def sampled_overview(source: Source, backend: Backend) -> Overview:
    """Look at 240 pieces of 20 ms, high-passed.

    Parameters
    ----------
    source : Source
        The recording.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Overview
        What each piece shows stands for the time up to the next one. Spikes are troughs below five times the noise.
    """
    source, n = only_filtered(source), round(PIECE_S * source.sampling_hz)
    blocks = tuple(_pieces(source, n))
    traces = [source.clean(block, 0, backend) for block in blocks]
    noise_sd_uv = np.nanmedian([mad_sd(clean.uv, clean.blanked) for clean in traces], axis=0)
    positions_um, shanks = source.probe.positions_um, source.probe.shanks
    near = nearest(distances_um(positions_um, shanks, positions_um, shanks), N_NEAR)
    found = [_spikes(clean.uv, noise_sd_uv, near) for clean in traces]
    sizes = [energy(clean.uv, clean.blanked, 0, n) for clean in traces]
    piece = np.arange(len(blocks))
    of_traces = Energy(piece, *(np.concatenate([getattr(one, name) for one in sizes]) for name in ("uv2", "n_used")))
    contact = np.concatenate([np.zeros(0, np.int64), *found])
    places = Places(
        np.repeat(piece, [len(one) for one in found]),
        positions_um[contact, 1].astype(np.float32),
        shanks[contact],
    )
    return overview_of(source.probe, (len(blocks), source.recording.duration_s / len(blocks)), of_traces, places)


def _pieces(source: Source, n: int) -> list[Block]:
    """Short blocks at even distances, in the middle of what each stands for, where the recording has them."""
    found, all_samples = [], source.recording.n_samples
    n_pieces = max(1, min(N_PIECES, all_samples // n))
    for k in range(n_pieces):
        middle = (2 * k + 1) * all_samples // (2 * n_pieces)
        begin, end = next((one for one in source.recording.segments if one[1] > middle), source.recording.segments[-1])
        start = max(begin, min(middle - n // 2, end - n))
        stop = min(end, start + n)
        found.append(Block(0, start, stop, begin, end, (start + stop) / 2))
    return found


def _spikes(uv: F32, noise_sd_uv: F64, near: I64) -> I64:
    """The contacts of troughs that are the lowest around them."""
    size = uv / np.maximum(noise_sd_uv, np.finfo(np.float32).tiny)[:, None]
    lowest = scipy.ndimage.minimum_filter1d(size, 2 * NEAR_SAMPLES + 1, axis=1)
    around = np.min([np.where(column[:, None] >= 0, lowest[column], np.inf) for column in near.T], axis=0)
    return np.nonzero((size < -THRESHOLD_SD) & (size <= around))[0].astype(np.int64)
