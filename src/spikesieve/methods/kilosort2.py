"""The method kilosort2: Kilosort2's algorithm (Pachitariu et al. 2020; Steinmetz et al. 2021), with defects corrected.

It was written from the published description. docs/kilosort2.md explains each step and every difference.
"""

from __future__ import annotations

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.model import Motion, Sorting
from spikesieve.passes.description import DescriptionParams, SortedSpikes, describe
from spikesieve.passes.drift import FollowedMotion, register_traces
from spikesieve.passes.kilosort2.batches import BatchedSource, order_batches, order_of_time
from spikesieve.passes.kilosort2.tracking import extract, learn
from spikesieve.passes.kilosort2.units import make_units
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.passes.shapes import learn_shapes
from spikesieve.settings.sort import Settings


def sort(run: Run, source: Source, settings: Settings, known_motion: Motion | None = None) -> Sorting:
    """Sort a recording: find the spike trains of single neurons.

    The whole recording is read three times (to order batches, learn templates, extract spikes), and sample blocks for
    noise, whitening, shapes and waveforms. With drift registered, the first time is the detection of spikes instead.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.
    settings : Settings
        All settings.
    known_motion : Motion or None, optional
        Displacement of the tissue that was measured elsewhere.

    Returns
    -------
    Sorting
        The result.
    """
    source = source.with_preprocessing(run.step("preprocessing", fit_preprocessing, source, settings.preprocess))
    shapes, motion = run.step("shapes", learn_shapes, source, settings.shapes, False), FollowedMotion()
    if settings.kilosort2.drift == "register":
        source, motion = register_traces(run, source, shapes, settings, known_motion)
    batched = BatchedSource(source, shapes, settings.kilosort2, settings.detect)
    reorder = settings.kilosort2.reorder and settings.kilosort2.drift == "order"
    order = run.step("order", order_batches, batched) if reorder else order_of_time(batched)

    learned = run.step("templates", learn, batched, order)
    found = run.step("spikes", extract, batched, order, learned)
    units = run.step("units", make_units, batched, found, learned.contacts, settings.curate)
    sorted_spikes = SortedSpikes(shapes, found.spikes, units.with_notes(order.notes), motion)
    return run.step("sorting", describe, source, sorted_spikes, DescriptionParams(settings.units, settings.curate))
