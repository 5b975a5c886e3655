"""How much memory a sort will need, from what is known before it begins."""

from __future__ import annotations

from spikesieve.engine.memory import Demand
from spikesieve.model import Probe, Recording
from spikesieve.passes.matching import MARGIN_WAVEFORMS
from spikesieve.settings.sort import Settings
from spikesieve.stages import preprocess, shapes

# Learned templates of each contact: recordings with many neurons gave one.
TEMPLATES_PER_CONTACT = 1.5


def demand(recording: Recording, probe: Probe, settings: Settings) -> Demand:
    """What the passes over a recording hold in memory, for `engine.memory.plan_memory`."""
    hz = recording.sampling_hz
    n_waveform, _ = shapes.window(settings.shapes, hz)
    halo = preprocess.halo_samples(hz, settings.preprocess.highpass_cutoff_hz)
    return Demand(
        n_contacts=probe.n_contacts,
        n_channels=recording.n_channels,
        duration_s=recording.duration_s,
        block_samples=settings.engine.block_samples,
        halo_samples=halo + MARGIN_WAVEFORMS * n_waveform,
        n_templates=round(TEMPLATES_PER_CONTACT * probe.n_contacts),
        # Kilosort4 clusters all that its templates matched.
        max_clustered_spikes=None if settings.method == "kilosort4" else settings.cluster.max_spikes,
    )
