"""Curation of units: merges, duplicates and rejected units. Every method ends with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import I64
from spikesieve.passes.clustering import Clusters
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.curate import UnitSpikes, curate
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.tissue import MovingTemplates


@dataclass(frozen=True, eq=False)
class CuratedUnits:
    """Units after curation.

    Attributes
    ----------
    trains : UnitSpikes
        Unit and sample of every matched spike; unit -1 for spikes that are not kept.
    means : LearnedTemplates
        Mean PC scores of each unit.
    source_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Contacts on which the features of each template's spikes were measured.
    threshold : float
        Smallest score of a detectable spike in noise SD.
    notes : tuple of str
        Sentences for the user.
    """

    trains: UnitSpikes
    means: LearnedTemplates
    source_contacts: I64
    threshold: float
    notes: tuple[str, ...]

    def with_notes(self, notes: tuple[str, ...]) -> CuratedUnits:
        """Add sentences for the user.

        Parameters
        ----------
        notes : tuple of str
            The sentences.

        Returns
        -------
        CuratedUnits
            The same units with these notes added.
        """
        return replace(self, notes=(*self.notes, *notes))


@versioned(8)
def curate_clusters(
    run: Run, source: Source, matched: MatchedSpikes, clusters: Clusters, templates: MovingTemplates, how: CurationOf
) -> CuratedUnits:
    """Make units from clusters of matched spikes.

    Parameters
    ----------
    run : Run
        Not used; every step takes it.
    source : Source
        Probe and sorted time.
    matched : MatchedSpikes
        The spikes.
    clusters : Clusters
        Cluster of each spike.
    templates : MovingTemplates
        The templates that were matched.
    how : CurationOf
        Temporal components, settings, threshold.

    Returns
    -------
    CuratedUnits
        The unit of every matched spike.
    """
    trains = UnitSpikes(matched.sample, clusters.unit, source.recording.sorted_time)
    trains, means, removed = curate(trains, clusters.means, source.probe.n_contacts, how.shapes, how.params)
    return CuratedUnits(trains, means, templates.rest.contacts, how.threshold, removed)


@dataclass(frozen=True, eq=False)
class CurationOf:
    """Input of curation besides the clusters.

    Attributes
    ----------
    shapes : Shapes
        Temporal components.
    params : CurateParams
        The settings.
    threshold : float
        Smallest score of a detectable spike in noise SD.
    """

    shapes: Shapes
    params: CurateParams
    threshold: float
