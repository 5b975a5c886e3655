"""Settings of the waveform shapes on one contact."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class ShapesParams(Params):
    """How the typical waveforms on one contact are learned."""

    threshold_sd: float = setting(
        6.0,
        "smallest peak that waveform shapes are learned from, in noise SD; "
        "lower it if few spikes are this large, raise it if shapes look like noise",
        kilosort4="Th_single_ch",
        gt=2.0,
    )
    n_pcs: int = setting(
        6,
        "temporal components (PCs) that describe a waveform on one contact; "
        "raise it to tell similar waveforms apart, lower it if units have few spikes",
        kilosort4="n_pcs",
        ge=1,
        le=24,
    )
    n_templates: int = setting(
        6,
        "typical waveform shapes, found by k-means; raise it if waveforms differ much, lower it to save time",
        kilosort4="n_templates",
        ge=1,
        le=24,
    )
    waveform_samples: int | None = setting(
        None,
        "waveform length in samples, odd (default: 2.03 ms, 61 at 30 kHz, and in the method sieve as long as the "
        "largest spikes last); raise it if spikes last longer, lower it to save time",
        kilosort4="nt",
        ge=11,
        le=999,
    )
    peak_sample: int | None = setting(
        None,
        "sample of the waveform at which the peak sits (default: a third of its length); "
        "raise it to see more before the peak, lower it to see more after it",
        kilosort4="nt0min",
        ge=1,
        le=998,
    )
    seed: int = setting(5, "seed of the k-means; change it to see how much depends on chance", ge=0)
