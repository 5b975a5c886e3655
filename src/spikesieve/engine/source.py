"""Preprocessed blocks of a recording, with or without correction of drift."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from spikesieve.engine.blocks import Block, evenly_spaced, golden_order, longest_block, plan_blocks, total_samples
from spikesieve.engine.keys import NOT_IN_KEY
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, Bool, Motion, Probe, Recording
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.blanking import mask_of
from spikesieve.stages.delay import delay_taps
from spikesieve.stages.preprocess import Clean, Preprocessing, RawTraces, apply, halo_samples, only_highpass
from spikesieve.stages.tissue import traces_to_rest

# Noise, whitening and shapes are learned from 20 blocks of 1 s: a small share of a long recording gives stable
# statistics, which do not depend on the length of other blocks.
SAMPLE_BLOCKS, SAMPLE_BLOCK_S = 20, 1.0


@dataclass(frozen=True, eq=False)
class TraceShift:
    """Drift correction of the traces: shifts the traces of a block by interpolation, as Kilosort4 does.

    Attributes
    ----------
    motion : Motion
        Displacement of the tissue.
    length_um : float
        Length scale of the interpolation between contacts in um.
    """

    motion: Motion
    length_um: float

    def matrix(self, probe: Probe, time_s: float) -> F32:
        """Compute the matrix that corrects the traces at one time.

        Parameters
        ----------
        probe : Probe
            Contacts of the traces.
        time_s : float
            Seconds since the first sample.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_contacts)
            Corrected traces = matrix @ traces.
        """
        times = np.full(probe.n_contacts, time_s)
        return traces_to_rest(probe, self.motion.at(times, probe.positions_um[:, 1], probe.shanks), self.length_um)


@dataclass(frozen=True, eq=False)
class Source:
    """A recording with its preprocessing. Small and picklable: samples are read when a block is needed.

    Attributes
    ----------
    recording : Recording
        The raw samples.
    preprocessing : Preprocessing
        Turns raw samples into whitened traces.
    block_samples : int
        Longest block in samples.
    shift : TraceShift or None
        Drift correction of the traces; None if the templates follow drift, or if it is not corrected.
    """

    recording: Recording
    preprocessing: Preprocessing
    block_samples: int = field(metadata=NOT_IN_KEY)
    shift: TraceShift | None = None

    @classmethod
    def of(cls, recording: Recording, probe: Probe, params: PreprocessParams, block_samples: int) -> Source:
        """Create a source that only applies the high-pass, before the rest of the preprocessing is learned.

        Parameters
        ----------
        recording : Recording
            The recording to sort.
        probe : Probe
            All contacts.
        params : PreprocessParams
            Gives the cutoff of the high-pass.
        block_samples : int
            Longest block in samples.

        Returns
        -------
        Source
            Its traces are high-passed, but not referenced or whitened. Artifacts are not looked for yet.
        """
        range_uv = recording.range_uv(probe.channels)
        alone = only_highpass(probe, recording.sampling_hz, params, range_uv)
        return cls(recording, alone, block_samples)

    @property
    def probe(self) -> Probe:
        """The contacts that are sorted."""
        return self.preprocessing.probe

    @property
    def sampling_hz(self) -> float:
        """Sampling rate in Hz."""
        return self.recording.sampling_hz

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in order of time."""
        return plan_blocks(self.recording.segments, self.block_samples)

    @property
    def short_blocks(self) -> tuple[Block, ...]:
        """The recording in blocks of 1 s, shorter with many channels. They do not depend on `block_samples`."""
        second = round(SAMPLE_BLOCK_S * self.sampling_hz)
        return plan_blocks(self.recording.segments, longest_block(second, self.recording.n_channels))

    @property
    def sample_blocks(self) -> tuple[Block, ...]:
        """20 short blocks, evenly spaced, from which noise, whitening and shapes are learned."""
        return evenly_spaced(self.short_blocks, SAMPLE_BLOCKS)

    def part(self, seconds: float) -> tuple[Block, ...]:
        """Choose blocks that are spread over the recording.

        Parameters
        ----------
        seconds : float
            Total duration of the blocks in s.

        Returns
        -------
        tuple of Block
            In order of time: the smallest number of blocks that last at least this long, or all blocks.
        """
        blocks = self.blocks
        order = golden_order(len(blocks))
        held = np.cumsum([blocks[i].n_samples for i in order])
        chosen = np.sort(order[: int(np.searchsorted(held, seconds * self.sampling_hz)) + 1])
        return tuple(blocks[i] for i in chosen)

    @property
    def used_s(self) -> float:
        """Duration in s that is sorted and not blanked, estimated from sample blocks."""
        return self.recording.duration_s * self.preprocessing.used_share

    def seconds_of(self, blocks: tuple[Block, ...]) -> float:
        """Sum up the duration of blocks that is not blanked.

        Parameters
        ----------
        blocks : tuple of Block
            The blocks.

        Returns
        -------
        float
            Duration in s.
        """
        return total_samples(blocks) / self.sampling_hz * self.preprocessing.used_share

    def with_preprocessing(self, preprocessing: Preprocessing) -> Source:
        """Replace the preprocessing.

        Parameters
        ----------
        preprocessing : Preprocessing
            The new preprocessing.

        Returns
        -------
        Source
            The same recording with this preprocessing.
        """
        return replace(self, preprocessing=preprocessing)

    def with_shift(self, shift: TraceShift) -> Source:
        """Add drift correction of the traces.

        Parameters
        ----------
        shift : TraceShift
            The correction.

        Returns
        -------
        Source
            The same recording with corrected traces.
        """
        return replace(self, shift=shift)

    def clean(self, block: Block, margin_samples: int, backend: Backend) -> Clean:
        """Read a block and preprocess it.

        Parameters
        ----------
        block : Block
            The block.
        margin_samples : int
            Samples on either side that are read as well. They are free of edge effects of the filter.
        backend : Backend
            Runs the array operations.

        Returns
        -------
        Clean
            Traces of block.n_samples + 2 margin_samples samples.
        """
        fitted = self.preprocessing
        halo = halo_samples(self.sampling_hz, fitted.params.highpass_cutoff_hz)
        if self.shift is not None:
            matrix = self.shift.matrix(self.probe, block.middle / self.sampling_hz)
            filled = fitted.interpolation
            fitted = replace(fitted, interpolation=matrix if filled is None else matrix @ filled)
        uv, repeated = self._read_uv(block, halo + margin_samples, backend)
        given = self._given(block.start - margin_samples - halo, uv.shape[1])
        raw = RawTraces(uv, halo, repeated, given, self._delay_taps(), self.recording.is_filtered)
        return apply(raw, fitted, backend)

    def _delay_taps(self) -> F32 | None:
        """Weights that bring the contacts to one time; None if they were sampled at once."""
        if self.preprocessing.params.delays == "keep":
            return None
        return delay_taps(self.recording.delay_samples[self.probe.channels])

    def _given(self, first: int, n_samples: int) -> Bool | None:
        """Find the samples around given artifacts: (n_samples,) bool; None without any."""
        at = self.recording.artifact_sample - first
        if not len(at):
            return None
        params, ms = self.preprocessing.params, self.sampling_hz / 1e3
        start, stop = at - round(params.artifact_before_ms * ms), at + round(params.artifact_after_ms * ms) + 1
        near = (stop > 0) & (start < n_samples)
        inside: Bool = mask_of((np.zeros_like(start[near]), start[near], stop[near]), (1, n_samples))[0]
        return inside

    def _read_uv(self, block: Block, halo: int, backend: Backend) -> tuple[F32, tuple[int, int]]:
        """Read a block with its halo in uV. Beyond the segment, its first or last sample is repeated that often."""
        low = max(block.segment_start, block.start - halo)
        high = min(block.segment_stop, block.stop + halo)
        recording = self.recording
        raw = recording.read(low, high)
        uv = backend.microvolts(raw, self.probe.channels, recording.offset_raw, recording.gain_uv)
        before, after = low - (block.start - halo), block.stop + halo - high
        return np.pad(uv, ((0, 0), (before, after)), mode="edge") if before or after else uv, (before, after)
