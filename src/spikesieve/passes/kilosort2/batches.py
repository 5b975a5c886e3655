"""Batches of a recording, and their order by similarity, for the method kilosort2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.blocks import Block, longest_block, plan_blocks
from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.model import I64
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.detect import UniversalTemplates, exclusion_samples, universal_templates
from spikesieve.stages.kilosort2 import batches, ordering, track
from spikesieve.stages.kilosort2.batches import BatchClusters, CrossingLimits, Crossings
from spikesieve.stages.kilosort2.ordering import BatchOrdering
from spikesieve.stages.match import Matcher, make_matcher
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

# Length of the pieces into which a batch is cut, so that several workers share it.
PIECE_SAMPLES = 16_400


@dataclass(frozen=True, eq=False)
class BatchedSource:
    """A recording in batches, with everything that the steps of the method need.

    Attributes
    ----------
    source : Source
        The recording.
    shapes : Shapes
        Shapes and temporal components.
    params : Kilosort2Params
        Settings of the method.
    detect : DetectParams
        Settings for the detection of spikes in the residual.
    """

    source: Source
    shapes: Shapes
    params: Kilosort2Params
    detect: DetectParams

    @cached_property
    def batches(self) -> tuple[Block, ...]:
        """All batches, in order of time."""
        return plan_blocks(self.source.recording.segments, longest_block(self.params.batch_samples, 1))

    @property
    def batch_s(self) -> float:
        """Mean length of a batch in s."""
        return float(np.mean([batch.n_samples for batch in self.batches])) / self.source.sampling_hz

    @property
    def n_contacts(self) -> int:
        """Number of contacts that are sorted."""
        return self.source.probe.n_contacts

    @property
    def exclusion_samples(self) -> int:
        """Exclusion window: samples on either side within which a crossing must be the largest."""
        return exclusion_samples(self.detect, self.source.sampling_hz)

    @cached_property
    def near(self) -> I64:
        """Contacts of a template, for each largest contact."""
        return track.near_contacts(self.source.probe, self.params)

    @cached_property
    def near_of_order(self) -> I64:
        """Contacts on which batches are compared, for each largest contact of a crossing."""
        return batches.near_contacts(self.source.probe, self.params)

    @cached_property
    def universal(self) -> UniversalTemplates:
        """Universal templates that detect spikes in the residual."""
        return universal_templates(self.source.probe, self.detect)

    @cached_property
    def contact_of_centre(self) -> I64:
        """The contact nearest to each universal template."""
        probe, found = self.source.probe, self.universal
        away = distances_um(found.positions_um, found.shanks, probe.positions_um, probe.shanks)
        return nearest(away, 1)[:, 0]

    def pieces(self, batch: Block, index: int) -> list[Block]:
        """Cut a batch into pieces.

        Parameters
        ----------
        batch : Block
            The batch.
        index : int
            The index that all pieces get.

        Returns
        -------
        list of Block
            Pieces in order of time. Their margins may extend into neighbouring pieces and batches.
        """
        parts = plan_blocks(((batch.start, batch.stop),), longest_block(PIECE_SAMPLES, self.n_contacts))
        beside = {"segment_start": batch.segment_start, "segment_stop": batch.segment_stop}
        return [replace(part, index=index, **beside) for part in parts]

    def matcher(self, tracked: track.TrackedTemplates) -> Matcher:
        """Prepare the current templates for matching.

        Parameters
        ----------
        tracked : TrackedTemplates
            The templates.

        Returns
        -------
        Matcher
            Input of `stages.kilosort2.pursue`.
        """
        now = track.matched_templates(tracked, self.params)
        return make_matcher(now, now.contacts, self.n_contacts, self.shapes)


@dataclass(frozen=True, eq=False)
class FindCrossings(BlockTask[Crossings]):
    """Find threshold crossings in a piece of a batch.

    Attributes
    ----------
    batched : BatchedSource
        The recording.
    """

    batched: BatchedSource

    @property
    def margin_samples(self) -> int:
        """One waveform length and the exclusion window."""
        return self.batched.shapes.n_samples + self.batched.exclusion_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> Crossings:
        """Return the crossings of the piece."""
        batched = self.batched
        limits = CrossingLimits(core.span, batched.exclusion_samples)
        near, params = batched.near_of_order, batched.params
        return batches.crossings(clean, batched.shapes, near, limits, params, backend)


@versioned(3)
def order_batches(run: Run, batched: BatchedSource) -> BatchOrdering:
    """Order the batches so that neighbours have similar spikes.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    batched : BatchedSource
        The recording.

    Returns
    -------
    BatchOrdering
        Order of the batches.
    """
    _, columns = run.fold(partial(_cluster_batches, run, batched), batched.batches, None, "batches")
    clusters, n = BatchClusters(**columns), len(batched.batches)
    step = partial(batches.distances_of_contact, clusters=clusters, near=batched.near_of_order, n_batches=n)
    sums = np.zeros((n, n))
    for part in run.map(step, range(batched.n_contacts), "order"):
        sums += part
    return ordering.put_in_order(batches.dissimilarity(sums, clusters))


def _cluster_batches(
    run: Run, batched: BatchedSource, _: None, left: Sequence[Block]
) -> Iterator[tuple[None, dict[str, NDArray[Any]]]]:
    """Clusters of each batch."""
    pieces = [batched.pieces(batch, batch.index) for batch in left]
    found = run.map(FindCrossings(batched.source, batched), [p for of_batch in pieces for p in of_batch])
    for clusters in run.map(partial(_cluster_batch, near=batched.near_of_order), _by_batch(found, pieces)):
        yield None, vars(clusters)


def _by_batch(found: Iterator[Crossings], pieces: Sequence[Sequence[Block]]) -> Iterator[tuple[int, Crossings]]:
    """Index and crossings of each batch."""
    for of_batch in pieces:
        yield of_batch[0].index, batches.concatenate_crossings(list(islice(found, len(of_batch))))


def _cluster_batch(one: tuple[int, Crossings], near: I64) -> BatchClusters:
    batch, found = one
    return batches.cluster_batch(found, near, batch)


def order_of_time(batched: BatchedSource) -> BatchOrdering:
    """Leave the batches in the order of time.

    Parameters
    ----------
    batched : BatchedSource
        The recording.

    Returns
    -------
    BatchOrdering
        Order of time, without dissimilarities.
    """
    return BatchOrdering.of_time(len(batched.batches))
