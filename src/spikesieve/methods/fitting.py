"""Passes of the method sieve: whitened traces with noise of SD 1 in every score, and the search by likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from spikesieve.engine.blocks import Block, spread
from spikesieve.engine.run import Run
from spikesieve.methods.passes import FIT_BLOCKS, MARGIN_WAVEFORMS, SpikeTable, _collect, _Found, clean_block, stretches
from spikesieve.model import F32, F64, I64
from spikesieve.stages import detect
from spikesieve.stages.compete import Matched
from spikesieve.stages.fit import FitParams, fit, noise_of_scores, prior
from spikesieve.stages.match import Matcher
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, TemplatesParams, advanced, aligned, without_duplicates
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict

# Steps of this visit the blocks of a recording evenly, however many are taken.
GOLDEN = 0.6180339887498949


def projections_of(run: Run, block: Block, fitted: Preprocessing, learned: Shapes, margin: int) -> tuple[F32, int, int]:
    """The block on the temporal components, (n_contacts, n_pcs padded, n_samples) float32; how much was blanked."""
    clean = clean_block(run, block, fitted, margin)
    components = detect.in_sixes(learned.pcs)
    projections = run.buffers.take("projections", (len(clean.white), len(components), clean.white.shape[1]))
    detect.temporal_projections(clean.white, components, learned.peak_index, projections)
    return projections, clean.n_masked, clean.n_not_finite


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
    projections, _, _ = projections_of(run, block, fitted, learned, learned.n_samples)
    return noise_of_scores(projections[:, :, learned.n_samples : -learned.n_samples], len(learned.pcs))


def fit_all(
    run: Run, fitted: Preprocessing, learned: Shapes, matcher_of: Callable[[Block], Matcher], params: FitParams
) -> SpikeTable:
    """Second pass: spikes by likelihood, overlaps resolved, described without the others."""
    matcher = matcher_of(run.blocks[0])
    step = partial(_fit, fitted=fitted, learned=learned, matcher_of=matcher_of, params=params)
    return _collect(run, step, "match", (matcher.feature_contacts.shape[1], matcher.n_pcs, 0))[0]


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
    projections, n_masked, n_not_finite = projections_of(run, block, fitted, learned, margin)
    recording = run.recording
    rate_hz = matcher.templates.n_spikes / recording.duration_s
    expected = prior(matcher.templates, rate_hz, recording.sampling_hz, params)
    space = run.buffers.take("scores", (len(matcher.templates), projections.shape[2]))
    found = fit(projections, matcher, expected, (margin, margin + block.n_samples), params, space)
    sample = found.sample - margin + block.start
    nothing = np.empty((len(sample), 0), np.float32)
    return _Found(sample, found.template, found.value, nothing, found.features, n_masked, n_not_finite, found.n_left)


def a_part(run: Run, seconds: float) -> Run:
    """The run with as few of its blocks, spread over the recording, as hold so many seconds; all if it is shorter."""
    wanted = seconds * run.recording.sampling_hz
    order = np.argsort(np.arange(len(run.blocks)) * GOLDEN % 1.0, kind="stable")
    held = np.cumsum([run.blocks[i].n_samples for i in order])
    chosen = np.sort(order[: int(np.searchsorted(held, wanted)) + 1])
    return replace(run, blocks=tuple(run.blocks[i] for i in chosen))


def seconds_of(run: Run) -> float:
    """How many seconds the blocks of a run hold."""
    return sum(block.n_samples for block in run.blocks) / run.recording.sampling_hz


def matched_spikes(
    run: Run, found: SpikeTable, templates: LearnedTemplates, shapes: Shapes, params: FitParams
) -> Matched:
    """The spikes of a pass over the blocks of `run` with `templates` at rest, ready to be refined."""
    rate_hz = templates.n_spikes / run.recording.duration_s
    least = prior(templates, rate_hz, run.recording.sampling_hz, params).least
    return Matched(
        found.sample,
        found.source,
        found.features,
        found.value - least[found.source],
        templates.contacts,
        shapes.pcs,
        run.recording.sampling_hz,
        seconds_of(run),
    )


def followed_again(
    before: MovingTemplates,
    units: LearnedTemplates,
    parent: I64,
    shapes: Shapes,
    tissue: Tissue,
    params: TemplatesParams,
) -> MovingTemplates:
    """Units that were learned from the spikes of moving templates, as templates that move.

    A unit moves as the template that found most of its spikes (`parent`, (n_units,) int64), and the difference between
    the two as a footprint of which nothing but its look at rest is known.
    """
    n_contacts = tissue.probe.n_contacts
    scores = before.scores[:, parent].copy()
    for k in range(len(units)):
        apart = (units.scores[k] - before.rest.scores[parent[k]]).astype(np.float64)
        if len(before.steps_um) == 1:
            scores[0, k] += apart
            continue
        seen = Observed(np.zeros(1), units.contacts[k][None], apart[None], units.n_spikes[k : k + 1])
        scores[:, k] += predict(tissue, seen, before.contacts[:, parent[k]], before.steps_um)
    rest, shifts = aligned(units, shapes)
    for k, shift in enumerate(shifts):
        scores[:, k] = advanced(scores[:, k], int(shift), shapes.pcs)
    families = without_duplicates(rest, n_contacts, shapes.pcs, params)
    one = np.array([np.flatnonzero(families.member == k)[0] for k in range(len(families.templates))], np.int64)
    return MovingTemplates(families.templates, before.steps_um, before.contacts[:, parent[one]], scores[:, one])
