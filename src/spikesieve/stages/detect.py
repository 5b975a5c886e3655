"""Finds spikes with universal templates: typical shapes at many positions, in several sizes and both polarities.

This is the first detection of Kilosort4; see docs/detect.md.
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
    """Centres and spatial weights of the universal templates.

    Attributes
    ----------
    positions_um : ndarray of float64, shape (n_centres, 2)
        x and depth of each centre in um.
    shanks : ndarray of int64, shape (n_centres,)
        Shank of each centre.
    contacts : ndarray of int64, shape (n_centres, n_near)
        Contacts nearest to each centre, nearest first; -1 = none.
    weights : ndarray of float32, shape (n_centres, n_sizes, n_near)
        Weight of each contact for each template size; unit norm along the last axis.
    neighbours : ndarray of int64, shape (n_centres, n_neighbours)
        Nearest centres, the centre itself included: a spike must have the largest score among them. -1 = none.
    """

    positions_um: F64
    shanks: I64
    contacts: I64
    weights: F32
    neighbours: I64


@dataclass(frozen=True, eq=False)
class Detections:
    """Spikes detected in one block.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of each spike, from the start of the traces.
    centre : ndarray of int64, shape (n,)
        Template centre with the largest score.
    value : ndarray of float32, shape (n,)
        Score in noise SD, signed.
    """

    sample: I64
    centre: I64
    value: F32


def pitch_um(probe: Probe, params: DetectParams) -> float:
    """Determine the vertical pitch, which sets the spacing of template centres and groups.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    params : DetectParams
        May give the pitch.

    Returns
    -------
    float
        `params.vertical_pitch_um`; if that is not set, the median distance between rows of contacts. In um.
    """
    return params.vertical_pitch_um or vertical_pitch_um(probe.positions_um, probe.shanks)


def exclusion_samples(params: DetectParams, sampling_hz: float) -> int:
    """Convert the exclusion window to the sampling rate: a spike must be the largest within it.

    Parameters
    ----------
    params : DetectParams
        Gives the window at 30 kHz.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    int
        Samples on either side, at least 1.

    Examples
    --------
    >>> exclusion_samples(DetectParams(), 15_000.0)
    10
    """
    return max(1, round(params.exclusion_samples * sampling_hz / 30_000.0))


def universal_templates(probe: Probe, params: DetectParams) -> UniversalTemplates:
    """Place template centres on a grid over every shank and compute their spatial weights.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    params : DetectParams
        Pitch of the grid, number and size of the templates.

    Returns
    -------
    UniversalTemplates
        Centres within `params.max_contact_distance_um` of a contact.

    Notes
    -----
    The weight of template size k = 1, 2, ... at distance d is w_k = exp(-d^2 / (k s)^2), scaled to unit norm over the
    nearest contacts, with s = `params.min_template_size_um`.

    Examples
    --------
    >>> depth_um = np.arange(0.0, 80.0, 20.0)
    >>> probe = Probe(np.stack([np.zeros(4), depth_um], axis=1), np.arange(4), np.zeros(4, np.int64), "linear")
    >>> templates = universal_templates(probe, DetectParams())
    >>> templates.positions_um[:, 1]
    array([ 0., 10., 20., 30., 40., 50., 60.])
    """
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
        Whitened traces, time contiguous. Spikes whose window extends beyond them are not found.
    shapes : Shapes
        Shapes of spikes on one contact.
    templates : UniversalTemplates
        Centres and spatial weights.
    span : (int, int)
        Start and stop of the samples to search.
    limits : (int, float)
        Samples on either side within which a spike must be the largest, and the threshold in noise SD.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Detections
        Ordered by sample, then centre.
    """
    return Detections(*backend.universal_peaks(white, shapes.waveforms, shapes.peak_index, templates, span, limits))
