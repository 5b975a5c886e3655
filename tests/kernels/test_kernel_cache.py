"""A kernel gives the same bits when it was just compiled and when it comes from Numba's cache."""

from __future__ import annotations

import os
import subprocess
import sys

HASH_OF_KERNELS = """
import hashlib
import numpy as np
from spikesieve import kernels

rng = np.random.default_rng(0)
raw, traces = rng.integers(-500, 500, (1000, 20)).astype(np.int16), np.empty((20, 1000), np.float32)
kernels.microvolts(raw, np.arange(20), np.full(20, 3.0, np.float32), np.full(20, 0.195, np.float32), traces)
filtered, out = np.empty_like(traces), np.empty((3, 1000), np.float32)
kernels.butterworth(traces, np.zeros(20, np.float32), 0.06, filtered)
projections = np.empty((20, 6, 1000), np.float32)
components = rng.standard_normal((6, 61)).astype(np.float32)
kernels.project(filtered, components, 20, projections)
contacts = np.array([[0, 1, 2], [5, 6, -1], [7, 8, 9]])
weights = rng.standard_normal((3, 3, 6)).astype(np.float32)
kernels.template_scores(filtered, components, 20, contacts, weights, np.zeros(3, np.float32), out)
at, which, value = np.array([10, 300, 700]), np.arange(3), np.float32([9, 10, 11])
kernels.subtract_waveforms(filtered, at, which, value, contacts, weights @ components, 20)
print(hashlib.sha256(b"".join(a.tobytes() for a in (filtered, projections, out))).hexdigest())
"""


def test_compiled_just_now_or_long_ago(tmp_path):
    """They differed when the compiler chose whether to round a product before it is added."""
    command, environment = [sys.executable, "-c", HASH_OF_KERNELS], {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (subprocess.run(command, env=environment, check=True, capture_output=True).stdout for _ in range(2))
    assert len(first) > 60
    assert first == second
    assert any(tmp_path.rglob("*.nbc"))
