"""Finds spikes with universal templates: every typical shape, at many places, in several sizes, of both polarities.

Kilosort4's first detection; see docs/detect.md. Spikes carry the whitened PC scores on the contacts of their group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest, vertical_pitch_um
from spikesieve.kernels import pick, project, universal_scores
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.detect import DetectParams
from spikesieve.stages.shapes import Shapes

# Samples that are scored before their spikes are picked: their scores stay in the cache.
STRETCH = 1024


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


def temporal_projections(white: F32, components: F32, peak_index: int) -> F32:
    """Every contact projected on every component: (n_contacts, n_components, n_samples) float32.

    white       (n_contacts, n_samples) float32, time contiguous
    components  (n_components, n_waveform_samples) float32 of `in_sixes`
    """
    out = np.empty((len(white), len(components), white.shape[1]), np.float32)
    project(white, components, peak_index, out)
    return out


def in_sixes(components: F32) -> F32:
    """The components with zero rows up to a multiple of 6, which is what the kernels take."""
    extra = -len(components) % 6
    return np.ascontiguousarray(np.pad(components, ((0, extra), (0, 0))))


def find(
    white: F32, shapes: Shapes, templates: UniversalTemplates, core: tuple[int, int], exclusion: int, threshold: float
) -> Detections:
    """Spikes of one block whose sample lies in core[0] <= t < core[1].

    white      (n_contacts, n_samples) float32, time contiguous; where a window leaves it there is no spike
    exclusion  samples on either side within which a spike must be the largest
    """
    waveforms, n_centres = in_sixes(shapes.waveforms), len(templates.contacts)
    space = np.empty(n_centres * (STRETCH + 2 * exclusion), np.float32)
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
    for first in range(core[0], core[1], STRETCH):
        last = min(first + STRETCH, core[1])
        low, high = max(0, first - exclusion), min(white.shape[1], last + exclusion)
        scores = space[: n_centres * (high - low)].reshape(n_centres, -1)
        where = templates.contacts, templates.weights
        universal_scores(white, waveforms, shapes.peak_index, low, *where, threshold, scores)
        sample, centre, value = pick(scores, templates.neighbours, exclusion, first - low, last - low)
        found.append((sample + low, centre, value))
    return Detections(*(np.concatenate(column) for column in zip(*found, strict=True)))
