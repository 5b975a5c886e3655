"""Templates that adapt to their spikes from batch to batch, and the spikes that they find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice, zip_longest

import numpy as np

from spikesieve.engine.arrays import GrowingArray
from spikesieve.engine.blocks import Block, golden_order
from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, I64, Blanked, SortedTime, join_blanked
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.matching import MARGIN_WAVEFORMS, notes_of_rounds
from spikesieve.stages.blanking import blanked_of_block
from spikesieve.stages.detect import find
from spikesieve.stages.kilosort2 import track
from spikesieve.stages.kilosort2.ordering import BatchOrdering
from spikesieve.stages.kilosort2.pursue import pursue
from spikesieve.stages.kilosort2.track import ResidualSpikes, TrackedTemplates
from spikesieve.stages.match import MatchedSpikes, Matcher
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.templates import LearnedTemplates

# Templates are learned from every second batch; from all batches, repeatedly, if fewer than 60 would be used.
LEARN_EVERY, MIN_LESSONS = 2, 60
# Templates are added and removed every 5 batches, and after each of the first 5.
REVIEW_EVERY = 5
# In the last fifth of the lessons no templates are added, so that the existing ones can settle.
SETTLING = 0.2
# Number of places along the order at which templates are compared for merges.
VIEWS = 5
SPIKES_AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class PieceSpikes:
    """Spikes of a piece of a batch.

    Attributes
    ----------
    spikes : MatchedSpikes
        Matched spikes. Samples count from the start of the recording.
    left : ResidualSpikes
        Spikes in the residual, which no template explains.
    blanked : Blanked
        What was left out.
    """

    spikes: MatchedSpikes
    left: ResidualSpikes
    blanked: Blanked


@dataclass(frozen=True, eq=False)
class Pursue(BlockTask[PieceSpikes]):
    """Match a piece of a batch. Its index selects the templates.

    Attributes
    ----------
    batched : BatchedSource
        The recording.
    matchers : tuple of Matcher
        Templates for each index.
    threshold : float
        Smallest score of a spike, in noise SD.
    leftovers : bool
        Whether spikes are detected in the residual.
    """

    batched: BatchedSource
    matchers: tuple[Matcher, ...]
    threshold: float
    leftovers: bool

    @property
    def margin_samples(self) -> int:
        """Five waveform lengths."""
        return MARGIN_WAVEFORMS * self.batched.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> PieceSpikes:
        """Return the spikes of the piece."""
        batched, matcher = self.batched, self.matchers[core.block.index]
        found = pursue(clean.white, matcher, core.span, self.threshold, batched.params, backend)
        spikes = replace(found, sample=found.sample + (core.block.start - core.start))
        left = self._leftovers(clean.white, core, backend) if self.leftovers else _no_residual_spikes(batched)
        blanked = blanked_of_block(clean.why, core.start, core.block.start, core.block.n_samples)
        return PieceSpikes(spikes, left, blanked)

    def _leftovers(self, residual: F32, core: Core, backend: Backend) -> ResidualSpikes:
        """Spikes in the residual, by universal templates."""
        batched, shapes = self.batched, self.batched.shapes
        limits = batched.exclusion_samples, batched.params.learn_threshold
        found = find(residual, shapes, batched.universal, core.span, limits, backend)
        contact = batched.contact_of_centre[found.centre]
        features = backend.describe(residual, found.sample, batched.near[contact], shapes.pcs, shapes.peak_index)
        return ResidualSpikes(contact, features)


def _no_residual_spikes(batched: BatchedSource) -> ResidualSpikes:
    shape = 0, batched.near.shape[1], len(batched.shapes.pcs)
    return ResidualSpikes(np.empty(0, np.int64), np.empty(shape, np.float32))


def lessons(n_batches: int, drift: str) -> list[int]:
    """List the batches that templates are learned from: from the middle of the order to each end and back.

    Every second batch of a long recording is used. All batches of a short one are used repeatedly, up to 60 lessons or
    more. With drift registered, neighbours are no more similar than other batches, so the batches are mixed.

    Parameters
    ----------
    n_batches : int
        Number of batches.
    drift : str
        "order" or "register".

    Returns
    -------
    list of int
        Position in the order of the batches, for each lesson.

    Examples
    --------
    >>> lessons(3, "order")[:8]
    [1, 2, 2, 1, 1, 0, 0, 1]
    """
    step = LEARN_EVERY if n_batches >= LEARN_EVERY * MIN_LESSONS else 1
    middle = n_batches // 2
    right, left = list(range(middle, n_batches, step)), list(range(middle, -1, -step))
    tour = [*right, *right[::-1], *left, *left[::-1]]
    if drift == "register":
        mixed = golden_order(n_batches).tolist()
        tour = mixed[: len(tour)]
    return tour * max(1, -(-MIN_LESSONS // len(tour)))


@versioned(3)
def learn(run: Run, batched: BatchedSource, order: BatchOrdering) -> TrackedTemplates:
    """Learn templates as they look in the batch in the middle of the order.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    batched : BatchedSource
        The recording.
    order : BatchOrdering
        Order of the batches.

    Returns
    -------
    TrackedTemplates
        The templates.
    """
    params, tour = batched.params, lessons(len(batched.batches), batched.params.drift)
    momentum = np.geomspace(params.first_momentum, params.last_momentum, len(tour))
    tracked = track.no_templates(batched.near.shape[1], len(batched.shapes.pcs))
    left = _no_residual_spikes(batched)
    for lesson, place in enumerate(tour):
        run.progress("learn", lesson, len(tour))
        growing = lesson < (1 - SETTLING) * len(tour)
        task = Pursue(batched.source, batched, (batched.matcher(tracked),), params.learn_threshold, growing)
        batch = batched.batches[order.iorig[place]]
        found = list(run.map(task, batched.pieces(batch, 0)))
        tracked = _followed(tracked, found, batch, float(momentum[lesson]), batched)
        left = track.concatenate_residuals([left, *(each.left for each in found)])
        if lesson < REVIEW_EVERY or lesson % REVIEW_EVERY == 0 or lesson == len(tour) - 1:
            tracked = _reviewed(tracked, batched)
            if growing:
                tracked, left = track.add_templates(tracked, left, batched.near, params)
    run.progress("learn", len(tour), len(tour))
    return tracked


def _followed(
    tracked: TrackedTemplates, found: list[PieceSpikes], batch: Block, momentum: float, batched: BatchedSource
) -> TrackedTemplates:
    """The templates, updated with the clear spikes of a batch."""
    spikes = [each.spikes for each in found]
    clear = [each.score >= batched.params.learn_threshold for each in spikes]
    template = np.concatenate([each.template[ok] for each, ok in zip(spikes, clear, strict=True)]).astype(np.int64)
    features = np.concatenate([each.features[ok] for each, ok in zip(spikes, clear, strict=True)])
    drifting = len(batched.batches) if batched.params.drift == "order" else None
    blanked = join_blanked(each.blanked for each in found)
    time = SortedTime(((batch.start, batch.stop),), batched.source.sampling_hz, blanked)
    return track.update(tracked, template, features, momentum, drifting, time.used_s / batched.batch_s)


def _reviewed(tracked: TrackedTemplates, batched: BatchedSource) -> TrackedTemplates:
    frequent = track.without_rare(tracked, batched.batch_s, batched.params)
    return track.without_duplicates(frequent, batched.n_contacts, batched.shapes.pcs, batched.params)


@dataclass(frozen=True, eq=False)
class Extracted:
    """All spikes, ordered by sample, then template.

    Attributes
    ----------
    spikes : MatchedSpikes
        The spikes. Their score is the square root of the gain, in noise SD.
    place : ndarray of int64, shape (n,)
        Position of the spike's batch in the order.
    along : tuple of LearnedTemplates
        The templates at five positions along the order, from its start to its end.
    """

    spikes: MatchedSpikes
    place: I64
    along: tuple[LearnedTemplates, ...]


@versioned(3)
def extract(run: Run, batched: BatchedSource, order: BatchOrdering, learned: TrackedTemplates) -> Extracted:
    """Extract all spikes, from the middle of the order to both ends, while the templates adapt to their spikes.

    With drift registered the templates do not change.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    batched : BatchedSource
        The recording.
    order : BatchOrdering
        Order of the batches.
    learned : TrackedTemplates
        Templates as they look in the middle of the order.

    Returns
    -------
    Extracted
        The spikes; their features are on disk.
    """
    n, params = len(batched.batches), batched.params
    chains = range(n // 2, n), range(n // 2 - 1, -1, -1)
    tracked = [learned, learned]
    shape = learned.contacts.shape[1], len(batched.shapes.pcs)
    with run.store.growing("visited.features", shape, np.float32) as described:
        rows = _Rows([], [], [], described, {})
        seen = set(np.linspace(0, n - 1, VIEWS).astype(int).tolist())
        for done, places in enumerate(zip_longest(*chains)):
            run.progress("extract", 2 * done, n)
            sides = [(chain, place) for chain, place in enumerate(places) if place is not None]
            pieces = [batched.pieces(batched.batches[order.iorig[place]], i) for i, (_, place) in enumerate(sides)]
            matchers = tuple(batched.matcher(tracked[chain]) for chain, _ in sides)
            task = Pursue(batched.source, batched, matchers, params.threshold, False)
            found = run.map(task, [piece for of_batch in pieces for piece in of_batch])
            for (chain, place), of_batch, matcher in zip(sides, pieces, matchers, strict=True):
                if place in seen:
                    rows.along[place] = matcher.templates
                part = [rows.kept(each, place) for each in islice(found, len(of_batch))]
                if params.drift == "order":
                    batch = batched.batches[order.iorig[place]]
                    tracked[chain] = _followed(tracked[chain], part, batch, params.last_momentum, batched)
        features = described.finish()
    run.progress("extract", n, n)
    return _in_order_of_time(run, rows, features)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Extracted spikes in the order in which batches were visited."""

    spikes: list[MatchedSpikes]
    places: list[I64]
    blanked: list[Blanked]
    described: GrowingArray
    along: dict[int, LearnedTemplates]

    def kept(self, found: PieceSpikes, place: int) -> PieceSpikes:
        """Keep the spikes of a piece: features on disk, everything else in memory."""
        spikes = found.spikes
        self.described.append(spikes.features)
        self.spikes.append(replace(spikes, features=spikes.features[:0]))
        self.places.append(np.full(len(spikes.sample), place, np.int64))
        self.blanked.append(found.blanked)
        return found


def _in_order_of_time(run: Run, rows: _Rows, features: F32) -> Extracted:
    columns = ("sample", "template", "score", "excess", "amplitude", "norm")
    whole = {name: np.concatenate([getattr(each, name) for each in rows.spikes]) for name in columns}
    order = np.lexsort((whole["template"], whole["sample"]))
    with run.store.growing("features", features.shape[1:], np.float32) as out:
        for start in range(0, len(order), SPIKES_AT_ONCE):
            out.append(features[order[start : start + SPIKES_AT_ONCE]])
        ordered = out.finish()
    n_left = sum(each.n_left for each in rows.spikes)
    notes = notes_of_rounds(n_left, "kilosort2.max_peels")
    blanked = join_blanked(rows.blanked)
    in_order = {name: column[order] for name, column in whole.items()}
    spikes = MatchedSpikes(**in_order, features=ordered, n_left=n_left, notes=notes, blanked=blanked)
    places = np.concatenate([np.empty(0, np.int64), *rows.places])[order]
    return Extracted(spikes, places, tuple(rows.along[place] for place in sorted(rows.along)))
