"""The oracle: what a greedy matcher that knows the true templates finds in a recording, and what d' its units have.

It bounds nothing strictly, but tells what to expect: a sorter first has to learn what the oracle is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spikesieve.engine.blocks import Block, spread
from spikesieve.engine.run import Run
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.passes.passes import MARGIN_WAVEFORMS, clean_block, fit_preprocessing
from spikesieve.settings.sort import Settings
from spikesieve.stages.match import Matcher, make_matcher
from spikesieve.stages.oracle import match_weak, true_components, true_templates
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes, window
from spikesieve.stages.templates import overlaps, similarity
from spikesieve.stages.waveforms import add_waveforms

MEASURED_BLOCKS = 40
"""Blocks, spread over the recording, that the true templates are averaged from."""


@dataclass(frozen=True, eq=False)
class TrueUnits:
    """The units of the truth, as the preprocessed recording shows them.

    d_prime     (n_units,) float64: norm of the whitened mean waveform in noise SD, the noise of the mean taken off
    snr         (n_units,) float64: largest deflection of the high-passed, referenced mean waveform over the noise SD
    similarity  (n_units, n_units) float32: largest correlation of the whitened mean waveforms over lags
    depth_um    (n_units,) float64: where the contact is on which it is largest
    """

    d_prime: F64
    snr: F64
    similarity: F32
    depth_um: F64


@dataclass(frozen=True, eq=False)
class Oracle:
    """What the oracle finds; `sample`, `unit` and `value` have one entry a spike, in order of time.

    sample  int64;  unit int64, row of the truth's units;  value float32, projection on the unit's template in noise SD
    """

    units: TrueUnits
    sample: I64
    unit: I64
    value: F32


def oracle(run: Run, probe: Probe, sample: I64, unit: I64, settings: Settings, n_units: int) -> Oracle:
    """Match the recording of `run` with the true templates.

    sample, unit  (n_spikes,) int64 of the truth, in order of time, units counted from 0
    n_units       true units; those without a spike have a d' of 0

    The templates are the means of the whitened recording at the true spike times, in the space of as many components of
    their own as `settings.shapes` says, on the contacts nearest to each unit's largest one. Each unit is accepted from
    half of its d' on, so weak ones come with false spikes: `stages.oracle.best_cuts` finds a threshold with the truth.
    """
    fitted, _ = fit_preprocessing(run, probe, settings.preprocess)
    n_samples, peak_index = window(settings.shapes, run.recording.sampling_hz)
    truth = _Truth(sample, unit, n_units, (peak_index, n_samples - peak_index))
    white, uv, counts = _mean_waveforms(run, fitted, truth)
    shapes = true_components(white, settings.shapes.n_pcs, peak_index)
    templates = true_templates(white, counts, fitted.probe, shapes)
    n_contacts = fitted.probe.n_contacts
    alike, _ = similarity(overlaps(templates, n_contacts, shapes.pcs), len(templates))
    size = np.abs(uv).max(axis=1) / fitted.noise_sd_uv
    units = TrueUnits(
        d_prime=templates.norms.astype(np.float64),
        snr=size.max(axis=1).astype(np.float64),
        similarity=alike,
        depth_um=fitted.probe.positions_um[templates.peak_contacts, 1],
    )
    matcher = make_matcher(templates, templates.contacts[:, :1], n_contacts, shapes)
    found = _match_all(run, fitted, shapes, matcher, settings.match.max_peels)
    return Oracle(units, *found)


@dataclass(frozen=True, eq=False)
class _Truth:
    sample: I64
    unit: I64
    n_units: int
    window: tuple[int, int]


def _mean_waveforms(run: Run, fitted: Preprocessing, truth: _Truth) -> tuple[F32, F32, I64]:
    """Mean whitened and uV waveforms, (n_units, n_samples, n_contacts) each, and the spikes they are means of."""
    shape = (truth.n_units, sum(truth.window), fitted.probe.n_contacts)
    white, uv, counts = np.zeros(shape), np.zeros(shape), np.zeros(truth.n_units, np.int64)
    step = partial(_measure, fitted=fitted, truth=truth)
    for _, (more_white, more_uv, n) in run.over(spread(run.blocks, MEASURED_BLOCKS), step, "true templates"):
        white += more_white
        uv += more_uv
        counts += n
    each = np.maximum(counts, 1)[:, None, None]
    return (white / each).astype(np.float32), (uv / each).astype(np.float32), counts


def _measure(run: Run, block: Block, *, fitted: Preprocessing, truth: _Truth) -> tuple[F64, F64, I64]:
    margin = sum(truth.window)
    clean = clean_block(run, block, fitted, margin)
    first, last = np.searchsorted(truth.sample, [block.start, block.stop])
    at, unit = truth.sample[first:last] - block.start + margin, truth.unit[first:last]
    contacts = np.tile(np.arange(fitted.probe.n_contacts), (truth.n_units, 1))
    white = add_waveforms(clean.white, at, unit, contacts, truth.window, truth.n_units)
    uv = add_waveforms(clean.uv, at, unit, contacts, truth.window, truth.n_units)
    return white.sums, uv.sums, np.bincount(unit, minlength=truth.n_units).astype(np.int64)


def _match_all(
    run: Run, fitted: Preprocessing, shapes: Shapes, matcher: Matcher, max_peels: int
) -> tuple[I64, I64, F32]:
    step = partial(_match, fitted=fitted, shapes=shapes, matcher=matcher, max_peels=max_peels)
    parts = [part for _, part in run.over(run.blocks, step, "oracle")]
    none = np.empty(0)
    sample, unit, value = (np.concatenate([none, *column]) for column in zip(*parts, strict=True))
    return sample.astype(np.int64), unit.astype(np.int64), value.astype(np.float32)


def _match(
    run: Run, block: Block, *, fitted: Preprocessing, shapes: Shapes, matcher: Matcher, max_peels: int
) -> tuple[I64, I64, F32]:
    margin = MARGIN_WAVEFORMS * shapes.n_samples
    white = clean_block(run, block, fitted, margin).white
    space = run.buffers.take("scores", (len(matcher.templates), white.shape[1]))
    sample, unit, value = match_weak(white, matcher, max_peels, space)
    inside = (sample >= margin) & (sample < margin + block.n_samples)
    return sample[inside] - margin + block.start, unit[inside], value[inside]
