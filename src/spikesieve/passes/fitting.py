"""Passes of the method sieve: whitened traces with noise of SD 1 in every score, and the search by likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.blocks import Block, golden_order, spread
from spikesieve.engine.run import Run
from spikesieve.model import F32, F64, I32, I64
from spikesieve.passes.moving import Rest
from spikesieve.passes.passes import FIT_BLOCKS, MARGIN_WAVEFORMS, SpikeTable, _collect, _Found, clean_block, stretches
from spikesieve.settings.fit import FitParams
from spikesieve.settings.sort import Settings
from spikesieve.stages.match import Matcher
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.compete import Matched
from spikesieve.stages.sieve.fit import fit, noise_of_scores, prior
from spikesieve.stages.sieve.follow import FoundUnits, distinct, followed_again, seen_on_probe, together
from spikesieve.stages.sieve.parts import joined
from spikesieve.stages.sieve.refine import Learned, learn, templates_of
from spikesieve.stages.sieve.sums import sums_of_two
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.tissue import MovingTemplates


def with_unit_noise(run: Run, fitted: Preprocessing, learned: Shapes) -> tuple[Preprocessing, float]:
    """The whitening scaled so that scores of noise have SD 1 on every contact, and the median SD that they had.

    White traces have a variance of 1, spikes and all, but noise is no white noise in time: its scores on slow
    components are larger than that.
    """
    step = partial(_noise, fitted=fitted, learned=learned)
    sd: F64 = np.median(
        [one for _, one in run.over(spread(stretches(run), FIT_BLOCKS), step, "noise of scores")], axis=0
    )
    return replace(fitted, whitening=(fitted.whitening / sd[:, None]).astype(np.float32)), float(np.median(sd))


def _noise(run: Run, block: Block, *, fitted: Preprocessing, learned: Shapes) -> F64:
    white = clean_block(run, block, fitted, learned.n_samples).white
    return noise_of_scores(white, learned)


def fit_all(
    run: Run, fitted: Preprocessing, learned: Shapes, matcher_of: Callable[[Block], Matcher], params: FitParams
) -> tuple[SpikeTable, F32]:
    """Second pass: spikes by likelihood, overlaps resolved, described without the others.

    Returns them, and (n_spikes, 3) float32: excess, amplitude and norm of the template as in `stages.fit.Fitted`.
    """
    matcher = matcher_of(run.blocks[0])
    step = partial(_fit, fitted=fitted, learned=learned, matcher_of=matcher_of, params=params)
    return _collect(run, step, "match", (*matcher.feature_scores.shape[1:], 3), "fit.max_rounds")


def _fit(
    run: Run,
    block: Block,
    *,
    fitted: Preprocessing,
    learned: Shapes,
    matcher_of: Callable[[Block], Matcher],
    params: FitParams,
) -> _Found:
    matcher = matcher_of(block)
    margin = MARGIN_WAVEFORMS * learned.n_samples
    clean = clean_block(run, block, fitted, margin)
    recording = run.recording
    rate_hz = matcher.templates.n_spikes / recording.duration_s
    expected = prior(matcher.templates, rate_hz, recording.sampling_hz, params)
    space = run.buffers.take("scores", (len(matcher.templates), clean.white.shape[1]))
    found = fit(clean.white, matcher, expected, (margin, margin + block.n_samples), params, space)
    sample = found.sample - margin + block.start
    how = np.column_stack([found.excess, found.amplitude, found.norm])
    counts = clean.n_masked, clean.n_not_finite, found.n_left
    return _Found(sample, found.template, found.value, how, found.features, *counts)


def a_part(run: Run, seconds: float) -> Run:
    """The run with as few of its blocks, spread over the recording, as hold so many seconds; all if it is shorter."""
    wanted = seconds * run.recording.sampling_hz
    order = golden_order(len(run.blocks))
    held = np.cumsum([run.blocks[i].n_samples for i in order])
    chosen = np.sort(order[: int(np.searchsorted(held, wanted)) + 1])
    return replace(run, blocks=tuple(run.blocks[i] for i in chosen))


def seconds_of(run: Run) -> float:
    """How many seconds the blocks of a run hold."""
    return sum(block.n_samples for block in run.blocks) / run.recording.sampling_hz


def matched_spikes(run: Run, found: tuple[SpikeTable, F32], templates: LearnedTemplates, shapes: Shapes) -> Matched:
    """The spikes of a pass over the blocks of `run` with `templates` at rest, ready to be refined."""
    spikes, (excess, amplitude, norm) = found[0], found[1].T
    size = norm / np.maximum(templates.norms, 1e-9)[spikes.source]
    return Matched(
        spikes.sample,
        spikes.source,
        spikes.features,
        excess,
        amplitude,
        size.astype(np.float32),
        templates.contacts,
        templates.scores,
        shapes.pcs,
        run.recording.sampling_hz,
        seconds_of(run),
    )


def least_score(spikes: SpikeTable, how: F32) -> float:
    """The smallest score that counts, of the median spike, in noise SD; 0 without spikes."""
    return float(np.median(spikes.value - how[:, 0])) if len(spikes.value) else 0.0


@dataclass(frozen=True, eq=False)
class UnitsInTissue:
    """Units in the spikes of moving templates, and which are parts of one neuron.

    learned  the units
    found    those with enough spikes, as templates at rest
    became   (n_found,) int64, the one that each is a part of
    moving   those that are left, as templates that move
    """

    learned: Learned
    found: FoundUnits
    became: I64
    moving: MovingTemplates


def units_in_tissue(
    run: Run, matched: Matched, before: MovingTemplates, rest: Rest, settings: Settings
) -> UnitsInTissue:
    """The units in the spikes that `before` matched in `run`, compared at the displacements where they were seen."""
    learned = learn(matched, settings.fit, settings.refine, run.share)
    found, some = FoundUnits(*templates_of(learned), learned.now.amplitude), learned.spikes
    width = max(1, round(settings.tissue.displacement_bin_um / settings.tissue.displacement_step_um))
    step = steps_of(run, some.sample, some.source, before, rest)
    seen = seen_on_probe(some, found, step, before, width, run.share)
    if len(before.steps_um) > 1:
        became, moving = joined(seen, some, rest.tissue, settings.refine, run.share)
    else:
        became = np.arange(len(seen.seen))
        moving = followed_again(seen, became, rest.tissue, run.share)
    return UnitsInTissue(learned, found, became, moving)


def learned_again(
    part: Run, matched: Matched, before: MovingTemplates, shapes: Shapes, rest: Rest, settings: Settings
) -> MovingTemplates:
    """The units in the spikes that `before` matched in a part of the recording, as templates that move; no sums."""
    units = units_in_tissue(part, matched, before, rest, settings)
    share = seconds_of(part) / part.recording.duration_s
    moving = together(units.moving, rarely_seen(before, units.found.parent, share, settings))
    n_contacts, hz = rest.tissue.probe.n_contacts, part.recording.sampling_hz
    moving = distinct(moving, n_contacts, shapes, settings.templates)
    single = np.flatnonzero(~sums_of_two(moving.rest, n_contacts, shapes.pcs, seconds_of(part), hz, settings.fit))
    return moving.take(single, moving.rest.n_spikes[single])


def rarely_seen(before: MovingTemplates, parent: I64, share: float, settings: Settings) -> MovingTemplates:
    """The templates that no unit was learned from, of neurons too rare to be learned in this share of the recording."""
    expected = before.rest.n_spikes * share
    rare = np.setdiff1d(np.flatnonzero(expected < settings.refine.min_spikes), parent)
    return before.take(rare, np.round(expected[rare]).astype(np.int64))


def steps_of(run: Run, sample: I64, source: I32, templates: MovingTemplates, rest: Rest) -> I64:
    """The step at which each spike was matched, (n,) int64: that of its template in the middle of its block."""
    starts = np.array([block.start for block in run.blocks])
    middles = np.array([block.middle for block in run.blocks]) / run.recording.sampling_hz
    peak, probe = templates.rest.peak_contacts, rest.tissue.probe
    when = middles[np.searchsorted(starts, sample, side="right") - 1]
    return templates.step_of(rest.motion.at(when, probe.positions_um[peak[source], 1], probe.shanks[peak[source]]))
