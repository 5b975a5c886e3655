"""Learns typical waveforms of spikes on a single contact."""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, I64
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages import shapes
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

# A clip is taken from the contact on which the spike is largest among this number of nearest contacts.
NEAR_CONTACTS = 10


@dataclass(frozen=True, eq=False)
class Clips(BlockTask[F32]):
    """Extract clips of clear spikes from a block.

    Attributes
    ----------
    near : ndarray of int64, shape (n_contacts, n_near)
        Nearest contacts of each contact.
    params : ShapesParams
        The settings.
    """

    near: I64
    params: ShapesParams

    @property
    def margin_samples(self) -> int:
        """One waveform length."""
        return shapes.window(self.params, self.source.sampling_hz)[0]

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> F32:
        """Return (n_clips, n_samples) float32 of unit norm."""
        n_samples, peak_index = shapes.window(self.params, self.source.sampling_hz)
        return shapes.clips_of_block(clean.white, self.near, n_samples, peak_index, self.params.threshold_sd)


@versioned(1)
def learn_shapes(run: Run, source: Source, params: ShapesParams) -> Shapes:
    """Learn temporal components and shapes from clear spikes of sample blocks.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    params : ShapesParams
        The settings.

    Returns
    -------
    Shapes
        Temporal components and shapes, which all later steps use.
    """
    xy, shanks = source.probe.positions_um, source.probe.shanks
    near = nearest(distances_um(xy, shanks, xy, shanks), NEAR_CONTACTS)
    clips = run.map(Clips(source, near, params), source.sample_blocks, "shapes")
    return shapes.learn(clips, source.sampling_hz, params)
