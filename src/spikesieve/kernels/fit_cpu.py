"""Matching pursuit by likelihood: each template has its size, its spread of amplitudes and its price."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.match_cpu import _candidates, _in_order, _independent, _subtract

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def pursue(
    scores: F32,
    offsets: I64,
    neighbours: I64,
    tables: F32,
    least: F32,
    norms: F32,
    precision: F32,
    cost: F32,
    low: float,
    high: float,
    max_rounds: int,
) -> tuple[I64, I64, F32, int]:
    """Greedy pursuit of the spikes that raise the likelihood most. Changes `scores` to what is left.

    A spike of template k with amplitude a, where its score is b, raises twice the log likelihood by

        2 a (b d + w) - a^2 (d^2 + w) - w - cost        d = norms[k], w = precision[k]

    with a the best one between low and high. In a round every local maximum of `scores` above least[k] is accepted
    which no overlapping template's gains more within the reach of its waveform.

    scores      (n_templates, n_samples) float32, scores of unit-norm templates in SD of the noise
    offsets, neighbours, tables   what templates do to each other, as in `peel`
    least       (n_templates,) float32, the score at which the gain is 0
    precision   (n_templates,) float32, 1 / variance of the amplitudes, whose mean is 1
    Returns (sample, template int64, amplitude float32, n_left) as `peel` does.
    """
    n_templates, n_samples = scores.shape
    reach = tables.shape[1] // 2
    dirty = np.ones((n_templates, (n_samples + 63) // 64), np.bool_)
    cand_t, cand_k = np.empty(0, np.int64), np.empty(0, np.int64)
    out_t, out_k, out_a = (
        [np.int64(0) for _ in range(0)],
        [np.int64(0) for _ in range(0)],
        [np.float32(0) for _ in range(0)],
    )
    n_left = 0
    for round_ in range(max_rounds + 1):
        cand_t, cand_k = _candidates(scores, least, dirty, cand_t, cand_k)
        if cand_t.size == 0:
            break
        if round_ == max_rounds:
            n_left = cand_t.size
            break
        amplitude, gain = np.empty(cand_t.size, np.float32), np.empty(cand_t.size)
        for c in range(cand_t.size):
            k = cand_k[c]
            with_prior = scores[k, cand_t[c]] * norms[k] + precision[k]
            size = norms[k] * norms[k] + precision[k]
            a = min(max(with_prior / size, low), high)
            amplitude[c] = a
            gain[c] = 2 * a * with_prior - a * a * size - precision[k] - cost[k]
        accepted = _independent(gain, cand_t, cand_k, offsets, neighbours, reach)
        dirty[:] = False
        for i in np.flatnonzero(accepted):
            t, k = cand_t[i], cand_k[i]
            out_t.append(t)
            out_k.append(k)
            out_a.append(amplitude[i])
            _subtract(scores, dirty, offsets, neighbours, tables, k, t, amplitude[i] * norms[k])
    return _in_order(out_t, out_k, out_a, n_templates, n_left)
