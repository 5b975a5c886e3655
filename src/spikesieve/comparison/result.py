"""The result of a comparison, ready to be drawn and written."""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.comparison.agreement import Agreement, MatchWindows, agreement
from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.intermediates import IntermediateDifferences
from spikesieve.comparison.relations import Relations, relate_units
from spikesieve.comparison.template_similarity import (
    CommonContacts,
    TemplateSimilarity,
    common_contacts,
    template_similarity,
)
from spikesieve.comparison.truth_comparison import TruthComparison
from spikesieve.model.external import ExternalSorting


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Two sortings compared with each other.

    Attributes
    ----------
    agreement : Agreement
        Matched spikes of all pairs of units.
    relations : Relations
        Units that are the same, split or merged.
    contacts : CommonContacts
        Contacts that both sortings have.
    template_similarity : TemplateSimilarity or None
        Similarity of the templates; None where one sorting has no templates.
    """

    agreement: Agreement
    relations: Relations
    contacts: CommonContacts
    template_similarity: TemplateSimilarity | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison of one or two sortings.

    Attributes
    ----------
    sides : tuple of ExternalSorting
        The sortings.
    truth : ExternalSorting or None
        The truth, where one was given.
    against_truth : tuple of TruthComparison
        One entry for each sorting; empty without a truth.
    each_other : PairComparison or None
        The sortings compared with each other; None for a single sorting.
    intermediates : IntermediateDifferences or None
        Differences of the intermediate steps; None for a single sorting.
    orders : tuple of BatchOrder
        One entry for each sorting that kept the order of its batches.
    notes : tuple of str
        Sentences for the user.
    partial_truth : bool
        The truth covers only some of the neurons.
    """

    sides: tuple[ExternalSorting, ...]
    truth: ExternalSorting | None
    against_truth: tuple[TruthComparison, ...]
    each_other: PairComparison | None
    intermediates: IntermediateDifferences | None
    orders: tuple[BatchOrder, ...]
    notes: tuple[str, ...]
    partial_truth: bool = False


def compare_pair(a: ExternalSorting, b: ExternalSorting, windows: MatchWindows) -> PairComparison:
    """Compare the units of two sortings of one recording.

    Parameters
    ----------
    a, b : ExternalSorting
        The two sortings.
    windows : MatchWindows
        Sampling rate and matching windows.

    Returns
    -------
    PairComparison
        Agreement, relations and template similarity of all pairs of units.

    Raises
    ------
    InputError
        If the sortings cannot be of one recording (see `common_contacts`).
    """
    contacts = common_contacts(a, b)
    pairs = agreement(a.trains, b.trains, windows.sampling_hz, windows.match_ms)
    similarity = None
    if a.waveforms is not None and b.waveforms is not None and len(contacts.a):
        similarity = template_similarity(a.waveforms, b.waveforms, contacts, windows.sampling_hz)
    return PairComparison(pairs, relate_units(pairs, windows.match_samples), contacts, similarity)
