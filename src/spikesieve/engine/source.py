"""What block work reads: a recording, how it is preprocessed, and where its traces are moved with the tissue."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.blocks import Block, evenly_spaced, golden_order, longest_block, plan_blocks, total_samples
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, Motion, Probe, Recording
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.preprocess import Clean, Preprocessing, apply, halo_samples, only_highpass
from spikesieve.stages.tissue import traces_to_rest

# Noise, whitening and shapes are learned from this many short blocks: stable statistics from a small share of a long
# recording, the same for any length of the blocks.
SAMPLE_BLOCKS, SAMPLE_BLOCK_S = 20, 1.0


@dataclass(frozen=True, eq=False)
class TraceShift:
    """Moves the traces of a block to where the tissue is at rest, as Kilosort4 follows drift.

    Attributes
    ----------
    motion : Motion
        How the tissue moved.
    length_um : float
        Length scale of the interpolation between contacts.
    """

    motion: Motion
    length_um: float

    def matrix(self, probe: Probe, time_s: float) -> F32:
        """Matrix that moves the traces at one time.

        Parameters
        ----------
        probe : Probe
            Contacts of the traces.
        time_s : float
            Seconds since the first sample.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_contacts)
            traces at rest = matrix @ traces.
        """
        times = np.full(probe.n_contacts, time_s)
        return traces_to_rest(probe, self.motion.at(times, probe.positions_um[:, 1], probe.shanks), self.length_um)


@dataclass(frozen=True, eq=False)
class Source:
    """A recording and all that it takes to read any block of it clean. Small, and picklable.

    Attributes
    ----------
    recording : Recording
        The raw samples.
    preprocessing : Preprocessing
        From raw samples to whitened traces.
    block_samples : int
        Largest length of a block.
    shift : TraceShift or None
        Moves the traces with the tissue; None where templates follow it, or nothing does.
    """

    recording: Recording
    preprocessing: Preprocessing
    block_samples: int
    shift: TraceShift | None = None

    @classmethod
    def of(cls, recording: Recording, probe: Probe, params: PreprocessParams, block_samples: int) -> Source:
        """Describe a recording of which only the high-pass is known.

        Parameters
        ----------
        recording : Recording
            What to sort.
        probe : Probe
            All contacts.
        params : PreprocessParams
            Gives the corner of the high-pass.
        block_samples : int
            Largest length of a block.

        Returns
        -------
        Source
            Its clean traces are high-passed, and neither referenced, blanked nor whitened.
        """
        return cls(recording, only_highpass(probe, recording.sampling_hz, params), block_samples)

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
        """The recording in blocks of a second, shorter with many channels; they do not depend on `block_samples`."""
        second = round(SAMPLE_BLOCK_S * self.sampling_hz)
        return plan_blocks(self.recording.segments, longest_block(second, self.recording.n_channels))

    @property
    def sample_blocks(self) -> tuple[Block, ...]:
        """Some short blocks, evenly spaced, from which noise, whitening and shapes are learned."""
        return evenly_spaced(self.short_blocks, SAMPLE_BLOCKS)

    def part(self, seconds: float) -> tuple[Block, ...]:
        """Choose blocks that are spread over the recording.

        Parameters
        ----------
        seconds : float
            How much of the recording they hold together.

        Returns
        -------
        tuple of Block
            In order of time: as few as hold that much, or all.
        """
        blocks = self.blocks
        order = golden_order(len(blocks))
        held = np.cumsum([blocks[i].n_samples for i in order])
        chosen = np.sort(order[: int(np.searchsorted(held, seconds * self.sampling_hz)) + 1])
        return tuple(blocks[i] for i in chosen)

    def seconds_of(self, blocks: tuple[Block, ...]) -> float:
        """Seconds that some blocks hold."""
        return total_samples(blocks) / self.sampling_hz

    def with_preprocessing(self, preprocessing: Preprocessing) -> Source:
        """Return the same recording, preprocessed in another way."""
        return replace(self, preprocessing=preprocessing)

    def with_shift(self, shift: TraceShift) -> Source:
        """Return the same recording with traces that follow the tissue."""
        return replace(self, shift=shift)

    def clean(self, block: Block, margin_samples: int, backend: Backend) -> Clean:
        """Read a block and preprocess it.

        Parameters
        ----------
        block : Block
            What to read.
        margin_samples : int
            Samples on either side that come with it. They carry no trace of the edges of the block.
        backend : Backend
            Does the work.

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
        traces_uv = self._read_uv(block, halo + margin_samples, backend)
        return apply(traces_uv, fitted, backend, margin_samples, halo)

    def _read_uv(self, block: Block, halo: int, backend: Backend) -> F32:
        """(n_contacts, n_samples + 2 halo) float32 in uV; beyond the segment its first or last sample is repeated."""
        low = max(block.segment_start, block.start - halo)
        high = min(block.segment_stop, block.stop + halo)
        recording = self.recording
        raw = recording.read(low, high)
        uv = backend.microvolts(raw, self.probe.channels, recording.offset_raw, recording.gain_uv)
        before, after = low - (block.start - halo), block.stop + halo - high
        return np.pad(uv, ((0, 0), (before, after)), mode="edge") if before or after else uv
