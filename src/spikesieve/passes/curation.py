"""Units as curation leaves them: what every method hands to the description of its result."""

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
    """What curation decided.

    Attributes
    ----------
    trains : UnitSpikes
        Unit and sample of every matched spike; unit -1 = not kept.
    means : LearnedTemplates
        Mean PC scores of each unit.
    source_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Where the features of the spikes of each template were taken.
    threshold : float
        Smallest score of a spike that was looked for, in noise SD.
    notes : tuple of str
        Sentences for the user.
    """

    trains: UnitSpikes
    means: LearnedTemplates
    source_contacts: I64
    threshold: float
    notes: tuple[str, ...]

    def with_notes(self, notes: tuple[str, ...]) -> CuratedUnits:
        """Return the same units with more sentences for the user."""
        return replace(self, notes=(*self.notes, *notes))


@versioned(1)
def curate_clusters(
    run: Run, source: Source, matched: MatchedSpikes, clusters: Clusters, templates: MovingTemplates, how: CurationOf
) -> CuratedUnits:
    """Make units of clusters of matched spikes.

    Parameters
    ----------
    run : Run
        Not used: the work is small.
    source : Source
        Gives probe, sampling rate and duration.
    matched : MatchedSpikes
        The spikes.
    clusters : Clusters
        Their clusters.
    templates : MovingTemplates
        The templates that found them.
    how : CurationOf
        Temporal components, settings, threshold.

    Returns
    -------
    CuratedUnits
        The unit of every matched spike.
    """
    trains = UnitSpikes(matched.sample, clusters.unit, source.sampling_hz, source.recording.duration_s)
    trains, means, removed = curate(trains, clusters.means, source.probe.n_contacts, how.shapes, how.params)
    return CuratedUnits(trains, means, templates.rest.contacts, how.threshold, removed)


@dataclass(frozen=True, eq=False)
class CurationOf:
    """How clusters are curated.

    Attributes
    ----------
    shapes : Shapes
        Temporal components.
    params : CurateParams
        The settings.
    threshold : float
        Smallest score of a spike that was looked for, in noise SD.
    """

    shapes: Shapes
    params: CurateParams
    threshold: float
