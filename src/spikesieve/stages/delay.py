"""Weights that bring contacts to one time which a converter has sampled one after another. See docs/preprocess.md."""

from __future__ import annotations

import numpy as np

from spikesieve.model import F32, F64

# A sinc of 16 samples in a Kaiser window. At 30 kHz it is right within 0.1 % up to 10 kHz, where probes cut off, and
# within 2.5 % up to 12 kHz.
N_TAPS, KAISER_BETA = 16, 6.0


def delay_taps(delay_samples: F64) -> F32 | None:
    """Compute the weights that delay each contact by as much as it was sampled too late.

    Parameters
    ----------
    delay_samples : ndarray of float64, shape (n_contacts,)
        How much later than the first contact each one was sampled, from 0 to 1.

    Returns
    -------
    ndarray of float32, shape (n_contacts, 16), or None
        Weights of the samples from 8 before to 7 after. None if all contacts were sampled at once.

    Examples
    --------
    >>> delay_taps(np.zeros(2)) is None
    True
    >>> delay_taps(np.array([0.5]))[:, 6:10].round(2)
    array([[-0.19,  0.63,  0.63, -0.19]], dtype=float32)
    """
    if not delay_samples.any():
        return None
    apart = np.arange(N_TAPS) - N_TAPS // 2 + delay_samples[:, None]
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (2.0 * apart / N_TAPS) ** 2))) / np.i0(KAISER_BETA)
    taps = np.sinc(apart) * window
    # A constant stays a constant, and a contact that is not delayed stays as it is.
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)
