"""How many channels lie side by side in raw numbers: the wrong number turns channels into diagonals.

In the numbers of a file, one channel comes back every `n_channels` numbers, and two samples of one channel that follow
one another are more alike than samples of two channels. So the autocorrelation of the numbers, in the order in which
they lie in the file, stands out at the true number of channels above the lags beside it. It needs no model of the
signal: offsets of channels, field potentials and the band of the amplifier all make it stand out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import F64

# Lags that are looked at beyond twice the given number, so that small numbers are tested as well.
MORE_LAGS = 128
# Standard errors come from the differences between parts of the samples. One of a thousand lags stands out by 4 of them
# by chance.
N_PARTS, MIN_DIFFERENCE_SE = 8, 10.0
# In a part as short as the lags, few products make a correlation.
MIN_LENGTH_LAGS = 4


def other_channel_count(pieces: Iterable[NDArray[np.generic]]) -> int | None:
    """Find the number of channels that the samples have, if it is not the one with which they were read.

    Parameters
    ----------
    pieces : iterable of ndarray of any number, shape (n_samples, n_channels)
        Raw samples of some parts of a file; a few 100,000 numbers are enough.

    Returns
    -------
    int or None
        Another number of channels, if the samples clearly repeat with it more than with the given one; None if the
        given number is right or if the samples do not tell.

    Examples
    --------
    >>> slow = np.random.default_rng(0).standard_normal((3000, 6)).cumsum(axis=0)
    >>> other_channel_count([slow.ravel()[:17_500].reshape(-1, 7)]), other_channel_count([slow])
    (6, None)
    """
    kept = list(pieces)
    if not kept:
        return None
    n_channels = kept[0].shape[1]
    n_lags = 3 * n_channels + MORE_LAGS
    parts = [part for piece in kept for part in np.array_split(piece, -(-N_PARTS // len(kept)))]
    parts = [part for part in parts if part.size > MIN_LENGTH_LAGS * n_lags]
    if len(parts) < N_PARTS // 2:
        return None
    each = np.array([_prominence(part, n_lags) for part in parts])
    prominence = each.mean(axis=0)
    least = MIN_DIFFERENCE_SE * float(np.sqrt(np.median(each.var(axis=0, ddof=1)) / len(each)))
    found = int(prominence[: 2 * n_channels + MORE_LAGS].argmax())
    # What the channels of one sample share, such as two columns of contacts, does not reach beyond the sample.
    beyond = found * (n_channels // found + 1) if found else 0
    stands_out = prominence[found] - prominence[n_channels] > least and prominence[beyond] > least
    return found if stands_out else None


def _prominence(samples: NDArray[np.generic], n_lags: int) -> F64:
    """How far the autocorrelation stands out above the lags beside it, at the lags 0 to n_lags."""
    correlation = _autocorrelation(samples, n_lags + 1)
    middle = correlation[1:-1] - (correlation[:-2] + correlation[2:]) / 2
    middle[0] = 0.0  # beside lag 0, where the correlation is 1
    return np.concatenate([[0.0], middle])


def _autocorrelation(piece: NDArray[np.generic], n_lags: int) -> F64:
    """Autocorrelation at the lags 0 to n_lags of the numbers in the order of the file, without offsets of columns."""
    values = np.nan_to_num(piece.astype(np.float64), posinf=0.0, neginf=0.0)
    values = (values - values.mean(axis=0)).ravel()
    size = 1 << int(np.ceil(np.log2(len(values) + n_lags + 1)))
    power = np.abs(np.fft.rfft(values, size)) ** 2
    products: F64 = np.fft.irfft(power, size)[: n_lags + 1]
    return products / products[0] if products[0] > 0 else products
