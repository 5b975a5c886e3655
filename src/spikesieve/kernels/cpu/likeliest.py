"""Find the unit that makes each spike most likely."""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@nb.njit(cache=True, nogil=True)
def likeliest(
    at_rest: F32,
    excess: F64,
    of_template: F64,
    template: I64,
    norm_ratio: F64,
    energy: F64,
    cost: F64,
    precision: float,
    least_amplitude: float,
) -> tuple[I64, F32, F32, Bool]:
    """Find the unit that makes each spike most likely, judged with its template as it was where the spike was matched.

    Parameters
    ----------
    at_rest : ndarray of float32, shape (n_spikes, n_units)
        Projection of each spike, with its template as it is at rest, on the mean of each unit.
    excess : ndarray of float64, shape (n_spikes,)
        Multiple of the template that its spike has more at rest than where it was matched.
    of_template : ndarray of float64, shape (n_templates, n_units)
        Projection of each template on each mean.
    template : ndarray of int64, shape (n_spikes,)
        The template of each spike, as a row of `of_template`.
    norm_ratio : ndarray of float64, shape (n_spikes,)
        Norm of the template where the spike was matched, divided by its norm at rest.
    energy : ndarray of float64, shape (n_units,)
        Squared norm of each mean, more than 0.
    cost : ndarray of float64, shape (n_units,)
        Twice the log odds against a spike of each unit.
    precision : float
        Of the amplitudes: 1 / their variance.
    least_amplitude : float
        Smallest amplitude.

    Returns
    -------
    unit : ndarray of int64, shape (n_spikes,)
        The likeliest unit of each spike; the first one of several.
    amplitude, score : ndarray of float32, shape (n_spikes,)
        Multiple of its mean, and projection on it in noise SD.
    accepted : ndarray of bool, shape (n_spikes,)
        Whether it makes the spike likelier than noise.
    """
    n_spikes, n_units = at_rest.shape
    unit, accepted = np.zeros(n_spikes, np.int64), np.zeros(n_spikes, np.bool_)
    amplitude, score = np.zeros(n_spikes, np.float32), np.zeros(n_spikes, np.float32)
    for i in range(n_spikes):
        ratio, best = norm_ratio[i], -math.inf
        for k in range(n_units):
            projection = ratio * (np.float64(at_rest[i, k]) - excess[i] * of_template[template[i], k])
            size = ratio**2 * energy[k] + precision
            a = max((projection + precision) / size, least_amplitude)
            gain = 2 * a * (projection + precision) - a**2 * size - precision - cost[k]
            if k == 0 or gain > best:
                best, unit[i], amplitude[i] = gain, k, a
                score[i] = projection / max(ratio * math.sqrt(energy[k]), 1e-9)
        accepted[i] = best > 0
    return unit, amplitude, score, accepted
