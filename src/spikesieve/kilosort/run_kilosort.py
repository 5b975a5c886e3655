"""`run_kilosort`, with Kilosort4's arguments and values, carried out by spikesieve."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.api.save import LOG_NAME
from spikesieve.api.sort_files import Job, sort_opened
from spikesieve.io.results.kilosort4_files import LOG, write_kilosort4_files
from spikesieve.io.results.run_log import attached
from spikesieve.kilosort.call import Call, call_of, notes_on_input, open_recording
from spikesieve.kilosort.ops import (
    Results,
    Sorted,
    batch_middles_s,
    contamination,
    is_good,
    ops_of,
    spike_table,
    whitened_features,
)
from spikesieve.kilosort.saved import features_of_spikes, load_ops
from spikesieve.kilosort.saved import load_sorting as load_sorting
from spikesieve.kilosort.tensors import as_tensor
from spikesieve.kilosort.translate import translated
from spikesieve.model import Sorting
from spikesieve.report.kilosort4 import write_kilosort4_pictures
from spikesieve.settings.kilosort4 import ABSENT_IN_SPIKESIEVE

AnyPath = str | PathLike[str]


def run_kilosort(
    settings: Mapping[str, Any],
    probe: Mapping[str, Any] | None = None,
    probe_name: str | None = None,
    filename: AnyPath | Sequence[AnyPath] | None = None,
    data_dir: AnyPath | None = None,
    file_object: Any = None,
    results_dir: AnyPath | None = None,
    data_dtype: Any = None,
    do_CAR: bool = True,
    invert_sign: bool = False,
    device: Any = None,
    progress_bar: Any = None,
    save_extra_vars: bool = False,
    clear_cache: bool = False,
    save_preprocessed_copy: bool = False,
    bad_channels: Sequence[int] | None = None,
    shank_idx: float | Sequence[float] | None = None,
    verbose_console: bool = False,
    verbose_log: bool = False,
    torch_thread_lim: int | None = None,
) -> Results:
    """Sort a recording with spikesieve, called as Kilosort4 is.

    Parameters
    ----------
    settings : dict
        Settings of Kilosort4; `n_chan_bin` is needed. {"method": "kilosort4"} chooses that method, and full names of
        spikesieve's settings ("motion.mode") are accepted. A setting that changes nothing is named in a note.
    probe : dict, optional
        The probe, as `kilosort.io.load_probe` returns it.
    probe_name : str, optional
        A file in `PROBE_DIR`. Among the settings, `probe_path` names a file anywhere.
    filename : path or list of paths, optional
        Raw files, in order of time.
    data_dir : path, optional
        Folder with a single raw file, where `filename` is not given.
    file_object : array-like, optional
        Samples (samples, channels) that are read instead of the files.
    results_dir : path, optional
        Folder of the result. Default: `kilosort4` beside the raw file. Files of an older result in it are moved into a
        folder beside it.
    data_dtype : str or type, optional
        Type of the samples: int16, uint16, int32 or float32. Default: int16.
    do_CAR : bool, optional
        Subtract a common reference.
    invert_sign : bool, optional
        Multiply all samples by -1.
    device, progress_bar : object, optional
        Not used: there is no GPU to choose, and the log shows where the sort is.
    save_extra_vars : bool, optional
        Write tF.npy, Wall.npy, full_st.npy, full_clu.npy and full_amp.npy as well.
    clear_cache : bool, optional
        Not used.
    save_preprocessed_copy : bool, optional
        Write the whitened traces to temp_wh.dat, and have Phy show them. They are not corrected for drift.
    bad_channels : list of int, optional
        Channels of the file that are left out.
    shank_idx : float or list, optional
        Values of kcoords. Each shank is sorted into its own folder, `shank_0` ..., and the last one is returned.
    verbose_console, verbose_log : bool, optional
        Not used: the log is always complete.
    torch_thread_lim : int, optional
        Number of workers. Default: one for each processor.

    Returns
    -------
    Results
        Nine values: ops, st, clu, tF, Wall, similar_templates, is_ref, est_contam_rate, kept_spikes.

    Raises
    ------
    WrongSettingsError
        A ValueError: n_chan_bin is missing, a setting is unknown, or there is no probe.
    SettingsError, InputError, OutputError
        With a sentence that says what to do.
    """
    arguments = dict(locals())
    call = call_of(arguments)
    if shank_idx is None:
        return _sort(call, ())
    *others, last = np.atleast_1d(np.asarray(shank_idx)).tolist()
    for shank in others:
        _sort(call.of_shank(shank), (int(shank),))
    return _sort(call.of_shank(last), (int(last),))


def _sort(call: Call, shanks: tuple[int, ...]) -> Results:
    """Sort all shanks (an empty tuple) or some."""
    arguments, started = call.arguments, datetime.now()
    chosen = {name: arguments[name] for name in ("do_CAR", "invert_sign", "bad_channels")}
    with _console():
        settings, notes = translated(call.settings, {**chosen, "shank_idx": shanks})
        recording = open_recording(call)
        notes = (*notes_on_input(call, recording), *_unused(arguments), *notes)
        job = Job(
            files=(),
            out=call.results_dir,
            settings=settings,
            beside_older=True,
            save_preprocessed=bool(arguments["save_preprocessed_copy"]),
            n_jobs=arguments["torch_thread_lim"],
        )
        add_files = partial(_add_files, call, settings.model_dump(), started)
        outcome = sort_opened(job, (recording, call.probe, notes), add_files=add_files)
        shutil.copy(outcome.folder / LOG_NAME, outcome.folder / LOG)
    return _results(outcome.sorting, outcome.folder)


def _add_files(call: Call, settings: Mapping[str, Any], started: datetime, folder: Path, sorting: Sorting) -> None:
    seconds = (datetime.now() - started).total_seconds()
    arrays: dict[str, NDArray[Any]] = {"kept_spikes": np.ones(len(sorting.spikes), bool)}
    if call.arguments["save_extra_vars"]:
        arrays["tF"] = features_of_spikes(folder, len(sorting.spikes))
        arrays["Wall"] = whitened_features(sorting)
        arrays["full_st"] = spike_table(sorting)
        arrays["full_clu"] = sorting.spikes.unit
        arrays["full_amp"] = sorting.spikes.amplitude
    ops = ops_of(Sorted(call, sorting, seconds), settings)
    write_kilosort4_files(folder, ops, arrays)
    shift_um = ops["dshift"]
    drift = None if shift_um is None else (batch_middles_s(call, sorting), shift_um)
    write_kilosort4_pictures(folder, sorting, whitened_features(sorting), drift)


def _results(sorting: Sorting, folder: Path) -> Results:
    n_spikes = len(sorting.spikes)
    return Results(
        ops=load_ops(folder / "ops.npy"),
        st=spike_table(sorting),
        clu=sorting.spikes.unit,
        tF=as_tensor(features_of_spikes(folder, n_spikes)),
        Wall=as_tensor(whitened_features(sorting)),
        similar_templates=sorting.similarity,
        is_ref=is_good(sorting),
        est_contam_rate=contamination(sorting),
        kept_spikes=np.ones(n_spikes, bool),
    )


def _unused(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each argument that was given and changes nothing."""
    given = [name for name in ("device", "progress_bar") if arguments[name] is not None]
    given += [name for name in ("clear_cache", "verbose_console", "verbose_log") if arguments[name]]
    return tuple(f"{name}={arguments[name]} changes nothing. {ABSENT_IN_SPIKESIEVE[name].sentence}" for name in given)


@contextmanager
def _console() -> Iterator[None]:
    """Show the log while a sort runs, as Kilosort4 does, unless the script shows logs itself."""
    handler: logging.Handler = logging.NullHandler() if logging.getLogger().handlers else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    with attached(handler):
        yield
