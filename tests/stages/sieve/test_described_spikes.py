"""Spikes are selected without copying what describes them."""

from __future__ import annotations

import numpy as np
from matched_cases import footprint, spikes_of, train


def test_selected_spikes_keep_their_features():
    units = [footprint(3, 14, 0), footprint(5, 12, 1)]
    matched, _ = spikes_of(units, [train(5, 0), train(5, 1)], [0, 1])
    rows, again = np.arange(7, 60, 3), np.array([4, 4, 0, 11])
    some = matched.take(rows).take(again)
    for name in ("sample", "template", "excess", "amplitude", "norm_ratio"):
        np.testing.assert_array_equal(getattr(some, name), getattr(matched, name)[rows[again]])
    np.testing.assert_array_equal(some.features_of(np.array([3, 1])), matched.features[rows[again[[3, 1]]]])
