"""Fits many narrow lines to traces at once, by least squares over the samples that are used.

A line is a sine whose amplitude and phase change slowly. See docs/interference.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from spikesieve.model import F32, F64, Bool

C64 = NDArray[np.complex64]

# What is removed around each line, on either side.
HALF_WIDTH_HZ = 1.0
# A line is fitted in pieces of about this length.
PIECE_S = 1.0
# The amplitude of a line is constant over this long. It changes by at most 1 % from one such window to the next.
WINDOW_S = 0.002
# Lines without gaps are fitted after one or two steps. The fit ends when the slope of the squared error has become this
# small relative to the start: a line of 1 mV then leaves less than 1 uV.
SMALLEST_SLOPE, MAX_STEPS = 1e-3, 12
# Values of the coefficients that are held in memory at once.
VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class NarrowBands:
    """Sines around several frequencies, with amplitudes that change slowly over a piece.

    A sample is exp(i w t) = exp(i w t0) exp(i w (t - t0)), where t0 is the start of its window: sines that are as
    short as a window, and a phase for each window, make all of them.

    Attributes
    ----------
    wave : ndarray of float32, shape (n_window, 2 n_lines)
        Sample by sample, the real and the imaginary part of exp(-i w (t - t0)) of each line.
    turn : ndarray of complex64, shape (n_windows, n_lines)
        exp(i w t0) of each window.
    slow : ndarray of float32, shape (n_windows, n_polynomials)
        Legendre polynomials, scaled so that the sines have a norm of 1 over the piece.
    """

    wave: F32
    turn: C64
    slow: F32

    @classmethod
    def of(cls, line_hz: F64, n_samples: int, sampling_hz: float) -> NarrowBands:
        """Make the bands of some lines.

        Parameters
        ----------
        line_hz : ndarray of float64, shape (n_lines,)
            Frequencies in Hz.
        n_samples : int
            Length of a piece.
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        NarrowBands
            Bands of 1 Hz on either side of the lines. Their windows may reach beyond the end of the piece.
        """
        n_window = max(1, round(WINDOW_S * sampling_hz))
        n_windows = -(-n_samples // n_window)
        n_polynomials = 1 + int(np.ceil(2 * HALF_WIDTH_HZ * n_samples / sampling_hz))
        slow, _ = np.linalg.qr(legvander(np.linspace(-1, 1, n_windows), min(n_polynomials, n_windows) - 1))
        phase = 2 * np.pi * line_hz / sampling_hz
        wave = np.exp(-1j * np.outer(np.arange(n_window), phase)).astype(np.complex64).view(np.float32)
        turn = np.exp(1j * np.outer(np.arange(n_windows) * n_window, phase)).astype(np.complex64)
        return cls(wave, turn, (slow * np.sqrt(2 / n_window)).astype(np.float32))

    @property
    def n_samples(self) -> int:
        """Length of all windows together."""
        return len(self.wave) * len(self.turn)

    def amplitudes(self, pieces: F32) -> F32:
        """Multiply pieces with the sines: the transpose of `sines`.

        Parameters
        ----------
        pieces : ndarray of float32, shape (n_pieces, n_samples)
            Traces.

        Returns
        -------
        ndarray of float32, shape (n_pieces, n_polynomials, 2 n_lines)
            Real and imaginary part for each line.
        """
        each = (pieces.reshape(-1, len(self.wave)) @ self.wave).view(np.complex64)
        turned = (each.reshape(-1, *self.turn.shape) * self.turn.conj()).view(np.float32)
        return np.asarray(self.slow.T @ turned)

    def sines(self, amplitudes: F32) -> F32:
        """Add up the sines with the given amplitudes.

        Parameters
        ----------
        amplitudes : ndarray of float32, shape (n_pieces, n_polynomials, 2 n_lines)
            Real and imaginary part for each line.

        Returns
        -------
        ndarray of float32, shape (n_pieces, n_samples)
            Traces.
        """
        turned = (self.slow @ amplitudes).view(np.complex64) * self.turn
        each = turned.view(np.float32).reshape(-1, self.wave.shape[1])
        return np.asarray((each @ self.wave.T).reshape(len(amplitudes), -1))


def fitted_lines(traces: F32, line_hz: F64, sampling_hz: float, used: Bool | None = None) -> F32:
    """Fit narrow lines to traces.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Traces.
    line_hz : ndarray of float64, shape (n_lines,)
        Frequencies in Hz.
    sampling_hz : float
        Sampling rate in Hz.
    used : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples that the lines are fitted to. Default: all.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        The part of the traces that lies within 1 Hz of a line.

    Notes
    -----
    The traces are cut into pieces of about a second. In each, all lines are fitted together by the method of conjugate
    gradients (Paige and Saunders 1982 [1]_). A step costs as much as two products of the traces with 2 n_lines sines;
    without gaps one or two are enough, with gaps a few more.

    References
    ----------
    .. [1] C. C. Paige, M. A. Saunders, "LSQR: an algorithm for sparse linear equations and sparse least squares", ACM
       Transactions on Mathematical Software 8 (1982) 43-71.

    Examples
    --------
    >>> sine = np.sin(np.arange(3000) * 0.3)[None].astype(np.float32)
    >>> fit = fitted_lines(sine, np.array([0.3 * 30_000 / (2 * np.pi)]), 30_000.0)
    >>> bool(np.abs(fit - sine).max() < 0.01)
    True
    """
    n_contacts, n_samples = traces.shape
    n_pieces = max(1, round(n_samples / (PIECE_S * sampling_hz)))
    bands = NarrowBands.of(line_hz, -(-n_samples // n_pieces), sampling_hz)
    longer = (0, 0), (0, n_pieces * bands.n_samples - n_samples)
    pieces = np.pad(traces, longer).reshape(-1, bands.n_samples)
    inside = np.ones((n_contacts, n_samples), np.bool_) if used is None else used
    weights = np.pad(inside, longer).reshape(pieces.shape)
    step = max(1, VALUES_AT_ONCE // (2 * bands.turn.size))
    for first in range(0, len(pieces), step):
        rows = slice(first, first + step)
        pieces[rows] = _fitted(pieces[rows], weights[rows], bands)
    return np.ascontiguousarray(pieces.reshape(n_contacts, -1)[:, :n_samples])


def _fitted(pieces: F32, used: Bool, bands: NarrowBands) -> F32:
    """Least squares by conjugate gradients, each piece for itself: (n_pieces, n_samples) float32."""
    slope = bands.amplitudes(np.where(used, pieces, np.float32(0.0)))
    fit, direction = np.zeros_like(slope), slope.copy()
    size = _squares(slope)
    enough = SMALLEST_SLOPE**2 * size
    for _ in range(MAX_STEPS):
        if (size <= enough).all():
            break
        curved = bands.amplitudes(np.where(used, bands.sines(direction), np.float32(0.0)))
        length = _ratio(size, (direction * curved).sum(axis=(1, 2), keepdims=True))
        fit += length * direction
        slope -= length * curved
        smaller = _squares(slope)
        direction = slope + _ratio(smaller, size) * direction
        size = smaller
    return bands.sines(fit)


def _squares(x: F32) -> F32:
    return np.asarray((x**2).sum(axis=(1, 2), keepdims=True))


def _ratio(x: F32, y: F32) -> F32:
    return np.asarray(np.divide(x, y, out=np.zeros_like(x), where=y > 0))
