"""Small things with a known truth for the stage tests: a probe, a temporal basis, templates, traces with spikes."""

from __future__ import annotations

import numpy as np

from spikesieve.kernels import CpuBackend
from spikesieve.model import Probe, SortedTime
from spikesieve.stages.shapes import Shapes, components, textbook_clips
from spikesieve.stages.templates import LearnedTemplates

HZ = 30_000.0


def sorted_time(seconds: float, hz: float = HZ) -> SortedTime:
    """The time of a recording without gaps."""
    return SortedTime(((0, round(seconds * hz)),), hz)


# Longer than any train of a test.
TIME = sorted_time(36_000.0)
BACKEND = CpuBackend()


def line_probe(n: int, pitch_um: float = 20.0, shanks: int = 1) -> Probe:
    """n contacts in a vertical line on each shank, shanks 200 um apart."""
    y = np.tile(np.arange(n) * pitch_um, shanks)
    shank = np.repeat(np.arange(shanks), n)
    return Probe(np.stack([shank * 200.0, y], axis=1), np.arange(n * shanks), shank)


def textbook_shapes(n_pcs: int = 6, n_samples: int = 61, peak_index: int = 20) -> Shapes:
    """Components and six shapes of textbook spikes; the components span the shapes well."""
    clips = textbook_clips(n_samples, peak_index, HZ)
    pcs = components(clips.astype(np.float64), n_pcs)
    shapes = clips[[0, 8, 14, 21, 28, 35]] @ pcs.T
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    return Shapes(pcs.astype(np.float32), shapes.astype(np.float32), peak_index, len(clips))


def smooth_shapes() -> Shapes:
    """20 components that describe shifted textbook spikes too."""
    shapes = textbook_shapes()
    waves = shapes.templates @ shapes.pcs
    clips = np.concatenate([np.roll(waves, d, axis=1) for d in range(-8, 9)])
    pcs = np.linalg.svd(clips.astype(np.float64), full_matrices=False)[2][:20]
    scores = waves @ pcs.T
    scores /= np.linalg.norm(scores, axis=1, keepdims=True)
    return Shapes(pcs.astype(np.float32), scores.astype(np.float32), shapes.peak_index, 0)


def line_templates(
    shapes: Shapes, centres: list[int], n_contacts: int, size: float = 20.0, n_near: int = 5, spread: float = 1.2
) -> LearnedTemplates:
    """A template for each centre contact, of norm `size`, shape after shape, Gaussian over contacts, padded with -1."""
    contacts = np.full((len(centres), n_near), -1, np.int64)
    scores = np.zeros((len(centres), n_near, len(shapes.pcs)), np.float32)
    for k, centre in enumerate(centres):
        near = [c for c in range(centre - n_near // 2, centre + n_near // 2 + 1) if 0 <= c < n_contacts]
        contacts[k, : len(near)] = near
        weight = np.exp(-(((np.array(near) - centre) / spread) ** 2))
        scores[k, : len(near)] = weight[:, None] * shapes.templates[k % len(shapes.templates)]
        scores[k] *= size / np.linalg.norm(scores[k])
    return LearnedTemplates(contacts, scores, np.full(len(centres), 100, np.int64))


def traces_with(
    templates: LearnedTemplates,
    shapes: Shapes,
    n_contacts: int,
    n_samples: int,
    spikes: list[tuple[int, int, float]],
    noise_sd: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """White traces (n_contacts, n_samples) float32: noise and spikes (sample, template, multiple of the template)."""
    traces = noise_sd * np.random.default_rng(seed).standard_normal((n_contacts, n_samples))
    waves = templates.dense(n_contacts) @ shapes.pcs
    for sample, template, amplitude in spikes:
        first = sample - shapes.peak_index
        low, high = max(0, -first), min(shapes.n_samples, n_samples - first)
        traces[:, first + low : first + high] += amplitude * waves[template][:, low:high]
    return traces.astype(np.float32)


def refractory_train(
    rate_hz: float, duration_s: float, rng: np.random.Generator, dead_ms: float = 3.0, sampling_hz: float = HZ
) -> np.ndarray:
    """Samples of a Poisson train with an absolute refractory period."""
    gaps = dead_ms * 1e-3 + rng.exponential(
        max(1e-9, 1.0 / rate_hz - dead_ms * 1e-3), int(2 * rate_hz * duration_s) + 20
    )
    times = np.cumsum(gaps)
    return np.round(times[times < duration_s] * sampling_hz).astype(np.int64)
