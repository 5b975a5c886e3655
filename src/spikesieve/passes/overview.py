"""The overview of the whole recording, of what the detection of spikes saw."""

from __future__ import annotations

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import Overview
from spikesieve.passes.detection import DetectedSpikes
from spikesieve.stages.overview import Energy, Places, bin_samples, overview_of


@versioned(1)
def make_overview(run: Run, source: Source, detected: DetectedSpikes) -> Overview:
    """Make the overview.

    Parameters
    ----------
    run : Run
        Not used.
    source : Source
        The recording.
    detected : DetectedSpikes
        The spikes, and the size of the traces.

    Returns
    -------
    Overview
        The overview.
    """
    n_samples, n_bin = source.recording.n_samples, bin_samples(source.recording.n_samples, source.sampling_hz)
    depth_um = np.where(detected.located, detected.position_um[:, 1], detected.centre_um[:, 1])
    spikes = Places(np.asarray(detected.sample) // n_bin, depth_um, detected.shank(slice(None)))
    traces = Energy(np.asarray(detected.time_bin), np.asarray(detected.uv2), np.asarray(detected.n_used))
    return overview_of(source.probe, (-(-n_samples // n_bin), n_bin / source.sampling_hz), traces, spikes)
