"""Cases of matching pursuit: scores and pairs of templates, random and by hand."""

from __future__ import annotations

import numpy as np
import tiny

from spikesieve import kernels
from spikesieve.kernels import Overlaps
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm

SHAPES = tiny.textbook_shapes()


THRESHOLD = 8.0


def random_case(seed: int, n_spikes: int, n_templates: int = 8, n_samples: int = 3000):
    """Scores of random templates on traces with noise and n_spikes spikes of random amplitude."""
    n_contacts = 12
    rng = np.random.default_rng(seed)
    templates = tiny.line_templates(SHAPES, rng.integers(0, n_contacts, n_templates).tolist(), n_contacts, 1.0)
    scores = (
        templates.scores + 0.15 * rng.standard_normal(templates.scores.shape) * (templates.contacts >= 0)[:, :, None]
    )
    scores *= rng.uniform(12, 30, n_templates)[:, None, None] / np.linalg.norm(scores, axis=(1, 2), keepdims=True)
    templates = LearnedTemplates(templates.contacts, scores.astype(np.float32), templates.n_spikes)
    spikes = [
        (int(rng.integers(61, n_samples - 61)), int(rng.integers(n_templates)), float(rng.uniform(0.7, 1.3)))
        for _ in range(n_spikes if n_templates else 0)
    ]
    traces = tiny.traces_with(templates, SHAPES, n_contacts, n_samples, spikes, 1.0, seed)
    out = np.empty((n_templates, n_samples), np.float32)
    weights = unit_norm(templates)
    kernels.template_scores(
        traces, SHAPES.pcs, SHAPES.peak_index, templates.contacts, weights, np.empty(0, np.float32), out
    )
    return out, overlaps(templates, n_contacts, SHAPES.pcs)


def as_pairs(tables: np.ndarray, neighbours: list[list[int]]) -> Overlaps:
    flat = [j for row in neighbours for j in row]
    offsets = np.cumsum([0, *(len(row) for row in neighbours)]).astype(np.int64)
    tables = np.asarray(tables, np.float32)
    return Overlaps(offsets, np.array(flat, np.int64), tables, *kernels.extents(tables, 0.0, 1))


def isolated(n_templates: int, reach: int = 4) -> Overlaps:
    """Templates that touch only themselves, with a triangular correlation."""
    triangle = 1 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    return as_pairs(np.tile(triangle, (n_templates, 1)), [[k] for k in range(n_templates)])
