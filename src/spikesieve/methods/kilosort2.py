"""Kilosort2's algorithm (Pachitariu, Sridhar, Stringer 2020; Steinmetz et al. 2021), from its description, mended.

docs/kilosort2.md says what each call does, and what differs and why.
"""

from __future__ import annotations

from collections.abc import Callable

from spikesieve.engine.run import Run
from spikesieve.model import Motion, Probe, Sorting
from spikesieve.passes.describe import Final, describe
from spikesieve.passes.kilosort2.intermediates import Arrays, intermediates
from spikesieve.passes.kilosort2.passes import Bench, extract, learn, order_batches, plan_batches
from spikesieve.passes.kilosort2.units import make_units
from spikesieve.passes.moving import find_motion, with_traces_at_rest
from spikesieve.passes.passes import Detector, detect_all, fit_preprocessing, learn_shapes
from spikesieve.settings.sort import Settings
from spikesieve.stages.detect import pitch_um, universal_templates
from spikesieve.stages.features import make_groups
from spikesieve.stages.kilosort2.ordering import BatchOrdering


def sort(run: Run, probe: Probe, settings: Settings, keep: Callable[[Arrays], None] | None = None) -> Sorting:
    """Spike trains of single neurons.

    keep  called at the end with the intermediate results, by Kilosort2's names (docs/kilosort2.md)

    The recording is read three times from end to end (order, learn, extract) and in samples (noise and whitening,
    shapes, waveforms); with drift registered, the first time to find the spikes that tell it.
    """
    params = settings.kilosort2
    fitted, odd_contacts = fit_preprocessing(run, probe, settings.preprocess)
    shapes = learn_shapes(run, fitted, settings.shapes)
    bench = Bench(fitted, shapes, plan_batches(run, params), params, settings.detect)
    probe, order, motion, followed = fitted.probe, BatchOrdering.of_time(len(bench.batches)), None, None

    if params.drift == "register":
        groups = make_groups(probe, pitch_um(probe, settings.detect), settings.features)
        universal = universal_templates(probe, settings.detect)
        detected = detect_all(run, fitted, Detector(shapes, universal, groups, settings.detect))
        motion = find_motion(run, probe, detected, settings.motion)
        followed = Motion.still(probe.shanks, "The traces follow the tissue.")
        run = with_traces_at_rest(run, probe, motion, settings.tissue)
    elif params.reorder:
        order = order_batches(run, bench)

    learned = learn(run, bench, order)
    found = extract(run, bench, order, learned)

    trains, means, removed = make_units(run, bench, found, learned.contacts, settings.curate)
    notes = (*odd_contacts, *removed, *order.notes)
    final = Final(trains, means, learned.contacts, settings.kilosort2.threshold, notes, motion, followed)
    sorting = describe(run, fitted, shapes, found.spikes, final, settings)
    if keep is not None:
        keep(intermediates(run, bench, order, found, final, sorting))
    return sorting
