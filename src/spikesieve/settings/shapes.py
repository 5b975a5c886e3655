"""Settings: how single-contact shapes are learned."""

from __future__ import annotations

from spikesieve.settings.params import Params, setting


class ShapesParams(Params):
    """How single-contact shapes are learned."""

    threshold_sd: float = setting(6.0, "peaks that train the shapes, in noise SD", kilosort4="Th_single_ch", gt=2.0)
    n_pcs: int = setting(6, "temporal components", kilosort4="n_pcs", ge=1, le=24)
    n_templates: int = setting(6, "typical shapes", kilosort4="n_templates", ge=1, le=24)
    waveform_samples: int | None = setting(
        None, "waveform length in samples, odd; default 2.03 ms (61 at 30 kHz)", kilosort4="nt", ge=11, le=999
    )
    peak_sample: int | None = setting(
        None, "sample of the waveform at which the peak sits; default a third of it", kilosort4="nt0min", ge=1, le=998
    )
    seed: int = setting(5, "seed of the k-means", ge=0)
