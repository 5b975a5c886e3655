"""The second backend: the slow and obvious NumPy of reference.py, which judges every kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import reference


@dataclass(frozen=True)
class ReferenceBackend:
    """`spikesieve.kernels.backend.Backend` by definition."""

    def microvolts(self, raw, channels, offset_raw, gain_uv):
        uv = np.empty((len(channels), len(raw)), np.float32)
        reference.microvolts(np.asarray(raw), channels, offset_raw.astype(np.float32), gain_uv.astype(np.float32), uv)
        return uv

    def highpass(self, traces, offset, corner):
        out = np.empty_like(traces)
        reference.butterworth(traces, offset, corner, out)
        return out

    def delay(self, traces, taps):
        reference.delay(traces, taps)

    def subtract_median(self, traces, group, n_groups):
        reference.subtract_median(traces, group, n_groups)

    def mix(self, traces, matrix):
        return (matrix.astype(np.float64) @ traces.astype(np.float64)).astype(np.float32)

    def thin(self, traces, taps):
        out = np.empty((len(traces), (traces.shape[1] + 1) // 2), np.float32)
        reference.thin(traces, taps, out)
        return out

    def projections(self, traces, components, peak_index) -> Iterator[np.ndarray]:
        out = np.empty((len(traces), len(components), traces.shape[1]), np.float32)
        reference.project(traces, components, peak_index, out)
        yield from out

    def universal_peaks(self, traces, shapes, peak_index, where, span, limits):
        exclusion, threshold = limits
        scores = np.zeros((len(where.contacts), traces.shape[1]), np.float32)
        reference.universal_scores(traces, shapes, peak_index, 0, where.contacts, where.weights, threshold, scores)
        return reference.pick(scores, where.neighbours, exclusion, *span)

    def peaks(self, scores, neighbours, span, half_window):
        return reference.pick(scores, neighbours, half_window, *span)

    def template_scores(self, traces, components, peak_index, contacts, weights, between):
        out = np.empty((len(weights), traces.shape[1]), np.float32)
        reference.template_scores(traces, components, peak_index, contacts, weights, between, out)
        return out

    def hidden_energy(self, blanked, contacts, waveforms, peak_index):
        out = np.empty((len(contacts), blanked.shape[1]), np.float32)
        reference.hidden_energy(blanked, contacts, waveforms, peak_index, out)
        return out

    def pursue(self, scores, pairs, worth, bounds, visible, max_rounds):
        return (*reference.pursue(scores, pairs, worth, bounds, visible), 0)

    def subtract(self, traces, spikes, contacts, waveforms, peak_index):
        reference.subtract_waveforms(traces, *spikes, contacts, waveforms, peak_index)

    def describe(self, traces, sample, contacts, components, peak_index):
        out = np.zeros((*contacts.shape, len(components)), np.float32)
        reference.describe(traces, sample, contacts, components, peak_index, out)
        return out

    def release(self):
        """Nothing is kept."""
