"""The heavy work on arrays, as a protocol: whoever implements it can run every method.

`kernels.cpu` does it with compiled loops; the tests have a second backend of slow and obvious NumPy. Arrays go in and
come out; a backend knows nothing of recordings, units or settings. Time is the last axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.pursuit import Bounds, Overlaps, Worth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Backend(Protocol):
    """What a device must be able to do. An object of it is picklable and holds no results."""

    def microvolts(self, raw: NDArray[Any], channels: I64, offset_raw: F64, gain_uv: F64) -> F32:
        """Turn raw numbers into microvolts.

        Parameters
        ----------
        raw : ndarray, shape (n_samples, n_columns)
            Raw numbers of a file.
        channels : ndarray of int64, shape (n_contacts,)
            The column of each contact.
        offset_raw, gain_uv : ndarray of float64, shape (n_columns,)
            The raw number that means 0 V, and the uV of a raw number, of each column.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            (raw - offset_raw) gain_uv, in float32.
        """
        ...

    def highpass(self, traces: F32, offset: F32, corner: float) -> F32:
        """Apply the zero-phase Butterworth high-pass of order 3, run both ways.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Taken to go on as they begin and end.
        offset : ndarray of float32, shape (n_contacts,)
            Subtracted first.
        corner : float
            2 pi cutoff / sampling rate.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            The amplitude at w radians a sample is 1 - 1 / (1 + (w / corner)^6).
        """
        ...

    def subtract_median(self, traces: F32, group: I64, n_groups: int) -> None:
        """Subtract, at every sample, the median over the contacts of a group.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Changed in place.
        group : ndarray of int64, shape (n_contacts,)
            0 to n_groups - 1, or -1 for contacts that are left as they are.
        n_groups : int
            Number of groups.
        """
        ...

    def mix(self, traces: F32, matrix: F32) -> F32:
        """Multiply a matrix over contacts, such as the whitening, with traces.

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

    def projections(self, traces: F32, components: F32, peak_index: int) -> Iterator[F32]:
        """Project the traces of each contact on temporal components, one contact after the other.

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
            [p, t] = sum_j components[p, j] trace[t - peak_index + j]; 0 where the window leaves the traces. Valid
            until the next one.
        """
        ...

    def universal_peaks(
        self, traces: F32, shapes: F32, peak_index: int, where: Places, span: tuple[int, int], limits: tuple[int, float]
    ) -> tuple[I64, I64, F32]:
        """Find spikes by universal templates: the largest score in space and time.

        The score at centre u and time t is, over sizes k and shapes j, the
        sum_i weights[u, k, i] sum_s shapes[j, s] traces[near[u, i], t - peak_index + s] with the largest magnitude.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Time contiguous.
        shapes : ndarray of float32, shape (n_shapes, n_window)
            Shapes of spikes on one contact.
        peak_index : int
            Sample of the window at which a spike's time lies.
        where : Places
            Centres, their contacts, weights and neighbours.
        span : (int, int)
            First sample at which spikes are looked for, and the first one after.
        limits : (int, float)
            Samples on either side within which a spike must be the largest among the neighbouring centres, and the
            smallest magnitude of a score.

        Returns
        -------
        sample : ndarray of int64, shape (n,)
            Ordered by sample, then centre. Of equal magnitudes the earlier one wins, then the lower centre.
        centre : ndarray of int64, shape (n,)
            The centre of each.
        score : ndarray of float32, shape (n,)
            Signed.
        """
        ...

    def peaks(self, scores: F32, neighbours: I64, span: tuple[int, int], half_window: int) -> tuple[I64, I64, F32]:
        """Find entries whose magnitude is not exceeded near them.

        Parameters
        ----------
        scores : ndarray of float32, shape (n_centres, n_samples)
            0 where there is nothing.
        neighbours : ndarray of int64, shape (n_centres, n_neighbours)
            -1 = none.
        span : (int, int)
            First sample at which peaks are looked for, and the first one after.
        half_window : int
            Samples on either side within which a peak must be the largest.

        Returns
        -------
        sample, centre : ndarray of int64, shape (n,)
            Ordered by sample, then centre; ties as in `universal_peaks`.
        score : ndarray of float32, shape (n,)
            The entries.
        """
        ...

    def template_scores(self, traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32) -> F32:
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
            -1 = unused.
        weights : ndarray of float32, shape (n_templates, n_near, n_components)
            Templates of unit norm.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_samples)
            [k, t] = sum_cp weights[k, c, p] sum_j components[p, j] traces[contacts[k, c], t - peak_index + j]; 0 where
            the window leaves the traces. Valid until the same worker asks for scores again.
        """
        ...

    def pursue(
        self, scores: F32, pairs: Overlaps, worth: Worth, bounds: Bounds, max_rounds: int
    ) -> tuple[I64, I64, F32, int]:
        """Find the spikes that gain most, by greedy pursuit.

        Parameters
        ----------
        scores : ndarray of float32, shape (n_templates, n_samples)
            Scores of unit-norm templates in SD of the noise. Changed to what is left.
        pairs : Overlaps
            What templates do to each other's scores.
        worth : Worth
            What a spike of each template is worth.
        bounds : Bounds
            Which amplitudes spikes may have.
        max_rounds : int
            Largest number of rounds.

        Returns
        -------
        sample, template : ndarray of int64, shape (n,)
            Ordered by sample, then template.
        amplitude : ndarray of float32, shape (n,)
            Times the template.
        n_left : int
            Peaks that still counted when the rounds were over.
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
            Sample, template and size of each spike. What lies outside the traces is left out.
        contacts : ndarray of int64, shape (n_templates, n_near)
            -1 = unused.
        waveforms : ndarray of float32, shape (n_templates, n_near, n_window)
            Of size 1.
        peak_index : int
            Sample of the window at which a spike's time lies.
        """
        ...

    def describe(self, traces: F32, sample: I64, contacts: I64, components: F32, peak_index: int) -> F32:
        """Project each spike on temporal components, on its own contacts.

        Parameters
        ----------
        traces : ndarray of float32, shape (n_contacts, n_samples)
            Traces.
        sample : ndarray of int64, shape (n,)
            So far from the ends that the window lies in the traces.
        contacts : ndarray of int64, shape (n, n_near)
            -1 = none.
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
        """Give back memory that is kept from block to block."""
        ...


class Places(Protocol):
    """Where universal templates are. `stages.detect.UniversalTemplates` is one."""

    @property
    def contacts(self) -> I64:
        """(n_centres, n_near) int64, -1 = none."""
        ...

    @property
    def weights(self) -> F32:
        """(n_centres, n_sizes, n_near) float32, unit norm along the last axis."""
        ...

    @property
    def neighbours(self) -> I64:
        """(n_centres, n_neighbours) int64: the centres that a spike must exceed, -1 = none."""
        ...
