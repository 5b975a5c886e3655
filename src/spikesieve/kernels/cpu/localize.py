"""Localise spikes by triangulation: fit a point source to the amplitudes by damped Gauss-Newton steps."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.put import put

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

MAX_STEPS = 40
FIRST_DAMPING, MIN_DAMPING, MAX_DAMPING = 1e-2, 1e-9, 1e8
# A step is the last that lowers the cost by less than this share of it.
SMALL_GAIN = 1e-8
# No step changes the logarithm of the distance from the probe's plane by more.
MAX_LOG_STEP = 1.0


@nb.njit(cache=True, nogil=True)
def triangulate(
    amplitude: F32, contacts: I64, positions_um: F64, height_um: float, weights: tuple[float, float], out: F64
) -> None:
    """Find the point (x, y, z) whose field b / d^3 fits the amplitudes of each spike best.

    Parameters
    ----------
    amplitude : ndarray of float32, shape (n, n_near)
        Amplitudes of each spike.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of the amplitudes; -1: none.
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Contacts in um.
    height_um : float
        Expected distance from the probe's plane.
    weights : (float, float)
        Weights of the priors on the distance and on x, y.
    out : ndarray of float64, shape (n, 4)
        x, y, z in um, and the root mean square of a_c - b q_c; NaN where no amplitude is positive.

    Notes
    -----
    With a_c the amplitude on contact c relative to the largest, d_c the distance of contact c from (x, y, z) and
    q_c = d_c^-3, the smallest value is found of

        sum_c (a_c - b q_c)^2 + weights[0]^2 log(z / height_um)^2 + weights[1]^2 |(x, y) - start|^2

    with b = max(0, sum_c a_c q_c / sum_c q_c^2). The search starts height_um above the mean contact position, weighted
    by max(0, a_c)^2.
    """
    n_near = contacts.shape[1]
    a, xs, ys = np.empty(n_near), np.empty(n_near), np.empty(n_near)
    q, tried_q, slope = np.empty(n_near), np.empty(n_near), np.empty((3, n_near))
    start, now, tried, step = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    normal, prior = np.empty((3, 3)), np.array([weights[1] ** 2, weights[1] ** 2, weights[0] ** 2])
    start[2] = np.log(height_um)
    for i in range(len(contacts)):
        n = _gather(amplitude[i], contacts[i], positions_um, a, xs, ys, start)
        if n == 0:
            out[i] = np.nan
            continue
        put(start, now)
        cost = _cost(a, xs, ys, n, now, start, prior, q)
        damping = FIRST_DAMPING
        for _ in range(MAX_STEPS):
            gain = 0.0
            while gain == 0.0 and damping < MAX_DAMPING:
                _step(a, xs, ys, n, now, start, prior, q, damping, slope, normal, step)
                for v in range(3):
                    tried[v] = now[v] + step[v]
                lower = _cost(a, xs, ys, n, tried, start, prior, tried_q)
                if lower < cost:
                    gain, cost = cost - lower, lower
                    put(tried, now)
                    put(tried_q[:n], q)
                    damping = max(damping / 10, MIN_DAMPING)
                else:
                    damping *= 10
            if gain <= SMALL_GAIN * cost:
                break
        out[i, 0], out[i, 1], out[i, 2] = now[0], now[1], np.exp(now[2])
        out[i, 3] = np.sqrt(_misfit(a, q, n) / n)


@nb.njit(cache=True, nogil=True)
def _gather(amplitude: F32, contacts: I64, positions_um: F64, a: F64, xs: F64, ys: F64, start: F64) -> int:
    """Fill a, xs, ys and start; return the number of contacts, 0 where no amplitude is positive."""
    n, largest, total = 0, 0.0, 0.0
    start[0] = start[1] = 0.0
    for k in range(len(contacts)):
        c = contacts[k]
        if c >= 0:
            a[n], xs[n], ys[n] = amplitude[k], positions_um[c, 0], positions_um[c, 1]
            largest = max(largest, a[n])
            n += 1
    if not largest > 0.0:
        return 0
    for k in range(n):
        a[k] /= largest
        weight = max(a[k], 0.0) ** 2
        total += weight
        start[0] += weight * xs[k]
        start[1] += weight * ys[k]
    start[0] /= total
    start[1] /= total
    return n


@nb.njit(cache=True, nogil=True)
def _cost(a: F64, xs: F64, ys: F64, n: int, at: F64, start: F64, prior: F64, q: F64) -> float:
    """Return the cost at (x, y, log z), and write the field there to q."""
    z2 = np.exp(2 * at[2])
    for c in range(n):
        d2 = (at[0] - xs[c]) ** 2 + (at[1] - ys[c]) ** 2 + z2
        q[c] = 1.0 / (d2 * np.sqrt(d2))
    cost = _misfit(a, q, n)
    for v in range(3):
        cost += prior[v] * (at[v] - start[v]) ** 2
    return cost


@nb.njit(cache=True, nogil=True)
def _strength(a: F64, q: F64, n: int) -> float:
    aq, qq = 0.0, 0.0
    for c in range(n):
        aq += a[c] * q[c]
        qq += q[c] * q[c]
    return max(0.0, aq / qq)


@nb.njit(cache=True, nogil=True)
def _misfit(a: F64, q: F64, n: int) -> float:
    b, total = _strength(a, q, n), 0.0
    for c in range(n):
        total += (a[c] - b * q[c]) ** 2
    return total


@nb.njit(cache=True, nogil=True)
def _step(
    a: F64,
    xs: F64,
    ys: F64,
    n: int,
    at: F64,
    start: F64,
    prior: F64,
    q: F64,
    damping: float,
    slope: F64,
    normal: F64,
    step: F64,
) -> None:
    """Write the damped step in (x, y, log z) to `step`; b follows (variable projection). slope, normal: work space."""
    b, z2 = _strength(a, q, n), np.exp(2 * at[2])
    qq, qs0, qs1, qs2 = 0.0, 0.0, 0.0, 0.0
    for c in range(n):
        dx, dy = at[0] - xs[c], at[1] - ys[c]
        outer = -3.0 * q[c] / (dx * dx + dy * dy + z2)
        slope[0, c], slope[1, c], slope[2, c] = dx * outer, dy * outer, z2 * outer
        qq += q[c] * q[c]
        qs0 += q[c] * slope[0, c]
        qs1 += q[c] * slope[1, c]
        qs2 += q[c] * slope[2, c]
    normal[:] = 0.0
    for v in range(3):
        normal[v, v] = prior[v]
        step[v] = prior[v] * (start[v] - at[v])
    for c in range(n):
        off = a[c] - b * q[c]
        s0, s1, s2 = slope[0, c] - q[c] * qs0 / qq, slope[1, c] - q[c] * qs1 / qq, slope[2, c] - q[c] * qs2 / qq
        step[0] += b * s0 * off
        step[1] += b * s1 * off
        step[2] += b * s2 * off
        normal[0, 0] += b * b * s0 * s0
        normal[1, 0] += b * b * s1 * s0
        normal[1, 1] += b * b * s1 * s1
        normal[2, 0] += b * b * s2 * s0
        normal[2, 1] += b * b * s2 * s1
        normal[2, 2] += b * b * s2 * s2
    for v in range(3):
        normal[v, v] += damping * (normal[v, v] + 1e-12)
    _solve(normal, step)
    step[2] = min(max(step[2], -MAX_LOG_STEP), MAX_LOG_STEP)


@nb.njit(cache=True, nogil=True)
def _solve(lower: F64, out: F64) -> None:
    """Solve 3 equations in place by Cholesky: lower triangle of a positive matrix, right-hand side."""
    for v in range(3):
        for w in range(v + 1):
            for u in range(w):
                lower[v, w] -= lower[v, u] * lower[w, u]
            lower[v, w] = np.sqrt(max(lower[v, v], 1e-30)) if v == w else lower[v, w] / lower[w, w]
    for v in range(3):
        for u in range(v):
            out[v] -= lower[v, u] * out[u]
        out[v] /= lower[v, v]
    for v in range(2, -1, -1):
        for u in range(v + 1, 3):
            out[v] -= lower[u, v] * out[u]
        out[v] /= lower[v, v]
