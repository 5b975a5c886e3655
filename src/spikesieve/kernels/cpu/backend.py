"""The backend for ordinary processors: compiled loops, BLAS, blocks that fit into the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from spikesieve.kernels.ahead import Ahead
from spikesieve.kernels.backend import Places
from spikesieve.kernels.cpu.buffers import Buffers
from spikesieve.kernels.cpu.butterworth import butterworth
from spikesieve.kernels.cpu.delay import delay
from spikesieve.kernels.cpu.describe import describe
from spikesieve.kernels.cpu.match import subtract_waveforms, template_scores
from spikesieve.kernels.cpu.median import subtract_median
from spikesieve.kernels.cpu.microvolts import microvolts
from spikesieve.kernels.cpu.mix import mix
from spikesieve.kernels.cpu.project import project
from spikesieve.kernels.cpu.pursue import pursue
from spikesieve.kernels.cpu.thin import thin
from spikesieve.kernels.cpu.universal import pick, universal_scores
from spikesieve.kernels.cpu.visible import hidden_energy
from spikesieve.kernels.pursuit import Bounds, Overlaps, Visible, Worth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Samples whose universal scores are computed at a time, so that those of all centres stay in the cache.
SAMPLES_AT_ONCE = 1024
# The kernels keep 6 sums in registers.
COMPONENTS_AT_ONCE = 6


@dataclass(frozen=True)
class CpuBackend:
    """`kernels.backend.Backend` with compiled loops.

    Attributes
    ----------
    ahead : Ahead
        What another process compiles.
    """

    ahead: Ahead = field(default_factory=Ahead, repr=False, compare=False)
    _buffers: Buffers = field(default_factory=Buffers, repr=False, compare=False)

    def microvolts(self, raw: NDArray[Any], channels: I64, offset_raw: F64, gain_uv: F64) -> F32:
        """See `Backend.microvolts`."""
        is_int16 = raw.dtype.kind == "i" and raw.dtype.itemsize == 2
        numbers: NDArray[Any] = np.ascontiguousarray(raw, np.int16 if is_int16 else np.float32)
        uv = np.empty((len(channels), len(raw)), np.float32)
        microvolts(numbers, channels, offset_raw.astype(np.float32), gain_uv.astype(np.float32), uv)
        return uv

    def highpass(self, traces: F32, offset: F32, corner: float) -> F32:
        """See `Backend.highpass`."""
        out = np.empty_like(traces)
        butterworth(traces, offset, corner, out)
        return out

    def delay(self, traces: F32, taps: F32) -> None:
        """See `Backend.delay`."""
        delay(traces, taps)

    def subtract_median(self, traces: F32, group: I64, n_groups: int) -> None:
        """See `Backend.subtract_median`."""
        subtract_median(traces, group, n_groups)

    def mix(self, traces: F32, matrix: F32) -> F32:
        """See `Backend.mix`. Traces may be a part of longer ones."""
        shape = len(matrix), traces.shape[1]
        # Without whitening there is nothing to do. Zeros that are never read take no memory.
        if not traces.size or not matrix.any():
            return np.zeros(shape, np.float32)
        number = traces.itemsize
        if traces.strides[1] != number or traces.strides[0] < traces.shape[1] * number:
            traces = np.ascontiguousarray(traces)
        step = traces.strides[0] // number
        flat = as_strided(traces, ((len(traces) - 1) * step + traces.shape[1],), (number,))
        out = np.empty(shape, np.float32)
        mix(flat, step, np.ascontiguousarray(matrix), out)
        return out

    def thin(self, traces: F32, taps: F32) -> F32:
        """See `Backend.thin`."""
        out = self._buffers.take("thin", (len(traces), (traces.shape[1] + 1) // 2))
        thin(traces, taps, out)
        return out

    def projections(self, traces: F32, components: F32, peak_index: int) -> Iterator[F32]:
        """See `Backend.projections`. For all contacts at once they would take six times the memory of the traces."""
        padded = _padded(components, 0)
        for contact in range(len(traces)):
            out = np.empty((1, len(padded), traces.shape[1]), np.float32)
            project(traces[contact : contact + 1], padded, peak_index, out)
            yield out[0, : len(components)]

    def universal_peaks(
        self, traces: F32, shapes: F32, peak_index: int, where: Places, span: tuple[int, int], limits: tuple[int, float]
    ) -> tuple[I64, I64, F32]:
        """See `Backend.universal_peaks`. 1024 samples at a time."""
        exclusion, threshold = limits
        padded, n_centres = _padded(shapes, 0), len(where.contacts)
        space = np.empty(n_centres * (SAMPLES_AT_ONCE + 2 * exclusion), np.float32)
        found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        for first in range(span[0], span[1], SAMPLES_AT_ONCE):
            last = min(first + SAMPLES_AT_ONCE, span[1])
            low, high = max(0, first - exclusion), min(traces.shape[1], last + exclusion)
            scores = space[: n_centres * (high - low)].reshape(n_centres, -1)
            universal_scores(traces, padded, peak_index, low, where.contacts, where.weights, threshold, scores)
            sample, centre, value = pick(scores, where.neighbours, exclusion, first - low, last - low)
            found.append((sample + low, centre, value))
        sample, centre, value = (np.concatenate(column) for column in zip(*found, strict=True))
        return sample, centre, value

    def peaks(self, scores: F32, neighbours: I64, span: tuple[int, int], half_window: int) -> tuple[I64, I64, F32]:
        """See `Backend.peaks`."""
        sample, centre, value = pick(scores, neighbours, half_window, *span)
        return sample, centre, value

    def template_scores(
        self, traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32, between: F32
    ) -> F32:
        """See `Backend.template_scores`."""
        self.ahead.wait()
        out = self._buffers.take("scores", (len(weights), traces.shape[1]))
        template_scores(traces, _padded(components, 0), peak_index, contacts, _padded(weights, 2), between, out)
        return out

    def hidden_energy(self, blanked: Bool, contacts: I64, waveforms: F32, peak_index: int) -> F32:
        """See `Backend.hidden_energy`."""
        out = np.empty((len(contacts), blanked.shape[1]), np.float32)
        hidden_energy(blanked, contacts, waveforms, peak_index, out)
        return out

    def pursue(
        self, scores: F32, pairs: Overlaps, worth: Worth, bounds: Bounds, visible: Visible, max_rounds: int
    ) -> tuple[I64, I64, F32, int]:
        """See `Backend.pursue`."""
        self.ahead.wait()
        sample, template, amplitude, n_left = pursue(scores, pairs, worth, bounds, visible, max_rounds)
        return sample, template, amplitude, n_left

    def subtract(
        self, traces: F32, spikes: tuple[I64, I64, F32], contacts: I64, waveforms: F32, peak_index: int
    ) -> None:
        """See `Backend.subtract`."""
        subtract_waveforms(traces, *spikes, contacts, waveforms, peak_index)

    def describe(self, traces: F32, sample: I64, contacts: I64, components: F32, peak_index: int) -> F32:
        """See `Backend.describe`."""
        out = np.empty((*contacts.shape, len(components)), np.float32)
        describe(traces, sample, contacts, np.ascontiguousarray(components), peak_index, out)
        return out

    def release(self) -> None:
        """See `Backend.release`."""
        self._buffers.clear()


def _padded(components: F32, axis: int) -> F32:
    """Pad an array with zeros to a multiple of 6 along an axis; C contiguous."""
    extra = [(0, 0)] * components.ndim
    extra[axis] = (0, -components.shape[axis] % COMPONENTS_AT_ONCE)
    return np.ascontiguousarray(np.pad(components, extra) if extra[axis][1] else components, dtype=np.float32)
