"""Compare what two runs kept of their intermediate steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.divergence import MatrixDifference, TraceLag, matrix_difference, trace_lag
from spikesieve.comparison.template_similarity import CommonContacts
from spikesieve.model import F32, F64
from spikesieve.model.external import ExternalSorting

LAG_BLOCK_S = 2.0
"""Length of the traces that the lag is measured on, in s."""


@dataclass(frozen=True, eq=False)
class IntermediateDifferences:
    """Differences between the intermediate steps of two runs. None where a run did not keep the step.

    Attributes
    ----------
    lag : TraceLag or None
        Lag between the preprocessed traces.
    traces : tuple of ndarray of float32, shape (n_samples, n_common), or None
        Preprocessed traces of a and b from the start of the recording.
    whitening : MatrixDifference or None
        Difference of the whitening matrices.
    has_drift : bool
        Whether both runs kept the displacement.
    ccb0 : MatrixDifference or None
        Difference of the batch dissimilarities in order of time.
    ccbsort : MatrixDifference or None
        Difference of the batch dissimilarities as sorted.
    has_order : bool
        Whether both runs kept the order of their batches.
    missing : tuple of str
        One sentence for each step that cannot be compared.
    """

    lag: TraceLag | None
    traces: tuple[F32, F32] | None
    whitening: MatrixDifference | None
    has_drift: bool
    ccb0: MatrixDifference | None
    ccbsort: MatrixDifference | None
    has_order: bool
    missing: tuple[str, ...]


def compare_intermediates(a: ExternalSorting, b: ExternalSorting, contacts: CommonContacts) -> IntermediateDifferences:
    """Compare what two runs kept of their intermediate steps.

    Parameters
    ----------
    a, b : ExternalSorting
        The two sortings.
    contacts : CommonContacts
        Contacts that both have.

    Returns
    -------
    IntermediateDifferences
        Differences, and sentences about the steps that cannot be compared.
    """
    missing: list[str] = []
    traces = _traces(a, b, contacts) if _both_have("traces", a, b, missing) else None
    whitening = _whitening_difference(a, b, contacts) if _both_have("whitening", a, b, missing) else None
    if whitening is None and a.intermediates.whitening is not None and b.intermediates.whitening is not None:
        missing.append("Whitening matrices: their sizes do not match the common contacts.")
    ccb0 = _dissimilarity_difference("ccb0", a, b, missing)
    ccbsort = _dissimilarity_difference("ccbsort", a, b, missing)
    has_drift = _both_have("drift", a, b, missing)
    has_order = _both_have("iorig", a, b, missing)
    lag = trace_lag(*traces, (a.name, b.name), a.sampling_hz) if traces is not None else None
    return IntermediateDifferences(lag, traces, whitening, has_drift, ccb0, ccbsort, has_order, tuple(missing))


_NAMES = {
    "traces": "Preprocessed traces",
    "whitening": "Whitening matrices",
    "ccb0": "Batch dissimilarity in order of time (ccb0)",
    "ccbsort": "Sorted batch dissimilarity (ccbsort)",
    "drift": "Drift",
    "iorig": "Batch order (iorig)",
}


def _both_have(step: str, a: ExternalSorting, b: ExternalSorting, missing: list[str]) -> bool:
    """Tell whether both runs kept a step; if not, add a sentence to `missing`."""
    without = [side.name for side in (a, b) if getattr(side.intermediates, step) is None]
    if without:
        missing.append(f"{_NAMES[step]}: not kept by {' and '.join(without)}.")
    return not without


def _dissimilarity_difference(
    step: str, a: ExternalSorting, b: ExternalSorting, missing: list[str]
) -> MatrixDifference | None:
    if not _both_have(step, a, b, missing):
        return None
    difference = matrix_difference(getattr(a.intermediates, step), getattr(b.intermediates, step))
    if difference is None:
        missing.append(f"{_NAMES[step]}: the runs have different numbers of batches.")
    return difference


def _traces(a: ExternalSorting, b: ExternalSorting, contacts: CommonContacts) -> tuple[F32, F32] | None:
    traces_a, traces_b = a.intermediates.traces, b.intermediates.traces
    if traces_a is None or traces_b is None:
        return None
    n = min(traces_a.n_samples, traces_b.n_samples, round(LAG_BLOCK_S * a.sampling_hz))
    first, second = traces_a.read(0, n).astype(np.float32), traces_b.read(0, n).astype(np.float32)
    if len(contacts.a) and first.shape[1] > contacts.a.max() and second.shape[1] > contacts.b.max():
        return first[:, contacts.a], second[:, contacts.b]
    n_common = min(first.shape[1], second.shape[1])
    return first[:, :n_common], second[:, :n_common]


def _whitening_difference(a: ExternalSorting, b: ExternalSorting, contacts: CommonContacts) -> MatrixDifference | None:
    first, second = a.intermediates.whitening, b.intermediates.whitening
    if first is None or second is None:
        return None
    return matrix_difference(*_on_common_contacts(first, second, contacts))


def _on_common_contacts(first: F64, second: F64, contacts: CommonContacts) -> tuple[F64, F64]:
    if len(contacts.a) and len(first) > contacts.a.max() and len(second) > contacts.b.max():
        return first[np.ix_(contacts.a, contacts.a)], second[np.ix_(contacts.b, contacts.b)]
    return first, second
