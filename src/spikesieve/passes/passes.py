"""The passes over a recording that methods are made of: each maps a stage over blocks and collects what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from spikesieve.engine.blocks import Block, plan_blocks, spread
from spikesieve.engine.run import Run
from spikesieve.engine.scratch import GrowingArray
from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, I32, I64, Probe
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.match import MatchParams
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages import detect, features, localize, match, preprocess, shapes
from spikesieve.stages.detect import UniversalTemplates
from spikesieve.stages.features import Groups
from spikesieve.stages.match import Matcher
from spikesieve.stages.preprocess import Clean, Preprocessing
from spikesieve.stages.shapes import Shapes

Result = TypeVar("Result")

# Stretches that preprocessing and shapes are learned from: stable statistics from a small share of a long recording.
FIT_BLOCKS = 20
STRETCH_S = 1.0
# Waveform lengths beside a block that are matched with it, so that spikes across its edge are resolved as inside it.
MARGIN_WAVEFORMS = 5
# Columns that say where a detected spike is: x and depth of its centre and by triangulation, if it is located, uV.
N_PLACE = 6


@dataclass(frozen=True, eq=False)
class SpikeTable:
    """Spikes of a whole recording as a pass left them, ordered by (sample, source).

    sample    (n,) int64, sample of the recording
    source    (n,) int32: group (detection) or learned template (matching)
    value     (n,) float32 in noise SD, memory-mapped
    features  (n, n_feature_contacts, n_pcs) float32, memory-mapped
    notes     what the user should know
    """

    sample: I64
    source: I32
    value: F32
    features: F32
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Detected:
    """Spikes of the first pass, and where they are on the probe, memory-mapped.

    spikes          source is the group whose contacts describe the spike
    centre_um       (n, 2) float32, x and depth of the universal template
    position_um     (n, 2) float32, x and depth by triangulation
    located         (n,) float32, above 0 where the position can be trusted
    amplitude_uv    (n,) float32, on the largest contact
    shank_of_group  (n_groups,) int64, number of the shank
    """

    spikes: SpikeTable
    centre_um: F32
    position_um: F32
    located: F32
    amplitude_uv: F32
    shank_of_group: I64

    def shank(self, rows: slice | I64) -> I64:
        """Number of the shank of some spikes, (n,) int64."""
        return self.shank_of_group[self.spikes.source[rows]]


def stretches(run: Run) -> tuple[Block, ...]:
    """The recording in pieces of a second, for what is learned from samples of it, whatever the length of a block."""
    second = round(STRETCH_S * run.recording.sampling_hz)
    return plan_blocks(run.recording.segments, second, run.recording.n_channels)


def fit_preprocessing(run: Run, probe: Probe, params: PreprocessParams) -> tuple[Preprocessing, tuple[str, ...]]:
    """Bad contacts, noise and whitening from some blocks spread over the recording."""
    some = spread(stretches(run), FIT_BLOCKS)
    halo = preprocess.halo_samples(run.recording.sampling_hz, params.highpass_cutoff_hz)

    def of_blocks(function: Callable[[F32], Result], channels: I64) -> Iterable[Result]:
        step = partial(_of_raw, function=function, halo=halo, channels=channels)
        return (found for _, found in run.over(some, step, "noise and whitening"))

    limits_uv = run.recording.range_uv(probe.channels)
    # One range for all contacts: where channels differ, the widest.
    range_uv = None if limits_uv is None else (float(limits_uv[0].min()), float(limits_uv[1].max()))
    return preprocess.fit(of_blocks, probe, run.recording.sampling_hz, range_uv, params)


def _of_raw(run: Run, block: Block, *, function: Callable[[F32], Result], halo: int, channels: I64) -> Result:
    return function(run.read(block, halo, channels))


def clean_block(run: Run, block: Block, fitted: Preprocessing, margin: int) -> Clean:
    """The block preprocessed, with `margin` samples beside it that carry no trace of the edges."""
    halo = preprocess.halo_samples(fitted.sampling_hz, fitted.params.highpass_cutoff_hz)
    if run.to_rest is not None:
        filled = fitted.interpolation
        fitted = replace(fitted, interpolation=run.to_rest(block) if filled is None else run.to_rest(block) @ filled)
    return preprocess.apply(run.read(block, halo + margin, fitted.probe.channels), fitted, halo + margin, halo)


def learn_shapes(run: Run, fitted: Preprocessing, params: ShapesParams) -> Shapes:
    """Temporal components and single-contact shapes from clear spikes of some blocks."""
    some = spread(stretches(run), FIT_BLOCKS)
    xy, shanks = fitted.probe.positions_um, fitted.probe.shanks
    near = nearest(distances_um(xy, shanks, xy, shanks), 10)
    step = partial(_clips, fitted=fitted, near=near, params=params)
    return shapes.learn((clips for _, clips in run.over(some, step, "shapes")), fitted.sampling_hz, params)


def _clips(run: Run, block: Block, *, fitted: Preprocessing, near: I64, params: ShapesParams) -> F32:
    n_samples, peak_index = shapes.window(params, fitted.sampling_hz)
    white = clean_block(run, block, fitted, n_samples).white
    return shapes.clips_of_block(white, near, n_samples, peak_index, params.threshold_sd)


@dataclass(frozen=True, eq=False)
class Detector:
    """What the first pass looks for and how it describes what it finds."""

    learned: Shapes
    templates: UniversalTemplates
    groups: Groups
    params: DetectParams


def detect_all(run: Run, fitted: Preprocessing, detector: Detector, stage: str = "detect") -> Detected:
    """First pass: spikes by universal templates, each described on the contacts of its group."""
    templates, groups = detector.templates, detector.groups
    group_of_centre = features.group_of(templates.positions_um, templates.shanks, groups)
    step = partial(_detect, fitted=fitted, detector=detector, group_of_centre=group_of_centre)
    spikes, place = _collect(run, step, stage, (groups.contacts.shape[1], len(detector.learned.pcs), N_PLACE))
    return Detected(spikes, place[:, :2], place[:, 2:4], place[:, 4], place[:, 5], groups.shanks)


def _detect(run: Run, block: Block, *, fitted: Preprocessing, detector: Detector, group_of_centre: I64) -> _Found:
    learned, templates = detector.learned, detector.templates
    exclusion = max(1, round(detector.params.exclusion_samples * fitted.sampling_hz / 30000.0))
    margin = 2 * learned.n_samples + exclusion
    clean = clean_block(run, block, fitted, margin)
    core = (margin, margin + block.n_samples)
    found = detect.find(clean.white, learned, templates, core, exclusion, detector.params.threshold)
    group = group_of_centre[found.centre]
    order = np.lexsort((group, found.sample))
    sample, group, centre = found.sample[order], group[order], found.centre[order]
    contacts = detector.groups.contacts[group]
    scores = features.describe(clean.white, sample, contacts, learned.pcs, learned.peak_index)
    value = found.value[order]
    amplitude_uv = localize.amplitudes(clean.uv, sample, contacts, fitted.sampling_hz)
    located = localize.localize(amplitude_uv, contacts, fitted.probe)
    largest = amplitude_uv.max(axis=1, initial=0.0)
    columns = templates.positions_um[centre], located.position_um, located.ok, largest
    place = np.column_stack(columns).astype(np.float32)
    counts = clean.n_masked, clean.n_not_finite, 0
    return _Found(sample - margin + block.start, group, value, place, scores, *counts)


def match_all(
    run: Run, fitted: Preprocessing, learned: Shapes, matcher_of: Callable[[Block], Matcher], params: MatchParams
) -> SpikeTable:
    """Second pass: spikes by learned templates, overlaps resolved, described without the others."""
    matcher = matcher_of(run.blocks[0])
    step = partial(_match, fitted=fitted, learned=learned, matcher_of=matcher_of, params=params)
    return _collect(run, step, "match", (*matcher.feature_scores.shape[1:], 0), "match.max_peels")[0]


def _match(
    run: Run,
    block: Block,
    *,
    fitted: Preprocessing,
    learned: Shapes,
    matcher_of: Callable[[Block], Matcher],
    params: MatchParams,
) -> _Found:
    matcher = matcher_of(block)
    margin = MARGIN_WAVEFORMS * learned.n_samples
    clean = clean_block(run, block, fitted, margin)
    space = run.buffers.take("scores", (len(matcher.templates), clean.white.shape[1]))
    found = match.match(clean.white, matcher, (margin, margin + block.n_samples), params, space)
    sample = found.sample - margin + block.start
    counts = clean.n_masked, clean.n_not_finite, found.n_left
    nothing = np.empty((len(sample), 0), np.float32)
    return _Found(sample, found.template, found.value, nothing, found.features, *counts)


@dataclass(frozen=True, eq=False)
class _Found:
    """What a pass takes from one block: the columns of a SpikeTable, places (n, n_place), what its notes count."""

    sample: I64
    source: I64
    value: F32
    place: F32
    features: F32
    n_masked: int
    n_not_finite: int
    n_left: int


def _collect(
    run: Run, step: partial[_Found], stage: str, size: tuple[int, int, int], limit: str = ""
) -> tuple[SpikeTable, F32]:
    """All spikes of a pass, and their places; size = n_near, n_pcs, n_place. `limit` is the setting of rounds."""
    n_near, n_pcs, n_place = size
    counts = np.zeros(3, np.int64)
    with ExitStack() as stack:

        def growing(name: str, row_shape: tuple[int, ...], dtype: DTypeLike) -> GrowingArray:
            return stack.enter_context(GrowingArray(run.scratch / f"{stage}.{name}", row_shape, dtype))

        sample, source = growing("sample", (), np.int64), growing("source", (), np.int32)
        value, place = growing("value", (), np.float32), growing("place", (n_place,), np.float32)
        described = growing("features", (n_near, n_pcs), np.float32)
        for _, found in run.over(run.blocks, step, stage):
            sample.append(found.sample)
            source.append(found.source)
            value.append(found.value)
            place.append(found.place)
            described.append(found.features)
            counts += found.n_masked, found.n_not_finite, found.n_left
        run.buffers.clear()
        table = SpikeTable(
            np.array(sample.finish()),
            np.array(source.finish()),
            value.finish(),
            described.finish(),
            _notes(counts.tolist(), limit),
        )
        return table, place.finish()


def _notes(counts: list[int], limit: str) -> tuple[str, ...]:
    n_masked, n_not_finite, n_left = counts
    notes = []
    if n_not_finite:
        notes.append(f"{n_not_finite} values were NaN or infinite and were read as their contact's mean.")
    if n_masked:
        notes.append(f"{n_masked} values (contacts x samples) were blanked as artifact or saturation.")
    if n_left:
        notes.append(
            f"About {n_left} spikes were left where {limit} rounds of matching were not enough. "
            f"Raise {limit} to find them."
        )
    return tuple(notes)
