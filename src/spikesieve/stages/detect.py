"""Finds spikes with universal templates: typical shapes at many positions, in several sizes and both polarities.

This is the first detection of Kilosort4; see docs/detect.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from spikesieve.geometry import distances_um, nearest, vertical_pitch_um
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.detect import DetectParams
from spikesieve.stages.blanking import WHOLE, hidden_share
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

# Noise of SD s makes about 5000 exp(-u^2 / (2 s^2)) detections above u per second and contact: measured 1800 to 14000
# on Gaussian noise of two spectra on five probes, see docs/detect.md. A factor of 2 changes the threshold by 0.15 s.
NOISE_PEAKS_HZ = 5000.0
# Noise is measured at every 20th sample: neighbours are correlated, and 1500 samples of a block are enough.
NOISE_STEP = 20
# Noise is measured at this many centres: their median is wanted.
NOISE_CENTRES = 300


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


def usual_peak(shapes: Shapes, templates: UniversalTemplates) -> float:
    """Compute how large the trough of the usual spike of score 1 is, on its largest contact.

    Parameters
    ----------
    shapes : Shapes
        Shapes of spikes on one contact.
    templates : UniversalTemplates
        Centres and spatial weights.

    Returns
    -------
    float
        The median over the shapes and over the places and sizes of templates.
    """
    return float(np.median(np.abs(shapes.waveforms).max(axis=1)) * np.median(templates.weights.max(axis=2)))


def are_whole(blanked: Bool | None, contacts: I64, sample: I64, shapes: Shapes) -> Bool:
    """Tell which spikes are whole: on each of their contacts less than a hundredth of the energy is blanked.

    Parameters
    ----------
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        Blanked samples.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each spike; -1 marks an unused entry.
    sample : ndarray of int64, shape (n,)
        Sample of each spike.
    shapes : Shapes
        Shapes of spikes.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for whole spikes. Features of others would hold what is blanked as zeros.
    """
    if blanked is None:
        return np.ones(len(sample), np.bool_)
    energy = _energy(shapes)
    return np.asarray(hidden_share(blanked, contacts, sample, energy, shapes.peak_index) <= WHOLE)


def whole_times(blanked: Bool | None, contacts: I64, span: tuple[int, int], shapes: Shapes, backend: Backend) -> I64:
    """Count the samples at which a spike of each group of contacts would be whole.

    Parameters
    ----------
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        Blanked samples.
    contacts : ndarray of int64, shape (n_groups, n_near)
        Contacts of each group; -1 marks an unused entry.
    span : (int, int)
        Start and stop of the samples that count.
    shapes : Shapes
        Shapes of spikes.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    ndarray of int64, shape (n_groups,)
        All samples of the span where nothing is blanked.
    """
    if blanked is None or not blanked.any():
        return np.full(len(contacts), span[1] - span[0])
    root = np.sqrt(_energy(shapes), dtype=np.float32)
    each = np.arange(len(blanked))[:, None]
    waveforms = np.broadcast_to(root, (len(blanked), 1, len(root)))
    hidden = backend.hidden_energy(blanked, each, np.ascontiguousarray(waveforms), shapes.peak_index)
    whole = hidden[:, slice(*span)] <= WHOLE
    return np.array([whole[near[near >= 0]].all(axis=0).sum() for near in contacts], np.int64)


def _energy(shapes: Shapes) -> F32:
    """Share of the energy of a usual spike at each sample of its window, (n_samples,)."""
    return np.asarray((shapes.waveforms**2).mean(axis=0))


def noise_of_universal_scores(clean: Clean, shapes: Shapes, templates: UniversalTemplates, backend: Backend) -> F64:
    """Measure the noise of the scores of universal templates. Scores near blanked samples do not count.

    Parameters
    ----------
    clean : Clean
        Whitened traces, and which of their samples are blanked. One waveform length at either end is not used.
    shapes : Shapes
        Shapes of spikes on one contact.
    templates : UniversalTemplates
        Centres and spatial weights.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    ndarray of float64, shape (n_measured, n_sizes, n_shapes)
        Robust SD of the scores at up to 300 centres, evenly chosen; NaN where they are blanked. Spikes are rare at any
        one place, so they count little.
    """
    inside = slice(shapes.n_samples, -shapes.n_samples, NOISE_STEP)
    projections = backend.projections(clean.white, shapes.pcs, shapes.peak_index)
    on_shapes = [shapes.templates @ scores[:, inside] for scores in projections]
    # An extra row of zeros stands for missing contacts, which -1 points at.
    by_contact = np.stack([*on_shapes, np.zeros_like(on_shapes[0])])
    n_shapes, n_samples = by_contact.shape[1:]
    by_contact = by_contact.reshape(len(by_contact), -1)
    blanked, reached = clean.blanked, np.zeros((len(on_shapes), n_samples), np.bool_)
    if blanked is not None:
        reached = maximum_filter1d(blanked, 2 * shapes.n_samples + 1, axis=1)[:, inside]
    n_centres, n_sizes = templates.weights.shape[:2]
    centres = np.unique(np.linspace(0, n_centres - 1, NOISE_CENTRES).round().astype(np.int64))
    sd = np.empty((len(centres), n_sizes, n_shapes))
    for row, centre in enumerate(centres):
        contacts = templates.contacts[centre]
        scores = (templates.weights[centre] @ by_contact[contacts]).reshape(-1, n_samples)
        not_used = reached[contacts[contacts >= 0]].any(axis=0)
        sd[row] = mad_sd(scores, np.broadcast_to(not_used, scores.shape)).reshape(n_sizes, n_shapes)
    return sd


def threshold_of_noise(noise_sd: F64, false_detections_hz: float) -> float:
    """Compute the score that noise alone exceeds at a given rate.

    Parameters
    ----------
    noise_sd : ndarray of float64, shape (n_measured, n_sizes, n_shapes)
        SD of the noise in the scores of universal templates at some centres.
    false_detections_hz : float
        Detections per second and contact that noise may make.

    Returns
    -------
    float
        The threshold.

    Notes
    -----
    The peaks of Gaussian noise of SD s exceed u at the rate r exp(-u^2 / (2 s^2)) [1]_, so that
    u = s sqrt(2 ln(r / false_detections_hz)). At a centre the templates of the largest SD make most of these peaks; s
    is the median over centres of this largest SD.

    References
    ----------
    .. [1] Rice, S. O. (1945). Mathematical analysis of random noise. Bell System Technical Journal 24, 46-156.

    Examples
    --------
    >>> round(threshold_of_noise(np.ones((4, 5, 6)), 0.01), 2)
    5.12
    """
    largest = noise_sd.max(axis=(1, 2))
    # A centre of silent contacts has no noise.
    sd = float(np.median(largest[largest > 0])) if np.any(largest > 0) else 1.0
    return sd * float(np.sqrt(2 * np.log(NOISE_PEAKS_HZ / false_detections_hz)))
