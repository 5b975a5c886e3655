"""The preprocessing of a recording for the view of its traces, learned once, or taken from a result."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.api.filtered import without_second_highpass
from spikesieve.engine.source import Source, TraceShift
from spikesieve.engine.store import Store
from spikesieve.model import Probe, Recording, Sorting
from spikesieve.settings.sort import Settings
from spikesieve.stages.preprocess import Preprocessing

BLOCK_SAMPLES = 60_000


def unfitted_source(recording: Recording, probe: Probe, settings: Settings) -> Source:
    """Prepare a recording whose noise is not learned yet: its traces are only high-passed.

    Parameters
    ----------
    recording : Recording
        The recording.
    probe : Probe
        All contacts.
    settings : Settings
        Cutoff of the high-pass.

    Returns
    -------
    Source
        For `views.traces`.
    """
    recording, _ = without_second_highpass(recording, settings.preprocess.highpass_cutoff_hz)
    return Source.of(recording, probe, settings.preprocess, BLOCK_SAMPLES)


def fitted_source(recording: Recording, probe: Probe, settings: Settings, folder: Path | None = None) -> Source:
    """Learn bad contacts, interference, noise and whitening of a recording, as a sort begins.

    Parameters
    ----------
    recording : Recording
        The recording.
    probe : Probe
        All contacts.
    settings : Settings
        All settings.
    folder : Path, optional
        Where what was learned is kept: the next time it is only read. Default: nowhere.

    Returns
    -------
    Source
        For `views.traces`. It takes some seconds.

    Raises
    ------
    InputError
        The recording cannot be read.
    OutputError
        The folder cannot be written.
    """
    source = unfitted_source(recording, probe, settings)
    # What sorts is loaded only where it is needed.
    from spikesieve.api.sort import open_run
    from spikesieve.passes.preprocessing import fit_preprocessing

    with TemporaryDirectory() if folder is None else nullcontext(folder) as place:
        store = Store.open(Path(place), reuse=folder is not None)
        with open_run(1, store) as run:
            return source.with_preprocessing(run.step("noise", fit_preprocessing, source, settings.preprocess))


def source_of_result(
    sorting: Sorting,
    recording: Recording,
    settings: Settings,
    folder: Path | None = None,
    kept: Preprocessing | None = None,
) -> Source:
    """Restore the preprocessing with which a result was sorted.

    Parameters
    ----------
    sorting : Sorting
        The result.
    recording : Recording
        What was sorted.
    settings : Settings
        The settings of the sort.
    folder : Path, optional
        Where what is learned again is kept, see `fitted_source`. Default: nowhere.
    kept : Preprocessing or None, optional
        The preprocessing that the sort wrote: nothing is learned again.

    Returns
    -------
    Source
        Whitening and noise are those of the result. Bad contacts are left out already; interference and the size of
        artifacts are learned again, unless the sort wrote them.
    """
    if kept is not None and np.array_equal(kept.probe.channels, sorting.probe.channels):
        source = unfitted_source(recording, sorting.probe, settings).with_preprocessing(kept)
    else:
        source = _learned_again(sorting, recording, settings, folder)
    if sorting.motion is not None and traces_follow(settings):
        return source.with_shift(TraceShift(sorting.motion, settings.tissue.traces_length_scale_um))
    return source


def _learned_again(sorting: Sorting, recording: Recording, settings: Settings, folder: Path | None) -> Source:
    if settings.preprocess.bad_contacts == "exclude":
        settings = settings.model_copy(
            update={"preprocess": settings.preprocess.model_copy(update={"bad_contacts": "keep"})}
        )
    source = fitted_source(recording, sorting.probe, settings, folder)
    as_sorted = replace(source.preprocessing, whitening=sorting.whitening, noise_sd_uv=sorting.noise_sd_uv)
    return source.with_preprocessing(as_sorted)


def traces_follow(settings: Settings) -> bool:
    """Say whether a sort corrects the traces for drift, instead of moving the templates.

    Parameters
    ----------
    settings : Settings
        Its settings.

    Returns
    -------
    bool
        Whether it does.
    """
    if settings.motion.mode == "off" or settings.motion.n_sections == 0:
        return False
    if settings.method == "kilosort2":
        return settings.kilosort2.drift == "register"
    return settings.motion.mode == "traces"
