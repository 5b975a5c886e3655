"""Detects spikes with universal templates, and computes their features and positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I32, I64, Bool, Probe
from spikesieve.settings.detect import KILOSORT4_THRESHOLD, DetectParams
from spikesieve.settings.features import FeaturesParams
from spikesieve.settings.fit import FitParams
from spikesieve.stages import detect, localize
from spikesieve.stages.detect import UniversalTemplates, pitch_um, universal_templates
from spikesieve.stages.detect_at_half_rate import Wanted, find_at_half_rate
from spikesieve.stages.features import Groups, group_of, make_groups
from spikesieve.stages.overview import Energy, bin_samples, energy
from spikesieve.stages.preprocess import Clean, Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.whitening import median_of_blocks

# The noise of universal scores is measured in every 4th sample block, 5 s of a long recording.
EVERY_BLOCK = 4


@dataclass(frozen=True, eq=False)
class DetectedSpikes:
    """Detected spikes, ordered by sample, then group.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    group : ndarray of int32, shape (n,)
        Group of contacts on which its features are measured.
    score : ndarray of float32, shape (n,)
        Projection on the best universal template, in noise SD.
    centre_um : ndarray of float32, shape (n, 2)
        x and depth of the best universal template in um.
    position_um : ndarray of float32, shape (n, 2)
        x and depth by triangulation in um.
    located : ndarray of bool, shape (n,)
        Whether the triangulated position is reliable.
    amplitude_uv : ndarray of float32, shape (n,)
        Amplitude on the largest contact.
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts of the group.
    n_whole : ndarray of int64, shape (n_blocks, n_groups)
        Samples of each block at which a spike of each group would be detected, because all of it is seen.
    n_samples : int
        Samples of all blocks.
    shank_of_group : tuple of int
        Shank of each group; empty for the spikes of one block.
    time_bin : ndarray of int64, shape (n_rows,)
        Bins of time of the overview, and for each
    uv2 : ndarray of float32, shape (n_rows, n_contacts)
        the sum of squares of the traces in uV^2
    n_used : ndarray of int32, shape (n_rows, n_contacts)
        over this number of samples; see `stages.overview.Energy`.
    """

    sample: I64
    group: I32
    score: F32
    centre_um: F32
    position_um: F32
    located: Bool
    amplitude_uv: F32
    features: F32
    time_bin: I64
    uv2: F32
    n_used: I32
    n_whole: I64
    n_samples: int
    shank_of_group: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def whole_share(self) -> F64:
        """Share of the time in which spikes of each group are detected: (n_groups,) float64, above 0."""
        return np.asarray(np.maximum(self.n_whole.sum(axis=0), 1) / self.n_samples)

    @property
    def used_share(self) -> float:
        """Share of the recording (contacts x time) that is not blanked."""
        return float(self.n_used.sum(dtype=np.int64) / (self.n_samples * self.n_used.shape[1]))

    def shank(self, rows: slice | I64) -> I64:
        """Look up the shank of spikes.

        Parameters
        ----------
        rows : slice or ndarray of int64
            Rows of the spikes.

        Returns
        -------
        ndarray of int64, shape (n,)
            Shank numbers.
        """
        return np.array(self.shank_of_group, np.int64)[self.group[rows]]


@dataclass(frozen=True, eq=False)
class Detect(BlockTask[DetectedSpikes]):
    """Detect the spikes of a block. Pickles without the universal templates, which each worker makes for itself.

    Attributes
    ----------
    shapes : Shapes
        Shapes and temporal components.
    params : DetectParams
        Threshold, and where spikes are looked for.
    features : FeaturesParams
        Which contacts describe a spike.
    """

    shapes: Shapes
    params: DetectParams
    features: FeaturesParams
    from_even_sample = True

    def __reduce__(self) -> tuple[type[Detect], tuple[Source, Shapes, DetectParams, FeaturesParams]]:
        return Detect, (self.source, self.shapes, self.params, self.features)

    @cached_property
    def templates(self) -> UniversalTemplates:
        """Where spikes are looked for."""
        return universal_templates(self.source.probe, self.params)

    @cached_property
    def groups(self) -> Groups:
        """Contacts that describe the spikes."""
        return groups_of(self.source.probe, self.params, self.features)

    @cached_property
    def group_of_centre(self) -> I64:
        """The group of each universal template: (n_centres,) int64."""
        return group_of(self.templates.positions_um, self.templates.shanks, self.groups)

    @property
    def exclusion_samples(self) -> int:
        """Exclusion window: samples on either side within which a spike must be the largest."""
        return detect.exclusion_samples(self.params, self.source.sampling_hz)

    @property
    def margin_samples(self) -> int:
        """Two waveform lengths and the exclusion window."""
        return 2 * self.shapes.n_samples + self.exclusion_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> DetectedSpikes:
        """Return the spikes of the block."""
        shapes, templates = self.shapes, self.templates
        wanted = Wanted(shapes, templates, self.exclusion_samples, self.params.least_score)
        found = find_at_half_rate(clean.white, wanted, core.span, backend)
        group = self.group_of_centre[found.centre]
        order = np.lexsort((group, found.sample))
        order = order[detect.are_whole(clean.blanked, self.groups.contacts[group[order]], found.sample[order], shapes)]
        sample, group, centre = found.sample[order], group[order], found.centre[order]
        contacts = self.groups.contacts[group]
        features = backend.describe(clean.white, sample, contacts, shapes.pcs, shapes.peak_index)
        amplitude_uv = localize.amplitudes(clean.uv, sample, contacts, self.source.sampling_hz)
        located = localize.localize(amplitude_uv, contacts, self.source.probe)
        size = energy_of_block(self.source, clean, core)
        return DetectedSpikes(
            sample=sample,
            group=group.astype(np.int32),
            score=found.value[order],
            centre_um=templates.positions_um[centre].astype(np.float32),
            position_um=located.position_um,
            located=located.ok,
            amplitude_uv=amplitude_uv.max(axis=1, initial=0.0),
            features=features,
            time_bin=size.time_bin,
            uv2=size.uv2,
            n_used=size.n_used,
            n_whole=detect.whole_times(clean.blanked, self.groups.contacts, core.span, shapes, backend)[None],
            n_samples=core.stop - core.start,
        )


@dataclass(frozen=True, eq=False)
class UniversalNoise(BlockTask[F64]):
    """Measure the noise of the scores of universal templates in a block.

    Attributes
    ----------
    shapes : Shapes
        Shapes and temporal components.
    params : DetectParams
        Where the templates are.
    """

    shapes: Shapes
    params: DetectParams

    @property
    def margin_samples(self) -> int:
        """One waveform length."""
        return self.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> F64:
        """Return (n_measured, n_sizes, n_shapes) float64."""
        templates = universal_templates(self.source.probe, self.params)
        return detect.noise_of_universal_scores(clean, self.shapes, templates, backend)


def energy_of_block(source: Source, clean: Clean, core: Core) -> Energy:
    """Sum up the squares of the traces of a block, for the overview.

    Parameters
    ----------
    source : Source
        The recording.
    clean : Clean
        Traces of the block with its margins.
    core : Core
        The samples that belong to the block itself.

    Returns
    -------
    Energy
        A row for each bin of time.
    """
    inside, blanked = slice(*core.span), clean.blanked
    n_bin = bin_samples(source.recording.n_samples, source.sampling_hz)
    return energy(clean.uv[:, inside], None if blanked is None else blanked[:, inside], core.block.start, n_bin)


@versioned(3)
def with_detection_threshold(
    run: Run, source: Source, shapes: Shapes, params: DetectParams, fit: FitParams
) -> Preprocessing:
    """Determine the threshold of detection of the method sieve, where scores of noise have SD 1.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened, in which PC scores of noise have SD 1.
    shapes : Shapes
        Shapes and temporal components.
    params : DetectParams
        The universal templates. A threshold that is given is in SD of whitened traces, as in Kilosort4.
    fit : FitParams
        Detections that noise may make; share of a given threshold that is used.

    Returns
    -------
    Preprocessing
        With `detection_threshold_sd`, and a note that tells it.
    """
    fitted = source.preprocessing
    score_sd_of_given = fit.detection_threshold_ratio / fitted.score_noise_sd
    if params.threshold is not None:
        threshold = params.threshold * score_sd_of_given
        note = f"Spikes were detected down to {threshold:.2f} noise SD: detect.threshold was given."
    else:
        task, blocks = UniversalNoise(source, shapes, params), source.sample_blocks[::EVERY_BLOCK]
        sd = median_of_blocks(list(run.map(task, blocks, "detection threshold")), 0.0)
        follows = detect.threshold_of_noise(sd, fit.false_detections_hz)
        # Where spikes overlap most of the time, they count as noise.
        threshold = min(follows, KILOSORT4_THRESHOLD * score_sd_of_given)
        note = (
            f"Spikes were detected down to {threshold:.2f} noise SD, as with "
            f"detect.threshold={threshold / score_sd_of_given:.1f}: noise alone exceeds {follows:.2f} about "
            f"{fit.false_detections_hz:g} times per second and contact (fit.false_detections_hz)."
        )
    return replace(fitted, detection_threshold_sd=float(threshold), notes=(*fitted.notes, note))


@versioned(9)
def detect_spikes(
    run: Run, source: Source, shapes: Shapes, params: DetectParams, features: FeaturesParams
) -> DetectedSpikes:
    """Detect spikes in the whole recording.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Shapes and temporal components.
    params : DetectParams
        Threshold, size and spacing of the universal templates.
    features : FeaturesParams
        Contacts of a group.

    Returns
    -------
    DetectedSpikes
        The spikes; their features are on disk.
    """
    task = Detect(source, shapes, params, features)
    # Values that were lost are reported once, by the final matching.
    found, _ = run.collect(task, source.blocks, "detect")
    return replace(found, shank_of_group=tuple(task.groups.shanks.tolist()))


def groups_of(probe: Probe, params: DetectParams, features: FeaturesParams) -> Groups:
    """Make the groups of contacts on which the features of detected spikes are measured.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    params : DetectParams
        Vertical pitch.
    features : FeaturesParams
        Contacts of a group, its reach and its width.

    Returns
    -------
    Groups
        Groups 2 pitches apart along each shank.
    """
    return make_groups(probe, pitch_um(probe, params), features)
