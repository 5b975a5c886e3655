"""Templates that adapt to their spikes from batch to batch, and the spikes that they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.blocks import Block, golden_order
from spikesieve.engine.run import BLANKED_COLUMNS, BlockTask, Core, Run, versioned
from spikesieve.kernels.backend import Backend
from spikesieve.model import I64, Blanked, SortedTime, join_blanked
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.matching import MARGIN_WAVEFORMS, notes_of_rounds
from spikesieve.stages.blanking import blanked_of_block
from spikesieve.stages.detect import are_whole, find
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
SPIKE_COLUMNS = ("sample", "template", "score", "excess", "amplitude", "norm")

# Positions in the order of the next batch on either side; None where there is none.
Places = tuple[int | None, ...]
# Rows of columns, by their names.
Rows = dict[str, NDArray[Any]]


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
    from_even_sample = True

    @property
    def margin_samples(self) -> int:
        """Five waveform lengths."""
        return MARGIN_WAVEFORMS * self.batched.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> PieceSpikes:
        """Return the spikes of the piece."""
        batched, matcher = self.batched, self.matchers[core.block.index]
        found = pursue(clean, matcher, core.span, self.threshold, batched.params, backend)
        spikes = replace(found, sample=found.sample + (core.block.start - core.start))
        left = self._leftovers(clean, core, backend) if self.leftovers else _no_residual_spikes(batched)
        blanked = blanked_of_block(clean.why, core.start, core.block.start, core.block.n_samples)
        return PieceSpikes(spikes, left, blanked)

    def _leftovers(self, residual: Clean, core: Core, backend: Backend) -> ResidualSpikes:
        """Whole spikes in the residual, by universal templates."""
        batched, shapes = self.batched, self.batched.shapes
        limits = batched.exclusion_samples, batched.params.learn_threshold
        found = find(residual.white, shapes, batched.universal, core.span, limits, backend)
        contact = batched.contact_of_centre[found.centre]
        whole = are_whole(residual.blanked, batched.near[contact], found.sample, shapes)
        contact, sample = contact[whole], found.sample[whole]
        features = backend.describe(residual.white, sample, batched.near[contact], shapes.pcs, shapes.peak_index)
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


@dataclass(frozen=True, eq=False)
class Learning:
    """What has been learned after a lesson.

    Attributes
    ----------
    tracked : TrackedTemplates
        The templates.
    left : ResidualSpikes
        Spikes that no template explained since templates were added last.
    """

    tracked: TrackedTemplates
    left: ResidualSpikes


@versioned(7)
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
    tour = lessons(len(batched.batches), batched.params.drift)
    momentum = np.geomspace(batched.params.first_momentum, batched.params.last_momentum, len(tour))

    def work(state: Learning, left: Sequence[int]) -> Iterator[tuple[Learning, Rows]]:
        for lesson in left:
            batch = batched.batches[order.iorig[tour[lesson]]]
            state = _after_lesson(run, batched, state, batch, (lesson, len(tour), float(momentum[lesson])))
            yield state, {}

    none = track.no_templates(batched.near.shape[1], len(batched.shapes.pcs))
    return run.fold(work, range(len(tour)), Learning(none, _no_residual_spikes(batched)), "learn")[0].tracked


def _after_lesson(
    run: Run, batched: BatchedSource, before: Learning, batch: Block, of_tour: tuple[int, int, float]
) -> Learning:
    """What has been learned after one more batch; `of_tour`: number of the lesson, number of lessons, momentum."""
    lesson, n_lessons, momentum = of_tour
    params, growing = batched.params, lesson < (1 - SETTLING) * n_lessons
    task = Pursue(batched.source, batched, (batched.matcher(before.tracked),), params.learn_threshold, growing)
    found = list(run.map(task, batched.pieces(batch, 0)))
    tracked = _followed(before.tracked, found, batch, momentum, batched)
    left = track.concatenate_residuals([before.left, *(each.left for each in found)])
    if lesson < REVIEW_EVERY or lesson % REVIEW_EVERY == 0 or lesson == n_lessons - 1:
        tracked = _reviewed(tracked, batched)
        if growing:
            tracked, left = track.add_templates(tracked, left, batched.near, params)
    return Learning(tracked, left)


def _followed(
    tracked: TrackedTemplates, found: list[PieceSpikes], batch: Block, momentum: float, batched: BatchedSource
) -> TrackedTemplates:
    """The templates, updated with the clear and whole spikes of a batch."""
    spikes = [each.spikes for each in found]
    clear = [(each.score >= batched.params.learn_threshold) & each.is_whole for each in spikes]
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


@dataclass(frozen=True, eq=False)
class Following:
    """What is known after some batches from the middle of the order to both ends.

    Attributes
    ----------
    tracked : tuple of TrackedTemplates
        Templates that follow the batches to the end of the order, and those to its start.
    along : tuple of (int, LearnedTemplates)
        Places in the order, and the templates there.
    n_left : int
        Spikes that were not extracted because the number of rounds was reached.
    """

    tracked: tuple[TrackedTemplates, ...]
    along: tuple[tuple[int, LearnedTemplates], ...] = ()
    n_left: int = 0


@versioned(7)
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
    n = len(batched.batches)

    def work(state: Following, left: Sequence[Places]) -> Iterator[tuple[Following, Rows]]:
        for places in left:
            state, rows = _followed_by(run, batched, order, state, places)
            yield state, rows

    places = list(zip_longest(range(n // 2, n), range(n // 2 - 1, -1, -1)))
    state, columns = run.fold(work, places, Following((learned, learned)), "extract")
    return _in_order_of_time(run, state, columns)


def _followed_by(
    run: Run, batched: BatchedSource, order: BatchOrdering, before: Following, places: Places
) -> tuple[Following, Rows]:
    """Extract the spikes of the next batch on either side; the templates follow."""
    n, params = len(batched.batches), batched.params
    sides = [(chain, place) for chain, place in enumerate(places) if place is not None]
    pieces = [batched.pieces(batched.batches[order.iorig[place]], i) for i, (_, place) in enumerate(sides)]
    matchers = tuple(batched.matcher(before.tracked[chain]) for chain, _ in sides)
    task = Pursue(batched.source, batched, matchers, params.threshold, False)
    found = run.map(task, [piece for of_batch in pieces for piece in of_batch])
    seen, tracked = set(np.linspace(0, n - 1, VIEWS).astype(int).tolist()), list(before.tracked)
    along, n_left, rows = before.along, before.n_left, []
    for (chain, place), of_batch, matcher in zip(sides, pieces, matchers, strict=True):
        part = list(islice(found, len(of_batch)))
        rows += [_rows_of(each, place) for each in part]
        n_left += sum(int(each.spikes.n_left) for each in part)
        if place in seen:
            along = (*along, (place, matcher.templates))
        if params.drift == "order":
            batch = batched.batches[order.iorig[place]]
            tracked[chain] = _followed(tracked[chain], part, batch, params.last_momentum, batched)
    columns = {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}
    return Following(tuple(tracked), along, n_left), columns


def _rows_of(found: PieceSpikes, place: int) -> Rows:
    """The spikes of a piece as rows of columns, and what was left out of it."""
    spikes = {name: getattr(found.spikes, name) for name in (*SPIKE_COLUMNS, "features")}
    blanked = {f"{name} of blanked": getattr(found.blanked, name) for name in BLANKED_COLUMNS}
    n_samples = {"n_samples of blanked": np.array([found.blanked.n_samples])}
    return {**spikes, "place": np.full(len(found.spikes.sample), place, np.int64), **blanked, **n_samples}


def _in_order_of_time(run: Run, state: Following, columns: Rows) -> Extracted:
    whole = {name: np.asarray(columns[name]) for name in (*SPIKE_COLUMNS, "place")}
    order = np.lexsort((whole["template"], whole["sample"]))
    features = columns["features"]
    with run.store.growing("features", features.shape[1:], np.float32) as out:
        for start in range(0, len(order), SPIKES_AT_ONCE):
            out.append(features[order[start : start + SPIKES_AT_ONCE]])
        ordered = out.finish()
    left_out = {name: np.asarray(columns[f"{name} of blanked"]) for name in BLANKED_COLUMNS}
    blanked = join_blanked([Blanked(**left_out, n_samples=int(columns["n_samples of blanked"].sum()))])
    in_order = {name: whole[name][order] for name in SPIKE_COLUMNS}
    notes = notes_of_rounds(state.n_left, "kilosort2.max_peels")
    spikes = MatchedSpikes(**in_order, features=ordered, n_left=state.n_left, notes=notes, blanked=blanked)
    along = tuple(templates for _, templates in sorted(state.along, key=itemgetter(0)))
    return Extracted(spikes, whole["place"][order], along)
