"""Finds spikes with universal templates: every typical shape, at many places, in several sizes, of both polarities.

Kilosort4's first detection; see docs/detect.md. Spikes carry the whitened PC scores on the contacts of their group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest, vertical_pitch_um
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.detect import DetectParams
from spikesieve.stages.shapes import Shapes


@dataclass(frozen=True, eq=False)
class UniversalTemplates:
    """Where the universal templates sit.

    positions_um  (n_centres, 2) float64
    shanks        (n_centres,) int64
    contacts      (n_centres, n_near) int64, -1 = none
    weights       (n_centres, n_sizes, n_near) float32, unit norm
    neighbours    (n_centres, n_neighbours) int64, centres among which a spike must be the largest
    """

    positions_um: F64
    shanks: I64
    contacts: I64
    weights: F32
    neighbours: I64


@dataclass(frozen=True, eq=False)
class Detections:
    """Spikes of one block: sample (n,) int64 within the block, centre (n,) int64, value (n,) float32 in noise SD."""

    sample: I64
    centre: I64
    value: F32


def pitch_um(probe: Probe, params: DetectParams) -> float:
    """The vertical pitch that places template centres and groups."""
    return params.vertical_pitch_um or vertical_pitch_um(probe.positions_um, probe.shanks)


def exclusion_samples(params: DetectParams, sampling_hz: float) -> int:
    """Samples on either side within which a spike must be the largest.

    Parameters
    ----------
    params : DetectParams
        Gives them at 30 kHz.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> exclusion_samples(DetectParams(), 15_000.0)
    10
    """
    return max(1, round(params.exclusion_samples * sampling_hz / 30_000.0))


def universal_templates(probe: Probe, params: DetectParams) -> UniversalTemplates:
    """Centres on a grid over every shank; their nearest contacts have Gaussian weights w_k(c) = exp(-d^2 / (k s)^2)."""
    positions, shanks = _centres(probe, params)
    distance = distances_um(positions, shanks, probe.positions_um, probe.shanks)
    close = distance.min(axis=1) <= params.max_contact_distance_um
    positions, shanks, distance = positions[close], shanks[close], distance[close]
    contacts = nearest(distance, params.nearest_contacts)
    sizes = params.min_template_size_um * np.arange(1, params.template_sizes + 1)
    near_distance = np.where(contacts >= 0, np.take_along_axis(distance, np.maximum(contacts, 0), axis=1), np.inf)
    # The nearest contact scales the Gaussian, so that a small template far from every contact does not underflow.
    offset = near_distance[:, :1] ** 2
    weights = np.exp(-(near_distance[:, None, :] ** 2 - offset[:, :, None]) / sizes[None, :, None] ** 2)
    weights /= np.linalg.norm(weights, axis=2, keepdims=True)
    between = distances_um(positions, shanks, positions, shanks)
    neighbours = nearest(between, params.nearest_templates)
    return UniversalTemplates(positions, shanks, contacts, weights.astype(np.float32), neighbours)


def _centres(probe: Probe, params: DetectParams) -> tuple[F64, I64]:
    positions, shanks = [], []
    step = pitch_um(probe, params) / 2
    for shank in np.unique(probe.shanks):
        xy = probe.positions_um[probe.shanks == shank]
        (x0, y0), (x1, y1) = xy.min(axis=0), xy.max(axis=0)
        x = np.linspace(x0, x1, round((x1 - x0) / (params.lateral_pitch_um / 2)) + 1)
        y = np.arange(y0, y1 + step / 2, step)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        positions.append(grid)
        shanks.append(np.full(len(grid), shank, np.int64))
    return np.concatenate(positions), np.concatenate(shanks)


def find(
    white: F32,
    shapes: Shapes,
    templates: UniversalTemplates,
    span: tuple[int, int],
    limits: tuple[int, float],
    backend: Backend,
) -> Detections:
    """Find the spikes of a block by universal templates.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous. Where a window leaves them there is no spike.
    shapes : Shapes
        Shapes of spikes on one contact.
    templates : UniversalTemplates
        Where spikes are looked for.
    span : (int, int)
        First sample at which they are looked for, and the first one after.
    limits : (int, float)
        Samples on either side within which a spike must be the largest, and the threshold in noise SD.
    backend : Backend
        Does the work.

    Returns
    -------
    Detections
        Ordered by sample, then centre.
    """
    return Detections(*backend.universal_peaks(white, shapes.waveforms, shapes.peak_index, templates, span, limits))
