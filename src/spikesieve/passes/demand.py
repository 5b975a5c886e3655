"""Properties of a sort that determine its memory, known before it begins."""

from __future__ import annotations

from spikesieve.engine.blocks import longest_block
from spikesieve.engine.memory import Demand
from spikesieve.engine.source import SAMPLE_BLOCK_S
from spikesieve.model import Probe, Recording
from spikesieve.passes.matching import MARGIN_WAVEFORMS
from spikesieve.settings.sort import Settings
from spikesieve.stages import preprocess
from spikesieve.stages.waveform_window import default_window, widest_window

# Learned templates per contact in recordings with many neurons.
TEMPLATES_PER_CONTACT = 1.0


def demand(recording: Recording, probe: Probe, settings: Settings) -> Demand:
    """Collect the properties of a sort that determine its memory, for `engine.memory.plan_memory`.

    Parameters
    ----------
    recording : Recording
        The recording to sort.
    probe : Probe
        All contacts.
    settings : Settings
        All settings.

    Returns
    -------
    Demand
        Sizes of blocks, expected number of templates, largest number of clustered spikes.
    """
    hz = recording.sampling_hz
    window = default_window(settings.shapes, hz)
    longest = widest_window(window, settings.shapes) if settings.method == "sieve" else window
    halo = preprocess.halo_samples(hz, settings.preprocess.highpass_cutoff_hz)
    return Demand(
        n_contacts=probe.n_contacts,
        n_channels=recording.n_channels,
        duration_s=recording.duration_s,
        block_samples=settings.engine.block_samples,
        sample_samples=longest_block(round(SAMPLE_BLOCK_S * hz), recording.n_channels),
        halo_samples=halo + MARGIN_WAVEFORMS * longest.n_samples,
        n_templates=round(TEMPLATES_PER_CONTACT * probe.n_contacts),
        # Kilosort4 clusters all matched spikes.
        max_clustered_spikes=None if settings.method == "kilosort4" else settings.cluster.max_spikes,
        held_bytes=getattr(recording.read, "held_bytes", 0),
    )
