"""Everything that a comparison found, ready to be drawn and written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import Agreement, agreement
from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.divergence import MatrixDifference, TraceLag, matrix_difference, trace_lag
from spikesieve.comparison.likeness import Contacts, Likeness, common_contacts, likeness
from spikesieve.comparison.relations import Relations, relate
from spikesieve.comparison.truth_table import AgainstTruth, Windows
from spikesieve.model import F32
from spikesieve.sorted_by_others import ExternalSorting

LAG_S = 2.0
"""Seconds of preprocessed traces that the lag is found from."""


@dataclass(frozen=True, eq=False)
class AgainstEachOther:
    """Two sortings against each other; `likeness` is None where one has no waveforms."""

    agreement: Agreement
    relations: Relations
    contacts: Contacts
    likeness: Likeness | None


@dataclass(frozen=True, eq=False)
class Parting:
    """Where the two runs part; None: one of them did not keep it, and `missing` says which.

    traces   (n_samples, n_common) float32 of a and b from the start of the recording
    missing  one sentence for each thing that cannot be compared
    """

    lag: TraceLag | None
    traces: tuple[F32, F32] | None
    whitening: MatrixDifference | None
    has_drift: bool
    ccb0: MatrixDifference | None
    ccbsort: MatrixDifference | None
    has_order: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison.

    against_truth  one entry a sorting, when a truth was given
    each_other     when two sortings were given
    parting        when two sortings were given
    orders         one entry for each sorting that kept an order of its batches
    notes          sentences for the user
    """

    sides: tuple[ExternalSorting, ...]
    truth: ExternalSorting | None
    against_truth: tuple[AgainstTruth, ...]
    each_other: AgainstEachOther | None
    parting: Parting | None
    orders: tuple[BatchOrder, ...]
    notes: tuple[str, ...]


def against_each_other(a: ExternalSorting, b: ExternalSorting, windows: Windows) -> AgainstEachOther:
    """Agreement, relations and likeness of two sortings of one recording.

    Raises InputError when they cannot be of one recording (`common_contacts`).
    """
    contacts = common_contacts(a, b)
    pairs = agreement(a.trains, b.trains, windows.sampling_hz, windows.match_ms)
    alike = None
    if a.waveforms is not None and b.waveforms is not None and len(contacts.a):
        alike = likeness(a.waveforms, b.waveforms, contacts, windows.sampling_hz)
    return AgainstEachOther(pairs, relate(pairs, windows.match_samples), contacts, alike)


def find_parting(a: ExternalSorting, b: ExternalSorting, contacts: Contacts) -> Parting:
    """Compare what the two runs left of their inner steps."""
    missing: list[str] = []

    def both(what: str, of_a: object, of_b: object) -> bool:
        without = [side.name for side, has in ((a, of_a), (b, of_b)) if has is None]
        if without:
            missing.append(f"{what}: not kept by {' and '.join(without)}.")
        return not without

    traces = (
        _traces(a, b, contacts) if both("Preprocessed traces", a.intermediates.traces, b.intermediates.traces) else None
    )
    whitening = ccb0 = ccbsort = None
    if both("Whitening matrices", a.intermediates.whitening, b.intermediates.whitening):
        whitening = _whitening_difference(a, b, contacts)
        if whitening is None:
            missing.append("Whitening matrices: of other sizes than the contacts in common.")
    if a.intermediates.ccb0 is not None and b.intermediates.ccb0 is not None:
        ccb0 = matrix_difference(a.intermediates.ccb0, b.intermediates.ccb0)
    if both("Batch dissimilarity in order of time (ccb0)", a.intermediates.ccb0, b.intermediates.ccb0) and ccb0 is None:
        missing.append("Batch dissimilarity (ccb0): the runs have different numbers of batches.")
    if a.intermediates.ccbsort is not None and b.intermediates.ccbsort is not None:
        ccbsort = matrix_difference(a.intermediates.ccbsort, b.intermediates.ccbsort)
    if (
        both("Sorted batch dissimilarity (ccbsort)", a.intermediates.ccbsort, b.intermediates.ccbsort)
        and ccbsort is None
    ):
        missing.append("Sorted batch dissimilarity (ccbsort): the runs have different numbers of batches.")
    has_drift = both("Drift", a.intermediates.drift, b.intermediates.drift)
    has_order = both("Batch order (iorig)", a.intermediates.iorig, b.intermediates.iorig)
    lag = trace_lag(*traces, (a.name, b.name), a.sampling_hz) if traces is not None else None
    return Parting(lag, traces, whitening, has_drift, ccb0, ccbsort, has_order, tuple(missing))


def _traces(a: ExternalSorting, b: ExternalSorting, contacts: Contacts) -> tuple[F32, F32] | None:
    of_a, of_b = a.intermediates.traces, b.intermediates.traces
    if of_a is None or of_b is None:
        return None
    n = min(of_a.n_samples, of_b.n_samples, round(LAG_S * a.sampling_hz))
    first, second = of_a.read(0, n).astype(np.float32), of_b.read(0, n).astype(np.float32)
    if len(contacts.a) and first.shape[1] > contacts.a.max() and second.shape[1] > contacts.b.max():
        return first[:, contacts.a], second[:, contacts.b]
    common = min(first.shape[1], second.shape[1])
    return first[:, :common], second[:, :common]


def _whitening_difference(a: ExternalSorting, b: ExternalSorting, contacts: Contacts) -> MatrixDifference | None:
    first, second = a.intermediates.whitening, b.intermediates.whitening
    if first is None or second is None:
        return None
    if len(contacts.a) and len(first) > contacts.a.max() and len(second) > contacts.b.max():
        first, second = first[np.ix_(contacts.a, contacts.a)], second[np.ix_(contacts.b, contacts.b)]
    return matrix_difference(first, second)
