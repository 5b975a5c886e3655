"""Compares the operations of a backend with NumPy on a small example, to see that they work on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spikesieve.kernels.backend import F32, I64, Backend
from spikesieve.kernels.cpu.extents import extents
from spikesieve.kernels.pursuit import ALL_VISIBLE, ANY_AMPLITUDE, Overlaps, Worth

# Rounding in float32 is far below this, and a wrong instruction far above.
TOLERANCE = 1e-3
N_CONTACTS, N_SAMPLES, N_WINDOW, PEAK = 24, 4_000, 61, 20
# In the order in which a sort calls them first.
OPERATIONS = (
    *("microvolts", "highpass", "delay", "subtract_median", "mix", "projections", "thin"),
    *("universal_peaks", "peaks", "describe", "template_scores", "pursue", "subtract"),
)

Answers = tuple[F32, F32]


def wrong_operations(backend: Backend) -> tuple[str, ...]:
    """Find the operations of a backend that do not give what NumPy gives.

    Parameters
    ----------
    backend : Backend
        The backend.

    Returns
    -------
    tuple of str
        Names of the operations that are wrong or failed.

    Examples
    --------
    >>> from spikesieve.kernels import CpuBackend
    >>> wrong_operations(CpuBackend())
    ()
    """
    example, wrong = _Example(backend), []
    for name in OPERATIONS:
        try:
            found, expected = getattr(example, name)()
            is_right = np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
        except Exception:  # noqa: BLE001  whatever a broken compiler raises, the operation does not work
            is_right = False
        if not is_right:
            wrong.append(name)
    return tuple(wrong)


def call(backend: Backend, names: tuple[str, ...]) -> None:
    """Call some operations of a backend on the example, so that they are compiled.

    Parameters
    ----------
    backend : Backend
        The backend.
    names : tuple of str
        Names of its operations.
    """
    example = _Example(backend)
    for name in names:
        getattr(example, name)()


class _Centres(NamedTuple):
    """See `kernels.backend.Places`."""

    contacts: I64
    weights: F32
    neighbours: I64


@dataclass(frozen=True)
class _Example:
    """Each method returns what the backend computes, and what NumPy does."""

    backend: Backend

    @property
    def traces(self) -> F32:
        return _noise(0, N_CONTACTS, N_SAMPLES)

    @property
    def components(self) -> F32:
        return np.linalg.qr(_noise(1, N_WINDOW, 6))[0].T.copy()

    @property
    def contacts(self) -> I64:
        return np.arange(10)[:, None] + np.arange(5)

    @property
    def weights(self) -> F32:
        return _noise(2, 10, 5, 6)

    @property
    def sample(self) -> I64:
        return np.arange(100, 3_000, 290)

    @property
    def projected(self) -> F32:
        """(n_contacts, 6, N_SAMPLES - N_WINDOW + 1), from sample PEAK on."""
        windows = np.lib.stride_tricks.sliding_window_view(self.traces, N_WINDOW, axis=1)
        found: F32 = np.einsum("ctw,pw->cpt", windows, self.components, optimize=True)
        return found

    def microvolts(self) -> Answers:
        raw = (300 * _noise(3, 500, 8)).astype(np.int16)
        gain, offset, channels = np.linspace(0.5, 2, 8), np.arange(8.0), np.array([3, 0, 7])
        expected = ((raw[:, channels] - offset[channels]) * gain[channels]).T
        return self.backend.microvolts(raw, channels, offset, gain), expected.astype(np.float32)

    def highpass(self) -> Answers:
        corner, w = 0.1, 2 * np.pi * np.fft.rfftfreq(N_SAMPLES)
        gain = 1 - 1 / (1 + (w / corner) ** 6)
        expected = np.fft.irfft(np.fft.rfft(self.traces) * gain, N_SAMPLES)
        found = self.backend.highpass(self.traces, np.zeros(N_CONTACTS, np.float32), corner)
        middle = slice(1_000, 3_000)  # the ends are continued in another way
        return found[:, middle], expected[:, middle].astype(np.float32)

    def delay(self) -> Answers:
        found, taps = self.traces, _noise(6, N_CONTACTS, 8)
        self.backend.delay(found, taps)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(self.traces, ((0, 0), (4, 3)), "edge"), 8, axis=1)
        return found, np.einsum("cti,ci->ct", windows, taps)

    def subtract_median(self) -> Answers:
        found = self.traces
        self.backend.subtract_median(found, np.zeros(N_CONTACTS, np.int64), 1)
        return found, self.traces - np.median(self.traces, axis=0).astype(np.float32)

    def mix(self) -> Answers:
        matrix = _noise(4, N_CONTACTS, N_CONTACTS)
        return self.backend.mix(self.traces, matrix), matrix @ self.traces

    def thin(self) -> Answers:
        taps = _noise(7, 5)
        expected = np.stack([np.convolve(row, taps[::-1], "same")[::2] for row in self.traces])
        return self.backend.thin(self.traces, taps), expected

    def projections(self) -> Answers:
        each = self.backend.projections(self.traces, self.components, PEAK)
        return np.stack([one.copy() for one in each])[:, :, PEAK : PEAK + self.projected.shape[2]], self.projected

    def template_scores(self) -> Answers:
        found = self.backend.template_scores(
            self.traces, self.components, PEAK, self.contacts, self.weights, np.empty(0, np.float32)
        )
        expected: F32 = np.einsum("kcp,kcpt->kt", self.weights, self.projected[self.contacts])
        return found[:, PEAK : PEAK + expected.shape[1]], expected

    def subtract(self) -> Answers:
        found, expected, size = self.traces, self.traces, np.linspace(0.5, 1.5, 10).astype(np.float32)
        waveforms: F32 = np.einsum("kcp,pw->kcw", self.weights, self.components)
        self.backend.subtract(found, (self.sample, np.arange(10), size), self.contacts, waveforms, PEAK)
        for k, t in enumerate(self.sample):
            expected[self.contacts[k], t - PEAK : t - PEAK + N_WINDOW] -= size[k] * waveforms[k]
        return found, expected

    def describe(self) -> Answers:
        found = self.backend.describe(self.traces, self.sample, self.contacts, self.components, PEAK)
        return found, self.projected[self.contacts, :, (self.sample - PEAK)[:, None]]

    def peaks(self) -> Answers:
        scores = np.zeros((2, 500), np.float32)
        scores[0, [50, 60, 300]], scores[1, 52] = (5, -7, 2), 6
        sample, centre, score = self.backend.peaks(scores, np.array([[0, 1], [1, 0]]), (10, 490), 20)
        expected = np.array([[60, 300], [0, 0], [-7, 2]], np.float32)
        return np.stack([sample, centre, score]).astype(np.float32), expected

    def universal_peaks(self) -> Answers:
        shapes, weights, half = self.components[:2].copy(), _noise(5, 10, 2, 5), 30
        weights /= np.linalg.norm(weights, axis=2, keepdims=True)
        where = _Centres(self.contacts, weights, np.tile(np.arange(10), (10, 1)))
        limits, span = (half, 0.5), (500, 3_500)
        found = self.backend.universal_peaks(self.traces, shapes, PEAK, where, span, limits)
        each: F32 = np.einsum("uki,uijt->ukjt", weights, self.projected[self.contacts][:, :, :2]).reshape(10, 4, -1)
        largest = np.take_along_axis(each, np.abs(each).argmax(axis=1)[:, None], axis=1)[:, 0]
        height = np.abs(largest).max(axis=0)
        around = np.lib.stride_tricks.sliding_window_view(height, 2 * half + 1).max(axis=1)
        sample = np.flatnonzero(height[half:-half] == around) + half
        sample = sample[(sample + PEAK >= span[0]) & (sample + PEAK < span[1])]
        centre = np.abs(largest[:, sample]).argmax(axis=0)
        expected = np.stack([sample + PEAK, centre, largest[centre, sample]])
        return np.stack(found).astype(np.float32), expected.astype(np.float32)

    def pursue(self) -> Answers:
        """Spikes that do not overlap. What is left of the scores is compared as well: nothing is."""
        reach, norms = 5, np.array([10, 20], np.float32)
        shape: F32 = (1 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)).astype(np.float32)
        spikes = np.array([[50, 90, 130, 170], [0, 1, 1, 0], [1.25, 0.75, 1.0, 1.5]], np.float32)
        scores = np.zeros((2, 200), np.float32)
        for t, k, amplitude in zip(*spikes, strict=True):
            scores[int(k), int(t) - reach : int(t) + reach + 1] = amplitude * norms[int(k)] * shape
        tables = np.stack([shape, shape])
        pairs = Overlaps(np.arange(3), np.arange(2), tables, *extents(tables, 0.0, 1))
        none = np.zeros(2, np.float32)
        worth = Worth(none + 5, norms, none, none)
        found = self.backend.pursue(scores, pairs, worth, ANY_AMPLITUDE, ALL_VISIBLE, 10)
        return np.append(np.stack(found[:3]), scores).astype(np.float32), np.append(spikes, 0 * scores)


def _noise(seed: int, *shape: int) -> F32:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape).astype(np.float32)
