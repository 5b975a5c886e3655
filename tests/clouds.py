"""Gaussian clouds of features, for the tests of the clustering."""

from __future__ import annotations

import numpy as np


def clouds(sizes: list[int], distance: float = 12.0, n_dims: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds of unit SD, each `distance` from the others, in random order: features, true labels."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = distance / np.sqrt(2) * np.eye(n_dims)[: len(sizes)]
    return (centres[truth] + rng.standard_normal((len(truth), n_dims))).astype(np.float32), truth
