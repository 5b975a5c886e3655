"""The protocol of a backend, which runs the array operations of every method, for example on a GPU.

`kernels.cpu` implements it with compiled loops, the tests with slow and simple NumPy. A backend only knows arrays,
not recordings, units or settings. Time is the last axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.pursuit import Bounds, Overlaps, Visible, Worth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Backend(Protocol):
    """The operations that a backend implements. A backend is picklable and holds no results."""

    def microvolts(self, raw: NDArray[Any], channels: I64, offset_raw: F64, gain_uv: F64) -> F32:
        """Convert raw numbers to microvolts.

        Parameters
        ----------
        raw : ndarray, shape (n_samples, n_columns)
            Raw numbers of a file.
        channels : ndarray of int64, shape (n_contacts,)
            Column of each contact.
        offset_raw, gain_uv : ndarray of float64, shape (n_columns,)
            Raw number that means 0 V, and uV per raw number, of each column.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            (raw - offset_raw) * gain_uv, computed in float32.
        """
        ...

    def highpass(self, traces: F32, offset: F32, corner: float) -> F32:
        """Apply a zero-phase high-pass: a Butterworth filter of order 3, forwards and backwards.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Traces. Beyond their ends, the first and the last value are taken to continue.
        offset : ndarray of float32, shape (n_contacts,)
            Subtracted from the traces first.
        corner : float
            Cutoff in radians per sample: 2 pi cutoff / sampling rate.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            Filtered traces. The gain at w radians per sample is 1 - 1 / (1 + (w / corner)^6).
        """
        ...

    def delay(self, traces: F32, taps: F32) -> None:
        """Filter the traces of each contact with a few weights of its own.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Changed in place. Beyond their ends, the first and the last value are taken to continue.
        taps : ndarray of float32, shape (n_contacts, n_taps)
            new[c, t] = sum_i taps[c, i] traces[c, t - n_taps // 2 + i].
        """
        ...

    def subtract_median(self, traces: F32, group: I64, n_groups: int) -> None:
        """Subtract the common reference: at every sample, the median over the contacts of a group.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Changed in place.
        group : ndarray of int64, shape (n_contacts,)
            Group of each contact, 0 to n_groups - 1; -1 for contacts that are not changed.
        n_groups : int
            Number of groups.
        """
        ...

    def mix(self, traces: F32, matrix: F32) -> F32:
        """Multiply traces by a matrix over contacts, such as the whitening.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Traces.
        matrix : ndarray of float32, shape (n_contacts, n_contacts)
            Mostly 0 far from its diagonal.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            matrix @ traces.
        """
        ...

    def thin(self, traces: F32, taps: F32) -> F32:
        """Filter traces, and keep every second sample.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Time contiguous. Beyond their ends they count as 0.
        taps : ndarray of float32, shape (n_taps,)
            Weights; n_taps is odd.

        Returns
        -------
        ndarray of float32, shape (n_contacts, (n_samples + 1) // 2)
            [c, t] = sum_i taps[i] traces[c, 2 t - n_taps // 2 + i]. It is valid only until the next call.
        """
        ...

    def projections(self, traces: F32, components: F32, peak_index: int) -> Iterator[F32]:
        """Project the traces of each contact on temporal components, one contact at a time.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Time contiguous.
        components : ndarray of float32, shape (n_components, n_window)
            Temporal components.
        peak_index : int
            Sample of the window at which a spike's time lies.

        Yields
        ------
        ndarray of float32, shape (n_components, n_samples)
            [p, t] = sum_j components[p, j] trace[t - peak_index + j]; 0 where the window extends beyond the traces. It
            is valid only until the next one.
        """
        ...

    def universal_peaks(
        self, traces: F32, shapes: F32, peak_index: int, where: Places, span: tuple[int, int], limits: tuple[int, float]
    ) -> tuple[I64, I64, F32]:
        """Find spikes by universal templates: local extremes of the score in space and time.

        The score at centre u and sample t is the value
        sum_i weights[u, k, i] sum_s shapes[j, s] traces[contacts[u, i], t - peak_index + s]
        with the largest magnitude over sizes k and shapes j.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Time contiguous.
        shapes : ndarray of float32, shape (n_shapes, n_window)
            Shapes of spikes on one contact.
        peak_index : int
            Sample of the window at which a spike's time lies.
        where : Places
            Contacts, weights and neighbours of the centres.
        span : (int, int)
            Start and stop of the samples to search.
        limits : (int, float)
            Samples on either side within which a spike must have the largest magnitude among the neighbouring centres,
            and the smallest magnitude of a score.

        Returns
        -------
        sample : ndarray of int64, shape (n,)
            Sample of each spike; ordered by sample, then centre. Of equal magnitudes the earlier sample is taken, then
            the lower centre.
        centre : ndarray of int64, shape (n,)
            Centre of each spike.
        score : ndarray of float32, shape (n,)
            Score of each spike, signed.
        """
        ...

    def peaks(self, scores: F32, neighbours: I64, span: tuple[int, int], half_window: int) -> tuple[I64, I64, F32]:
        """Find local extremes of scores in space and time.

        Parameters
        ----------
        scores : ndarray of float32, shape (n_centres, n_samples)
            Scores; 0 is never an extreme.
        neighbours : ndarray of int64, shape (n_centres, n_neighbours)
            Centres among which a peak must have the largest magnitude; -1 = none.
        span : (int, int)
            Start and stop of the samples to search.
        half_window : int
            Samples on either side within which a peak must have the largest magnitude.

        Returns
        -------
        sample, centre : ndarray of int64, shape (n,)
            Sample and centre of each peak; ordered by sample, then centre. Ties as in `universal_peaks`.
        score : ndarray of float32, shape (n,)
            Score of each peak.
        """
        ...

    def template_scores(
        self, traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32, between: F32
    ) -> F32:
        """Score every template at every sample.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Time contiguous.
        components : ndarray of float32, shape (n_components, n_window)
            Temporal components.
        peak_index : int
            Sample of the window at which a spike's time lies.
        contacts : ndarray of int64, shape (n_templates, n_near)
            Contacts of each template; -1 = none.
        weights : ndarray of float32, shape (n_templates, n_near, n_components)
            PC scores of the templates, of unit norm.
        between : ndarray of float32, shape (n_between,)
            Weights of the scores 1, 3, 5, ... samples before and after an odd sample, of which its score is the sum.
            Without any, odd samples are scored like even ones.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_samples)
            [k, t] = sum_cp weights[k, c, p] sum_j components[p, j] traces[contacts[k, c], t - peak_index + j]; 0 where
            the window extends beyond the traces. The array is valid until the same worker calls this method again.
        """
        ...

    def hidden_energy(self, blanked: Bool, contacts: I64, waveforms: F32, peak_index: int) -> F32:
        """Compute the energy of each template that lies in blanked samples.

        Parameters
        ----------
        blanked : ndarray of bool, shape (n_contacts, n_samples)
            Blanked samples.
        contacts : ndarray of int64, shape (n_templates, n_near)
            Contacts of each template; -1 = none.
        waveforms : ndarray of float32, shape (n_templates, n_near, n_window)
            Waveforms of the templates.
        peak_index : int
            Sample of the waveforms at which a spike's time lies.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_samples)
            Of a spike at each sample.
        """
        ...

    def pursue(
        self, scores: F32, pairs: Overlaps, worth: Worth, bounds: Bounds, visible: Visible, max_rounds: int
    ) -> tuple[I64, I64, F32, int]:
        """Find spikes by matching pursuit: in each round those with the largest gain, which are then subtracted.

        Parameters
        ----------
        scores : ndarray of float32, shape (n_templates, n_samples)
            Scores of what is visible of the templates, scaled to unit norm, in noise SD. Changed in place to the scores
            of the residual.
        pairs : Overlaps
            How a spike of one template changes the scores of the others.
        worth : Worth
            Gain of a spike of each template.
        bounds : Bounds
            Limits of the amplitudes.
        visible : Visible
            What is visible of the templates; `ALL_VISIBLE` if nothing is blanked.
        max_rounds : int
            Largest number of rounds.

        Returns
        -------
        sample, template : ndarray of int64, shape (n,)
            Sample and template of each spike; ordered by sample, then template.
        amplitude : ndarray of float32, shape (n,)
            Size of each spike relative to its template.
        n_left : int
            Spikes that were not extracted because the number of rounds was reached.
        """
        ...

    def subtract(
        self, traces: F32, spikes: tuple[I64, I64, F32], contacts: I64, waveforms: F32, peak_index: int
    ) -> None:
        """Subtract spikes from traces.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Changed in place.
        spikes : (ndarray of int64, ndarray of int64, ndarray of float32), shape (n,) each
            Sample, template and size of each spike. Parts of a waveform beyond the traces are ignored.
        contacts : ndarray of int64, shape (n_templates, n_near)
            Contacts of each template; -1 = none.
        waveforms : ndarray of float32, shape (n_templates, n_near, n_window)
            Waveforms for size 1.
        peak_index : int
            Sample of the window at which a spike's time lies.
        """
        ...

    def describe(self, traces: F32, sample: I64, contacts: I64, components: F32, peak_index: int) -> F32:
        """Compute the features of spikes: projections on temporal components, on the contacts of each spike.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Traces.
        sample : ndarray of int64, shape (n,)
            Sample of each spike. The window must lie within the traces.
        contacts : ndarray of int64, shape (n, n_near)
            Contacts of each spike; -1 = none.
        components : ndarray of float32, shape (n_components, n_window)
            Temporal components.
        peak_index : int
            Sample of the window at which a spike's time lies.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_components)
            0 for contact -1.
        """
        ...

    def release(self) -> None:
        """Free memory that is kept between blocks."""
        ...


class Places(Protocol):
    """Centres of universal templates, such as `stages.detect.UniversalTemplates`."""

    @property
    def contacts(self) -> I64:
        """Contacts of each centre: (n_centres, n_near) int64; -1 = none."""
        ...

    @property
    def weights(self) -> F32:
        """Weights of the contacts: (n_centres, n_sizes, n_near) float32, unit norm along the last axis."""
        ...

    @property
    def neighbours(self) -> I64:
        """Centres that compete for a spike: (n_centres, n_neighbours) int64; -1 = none."""
        ...
