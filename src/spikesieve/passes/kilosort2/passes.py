"""The passes of the method kilosort2: batches compared, templates learned along their order, spikes extracted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice, zip_longest

import numpy as np

from spikesieve.engine.blocks import Block, golden_order, plan_blocks
from spikesieve.engine.executor import map_in_order, silent
from spikesieve.engine.run import Run
from spikesieve.engine.scratch import GrowingArray
from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, I64
from spikesieve.passes.passes import MARGIN_WAVEFORMS, SpikeTable, _notes, clean_block
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.detect import UniversalTemplates, find, universal_templates
from spikesieve.stages.features import describe
from spikesieve.stages.kilosort2 import batches, track
from spikesieve.stages.kilosort2.batches import BatchClusters
from spikesieve.stages.kilosort2.ordering import BatchOrdering, put_in_order
from spikesieve.stages.kilosort2.pursue import PursuedSpikes, pursue
from spikesieve.stages.kilosort2.track import ResidualSpikes, TrackedTemplates
from spikesieve.stages.match import Matcher, make_matcher
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates

# A batch is matched in pieces of about this many samples, so that several workers share it.
PIECE_SAMPLES = 16_400
# Every second batch teaches, and short recordings are gone through again until so many batches have.
TEACH_EVERY, FEWEST_LESSONS = 2, 60
# Templates are added and removed every so many batches, and at each of as many first ones.
REVIEW_EVERY = 5
# In the last share of the lessons nothing is added any more, so that what is there can settle.
SETTLING = 0.2
# Places along the order at which templates are compared with each other.
VIEWS = 5
CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Bench:
    """What all passes need.

    batches  in order of time
    """

    fitted: Preprocessing
    shapes: Shapes
    batches: tuple[Block, ...]
    params: Kilosort2Params
    detect: DetectParams

    @property
    def n_contacts(self) -> int:
        """Contacts that are sorted."""
        return self.fitted.probe.n_contacts

    @property
    def exclusion(self) -> int:
        """Samples on either side of a crossing within which it must be the largest."""
        return max(1, round(self.detect.exclusion_samples * self.fitted.sampling_hz / 30_000.0))

    @cached_property
    def near(self) -> I64:
        """The contacts of a template by its largest one."""
        return track.near_contacts(self.fitted.probe, self.params)

    @cached_property
    def near_of_order(self) -> I64:
        """The contacts that batches are compared on, by the largest one of a crossing."""
        return batches.near_contacts(self.fitted.probe, self.params)

    @cached_property
    def universal(self) -> UniversalTemplates:
        """What leftover spikes are found with."""
        return universal_templates(self.fitted.probe, self.detect)

    @cached_property
    def contact_of_centre(self) -> I64:
        """The contact nearest to each universal template."""
        probe, found = self.fitted.probe, self.universal
        away = distances_um(found.positions_um, found.shanks, probe.positions_um, probe.shanks)
        return nearest(away, 1)[:, 0]

    def pieces(self, batch: Block) -> list[Block]:
        """The batch in pieces that know what lies beside them."""
        parts = plan_blocks(((batch.start, batch.stop),), PIECE_SAMPLES, self.n_contacts)
        beside = {"segment_start": batch.segment_start, "segment_stop": batch.segment_stop}
        return [replace(part, **beside) for part in parts]

    def matcher(self, tracked: TrackedTemplates) -> Matcher:
        """The templates as they are now, made ready."""
        now = track.matched_templates(tracked, self.params)
        return make_matcher(now, now.contacts, self.n_contacts, self.shapes)


def plan_batches(run: Run, params: Kilosort2Params) -> tuple[Block, ...]:
    """The batches of the recording, in order of time."""
    return plan_blocks(run.recording.segments, params.batch_samples, 1)


def order_batches(run: Run, bench: Bench) -> BatchOrdering:
    """The batches on a line by what their spikes look like."""
    found = run.over(bench.batches, partial(_cluster, bench=bench), "batches")
    clusters = batches.concatenate_clusters([of_batch for _, of_batch in found])
    n = len(bench.batches)
    step = partial(batches.distances_of_contact, clusters=clusters, near=bench.near_of_order, n_batches=n)
    sums = np.zeros((n, n))
    for part in map_in_order(run.pool, step, range(bench.n_contacts), "order", run.progress):
        sums += part
    run.buffers.clear()
    return put_in_order(batches.dissimilarity(sums, clusters))


def _cluster(run: Run, batch: Block, *, bench: Bench) -> BatchClusters:
    parts = [_crossings(run, piece, bench=bench) for piece in bench.pieces(batch)]
    return batches.cluster_batch(batches.concatenate_crossings(parts), bench.near_of_order, batch.index)


def _crossings(run: Run, piece: Block, *, bench: Bench) -> batches.Crossings:
    margin = bench.shapes.n_samples + bench.exclusion
    white = clean_block(run, piece, bench.fitted, margin).white
    core = (margin, margin + piece.n_samples)
    return batches.crossings(white, bench.shapes, bench.near_of_order, core, bench.exclusion, bench.params)


@dataclass(frozen=True, eq=False)
class _Found:
    """Spikes of a piece (samples of the recording), what is left there, how many values were masked, not finite."""

    spikes: PursuedSpikes
    left: ResidualSpikes
    counts: tuple[int, int]


def _match(item: tuple[Block, Matcher], *, run: Run, bench: Bench, threshold: float, leftovers: bool) -> _Found:
    piece, matcher = item
    margin = MARGIN_WAVEFORMS * bench.shapes.n_samples
    clean = clean_block(run, piece, bench.fitted, margin)
    core = (margin, margin + piece.n_samples)
    space = run.buffers.take("scores", (len(matcher.templates), clean.white.shape[1]))
    found = pursue(clean.white, matcher, core, threshold, bench.params, space)
    spikes = replace(found, sample=found.sample - margin + piece.start)
    left = _leftovers(clean.white, core, bench) if leftovers else _none_left(bench)
    return _Found(spikes, left, (clean.n_masked, clean.n_not_finite))


def _leftovers(residual: F32, core: tuple[int, int], bench: Bench) -> ResidualSpikes:
    """Spikes in the residual, by universal templates."""
    shapes, threshold = bench.shapes, bench.params.learn_threshold
    found = find(residual, shapes, bench.universal, core, bench.exclusion, threshold)
    contact = bench.contact_of_centre[found.centre]
    return ResidualSpikes(contact, describe(residual, found.sample, bench.near[contact], shapes.pcs, shapes.peak_index))


def _none_left(bench: Bench) -> ResidualSpikes:
    return ResidualSpikes(np.empty(0, np.int64), np.empty((0, bench.near.shape[1], len(bench.shapes.pcs)), np.float32))


def lessons(n_batches: int, drift: str) -> list[int]:
    """Places in the order of the batches, as templates go through them: from the middle to each end and back.

    Every second batch of a long recording; all of a short one, again and again until there were 60 lessons. Where drift
    is registered neighbours are no more alike than others: the places come in an order that mixes them.
    """
    step = TEACH_EVERY if n_batches >= TEACH_EVERY * FEWEST_LESSONS else 1
    middle = n_batches // 2
    right, left = list(range(middle, n_batches, step)), list(range(middle, -1, -step))
    tour = [*right, *right[::-1], *left, *left[::-1]]
    if drift == "register":
        mixed = golden_order(n_batches).tolist()
        tour = mixed[: len(tour)]
    return tour * max(1, -(-FEWEST_LESSONS // len(tour)))


def learn(run: Run, bench: Bench, order: BatchOrdering) -> TrackedTemplates:
    """Templates as they look in the middle of the order of the batches."""
    params, tour = bench.params, lessons(len(bench.batches), bench.params.drift)
    momentum = np.geomspace(params.first_momentum, params.last_momentum, len(tour))
    tracked = track.no_templates(bench.near.shape[1], len(bench.shapes.pcs))
    left = _none_left(bench)
    for lesson, place in enumerate(tour):
        run.progress("learn", lesson, len(tour))
        growing = lesson < (1 - SETTLING) * len(tour)
        matcher = bench.matcher(tracked)
        items = [(piece, matcher) for piece in bench.pieces(bench.batches[order.iorig[place]])]
        step = partial(_match, run=run, bench=bench, threshold=params.learn_threshold, leftovers=growing)
        found = list(map_in_order(run.pool, step, items, "learn", silent))
        tracked = _followed(tracked, [each.spikes for each in found], float(momentum[lesson]), bench)
        left = track.concatenate_residuals([left, *(each.left for each in found)])
        if lesson < REVIEW_EVERY or lesson % REVIEW_EVERY == 0 or lesson == len(tour) - 1:
            tracked = _reviewed(run, tracked, bench)
            if growing:
                tracked, left = track.add_templates(tracked, left, bench.near, params)
    run.progress("learn", len(tour), len(tour))
    return tracked


def _followed(tracked: TrackedTemplates, found: list[PursuedSpikes], momentum: float, bench: Bench) -> TrackedTemplates:
    """The templates after the clear spikes of a batch."""
    clear = [each.score >= bench.params.learn_threshold for each in found]
    template = np.concatenate([each.template[ok] for each, ok in zip(found, clear, strict=True)])
    features = np.concatenate([each.features[ok] for each, ok in zip(found, clear, strict=True)])
    drifting = len(bench.batches) if bench.params.drift == "order" else None
    return track.update(tracked, template, features, momentum, drifting)


def _reviewed(run: Run, tracked: TrackedTemplates, bench: Bench) -> TrackedTemplates:
    batch_s = np.mean([batch.n_samples for batch in bench.batches]) / run.recording.sampling_hz
    frequent = track.without_rare(tracked, float(batch_s), bench.params)
    return track.without_duplicates(frequent, bench.n_contacts, bench.shapes.pcs, bench.params)


@dataclass(frozen=True, eq=False)
class Extracted:
    """All spikes, ordered by (sample, template).

    spikes   source is the template, value the score (root of the gain) in noise SD
    place    (n,) int64, the place of the spike's batch in the order
    along    the templates at some places along the order, from its start to its end
    """

    spikes: SpikeTable
    place: I64
    along: tuple[LearnedTemplates, ...]


def extract(run: Run, bench: Bench, order: BatchOrdering, learned: TrackedTemplates) -> Extracted:
    """All spikes: from the middle of the order outwards to both ends, templates following their spikes.

    With drift registered the templates stay as they are.
    """
    n, params = len(bench.batches), bench.params
    chains = range(n // 2, n), range(n // 2 - 1, -1, -1)
    tracked = [learned, learned]
    step = partial(_match, run=run, bench=bench, threshold=params.threshold, leftovers=False)
    shape = learned.contacts.shape[1], len(bench.shapes.pcs)
    with GrowingArray(run.scratch / "extract.features", shape, np.float32) as described:
        rows = _Rows([], [], np.zeros(3, np.int64), described, {})
        seen = set(np.linspace(0, n - 1, VIEWS).astype(int).tolist())
        for done, places in enumerate(zip_longest(*chains)):
            run.progress("extract", 2 * done, n)
            sides = [(chain, place) for chain, place in enumerate(places) if place is not None]
            pieces = [bench.pieces(bench.batches[order.iorig[place]]) for _, place in sides]
            matchers = [bench.matcher(tracked[chain]) for chain, _ in sides]
            items = [(piece, m) for some, m in zip(pieces, matchers, strict=True) for piece in some]
            found = map_in_order(run.pool, step, items, "extract", silent)
            for (chain, place), some, matcher in zip(sides, pieces, matchers, strict=True):
                if place in seen:
                    rows.along[place] = matcher.templates
                part = [rows.kept(each, place) for each in islice(found, len(some))]
                if params.drift == "order":
                    tracked[chain] = _followed(tracked[chain], part, params.last_momentum, bench)
        features = described.finish()
    run.progress("extract", n, n)
    run.buffers.clear()
    return _in_order_of_time(run, rows, features, params)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Extracted spikes in the order in which batches were visited."""

    spikes: list[PursuedSpikes]
    places: list[I64]
    counts: I64
    described: GrowingArray
    along: dict[int, LearnedTemplates]

    def kept(self, found: _Found, place: int) -> PursuedSpikes:
        """The spikes of a piece; everything but their features is kept in memory."""
        spikes = found.spikes
        self.described.append(spikes.features)
        self.spikes.append(replace(spikes, features=spikes.features[:0]))
        self.places.append(np.full(len(spikes.sample), place, np.int64))
        self.counts[:] += *found.counts, spikes.n_left
        return spikes


def _in_order_of_time(run: Run, rows: _Rows, features: F32, params: Kilosort2Params) -> Extracted:
    sample = np.concatenate([np.empty(0, np.int64), *(each.sample for each in rows.spikes)])
    template = np.concatenate([np.empty(0, np.int64), *(each.template for each in rows.spikes)])
    score = np.concatenate([np.empty(0, np.float32), *(each.score for each in rows.spikes)])
    order = np.lexsort((template, sample))
    with GrowingArray(run.scratch / "extract.sorted", features.shape[1:], np.float32) as out:
        for start in range(0, len(order), CHUNK):
            out.append(features[order[start : start + CHUNK]])
        ordered = out.finish()
    notes = _notes(rows.counts.tolist(), "kilosort2.max_peels")
    table = SpikeTable(sample[order], template[order].astype(np.int32), score[order], ordered, notes)
    places = np.concatenate([np.empty(0, np.int64), *rows.places])[order]
    return Extracted(table, places, tuple(rows.along[place] for place in sorted(rows.along)))
