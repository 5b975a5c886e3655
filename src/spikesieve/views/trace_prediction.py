"""What the units explain of the traces: their templates at their spikes, as large as each, where the tissue was."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, I32, I64, Motion, Probe, Templates
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.tissue import Observed, Tissue, predict
from spikesieve.views.traces import Span

MAX_MOVED = 20_000
"""Templates at a displacement that are kept; each takes about 8 kB."""


@dataclass(frozen=True, eq=False)
class FollowedTissue:
    """Moves templates with the tissue, by the sorter's model of footprints.

    Attributes
    ----------
    motion : Motion
        Displacement of the tissue.
    params : TissueParams
        How a footprint varies in space.
    noise_sd_uv : float
        SD of the noise in uV.
    """

    motion: Motion
    params: TissueParams
    noise_sd_uv: float


@dataclass(frozen=True, eq=False)
class FittedSpikes:
    """The spikes of a result, and what each of them looks like.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Sample of each spike, not descending.
    template : ndarray of int32, shape (n_spikes,)
        Row of `templates`.
    size : ndarray of float32, shape (n_spikes,)
        Its size as a multiple of its template.
    templates : Templates
        Mean waveforms in uV, with the tissue at rest.
    probe : Probe
        The contacts.
    sampling_hz : float
        Sampling rate in Hz.
    tissue : FollowedTissue or None
        The drift that templates follow; None if the tissue stood still, or if the traces follow it.
    """

    sample: I64
    template: I32
    size: F32
    templates: Templates
    probe: Probe
    sampling_hz: float
    tissue: FollowedTissue | None = None
    _model: Tissue | None = field(init=False, repr=False, default=None)
    _moved: dict[tuple[int, float], tuple[I64, F32]] = field(init=False, repr=False, default_factory=dict)
    _places: dict[float, I64] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.tissue is not None:
            same = np.eye(self.probe.n_contacts, dtype=np.float32)
            object.__setattr__(self, "_model", Tissue(self.probe, same, self.tissue.params))

    @cached_property
    def _n_spikes(self) -> I64:
        return np.bincount(self.template, minlength=len(self.templates))

    def near(self, span: Span) -> slice:
        """Find the spikes whose waveforms reach into a part.

        Parameters
        ----------
        span : (int, int)
            First sample, and the one after the last.

        Returns
        -------
        slice
            Their rows.
        """
        peak, length = self.templates.peak_index, self.templates.uv.shape[1]
        first, last = np.searchsorted(self.sample, (span[0] - (length - peak) + 1, span[1] + peak))
        return slice(int(first), int(last))

    def predicted(self, span: Span, backend: Backend) -> F32:
        """Predict the traces of a part from the spikes.

        Parameters
        ----------
        span : (int, int)
            First sample, and the one after the last.
        backend : Backend
            Runs the array operations.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            In uV.

        Notes
        -----
        The displacement in the middle of the part holds for all of it, as it does in a block of a sort.
        """
        traces = np.zeros((self.probe.n_contacts, span[1] - span[0]), np.float32)
        rows = self.near(span)
        if rows.start == rows.stop:
            return traces
        used, own = np.unique(self.template[rows], return_inverse=True)
        contacts, waveforms = self._at(used, sum(span) / 2 / self.sampling_hz)
        spikes = self.sample[rows] - span[0], own.ravel().astype(np.int64), -np.asarray(self.size[rows], np.float32)
        backend.subtract(traces, spikes, contacts, waveforms, self.templates.peak_index)
        return traces

    def _at(self, used: I32, time_s: float) -> tuple[I64, F32]:
        """Contacts (n, n_near) and waveforms (n, n_near, n_samples) of templates at a time."""
        near = self.templates.contacts[used].astype(np.int64)
        waveforms = np.ascontiguousarray(self.templates.uv[used].transpose(0, 2, 1), np.float32)
        if self.tissue is None:
            return near, waveforms
        best = near[np.arange(len(used)), np.ptp(waveforms, axis=2).argmax(axis=1)]
        depth_um, shanks = self.probe.positions_um[best, 1], self.probe.shanks[best]
        step = self.tissue.params.displacement_step_um
        moved_um = np.round(self.tissue.motion.at(np.full(len(used), time_s), depth_um, shanks) / step) * step
        for i in np.flatnonzero(moved_um):
            near[i], waveforms[i] = self._moved_template(int(used[i]), float(moved_um[i]), near[i], waveforms[i])
        return near, waveforms

    def _moved_template(self, row: int, moved_um: float, near: I64, waveform: F32) -> tuple[I64, F32]:
        known = self._moved.get((row, moved_um))
        if known is not None or self.tissue is None or self._model is None:
            return known or (near, waveform)
        if moved_um not in self._places:
            self._places[moved_um] = self._model.contacts_at(moved_um)
        sees = np.where(near >= 0, self._places[moved_um][np.maximum(near, 0)], -1)
        n_spikes = max(1, int(self._n_spikes[row]))
        in_sd = (waveform / self.tissue.noise_sd_uv).astype(np.float64)
        at_rest = Observed(np.zeros(1), near[None], in_sd[None], np.array([n_spikes]))
        moved = predict(self._model, at_rest, sees[None], np.array([moved_um]))[0] * self.tissue.noise_sd_uv
        if len(self._moved) >= MAX_MOVED:
            self._moved.clear()
        self._moved[row, moved_um] = sees, moved.astype(np.float32)
        return self._moved[row, moved_um]
