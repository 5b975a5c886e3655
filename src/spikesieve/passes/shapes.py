"""Learns typical waveforms of spikes on a single contact."""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.model import I64
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages import shapes
from spikesieve.stages.clips import Clips, Window, clips_of_block, concatenate_clips
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.waveform_window import default_window, needed_window, widest_window

# A clip is taken from the contact on which the spike is largest among this number of nearest contacts.
NEAR_CONTACTS = 10


@dataclass(frozen=True, eq=False)
class CutClips(BlockTask[Clips]):
    """Extract clips of clear spikes from a block.

    Attributes
    ----------
    near : ndarray of int64, shape (n_contacts, n_near)
        Nearest contacts of each contact.
    window : Window
        The samples that are cut out.
    threshold_sd : float
        Smallest peak in noise SD.
    min_gap_samples : int
        Smallest distance to another peak of a near contact.
    """

    near: I64
    window: Window
    threshold_sd: float
    min_gap_samples: int

    @property
    def margin_samples(self) -> int:
        """One waveform length."""
        return self.window.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> Clips:
        """Return the clips of the block."""
        how = self.window, self.threshold_sd, self.min_gap_samples
        return clips_of_block(clean.white, self.near, *how, clean.blanked)


@versioned(4)
def learn_shapes(run: Run, source: Source, params: ShapesParams, follow_spikes: bool) -> Shapes:
    """Learn temporal components and shapes from clear spikes of sample blocks.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    params : ShapesParams
        The settings.
    follow_spikes : bool
        Whether the waveform is longer where the largest spikes of the recording last longer than 2 ms.

    Returns
    -------
    Shapes
        Temporal components and shapes, which all later steps use.
    """
    hz, xy, shanks = source.sampling_hz, source.probe.positions_um, source.probe.shanks
    near = nearest(distances_um(xy, shanks, xy, shanks), NEAR_CONTACTS)
    default = default_window(params, hz)
    widest = widest_window(default, params) if follow_spikes else default
    task = CutClips(source, near, widest, params.threshold_sd, default.n_samples // 2 + 1)
    clips = concatenate_clips(run.map(task, source.sample_blocks, "shapes"), widest)
    window = needed_window(clips, default) if widest != default else default
    return shapes.learn(clips.isolated(window).normalized(window), window, hz, params)
