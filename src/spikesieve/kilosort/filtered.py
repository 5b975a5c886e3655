"""The recording of an earlier sort, opened again from ops: high-passed or whitened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikesieve.api.choice import chosen_input
from spikesieve.api.sort import memory_plan, open_run, source_of
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_kilosort
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.preprocessed import write_preprocessed
from spikesieve.kernels import CpuBackend
from spikesieve.model import F32, I64, Probe, Recording
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.passes.saved_traces import white_blocks
from spikesieve.settings.sort import Settings


@dataclass(frozen=True, eq=False)
class FilteredFile:
    """The recording of an earlier sort.

    Attributes
    ----------
    recording : Recording
        The raw samples.
    given : Probe
        All contacts that the sort was given.
    probe : Probe
        The contacts that were sorted.
    settings : Settings
        Settings of the sort.
    whitening : ndarray of float32, shape (n_contacts, n_contacts)
        Its whitening matrix.
    """

    recording: Recording
    given: Probe
    probe: Probe
    settings: Settings
    whitening: F32

    def clips(self, samples: I64, window: tuple[int, int]) -> F32:
        """Cut out high-passed traces around samples.

        Parameters
        ----------
        samples : ndarray of int64, shape (n,)
            Samples, in any order.
        window : (int, int)
            Samples before each of them, and from it on.

        Returns
        -------
        ndarray of float32, shape (n, sum(window), n_contacts)
            In uV, or raw numbers where no gain is known; neither referenced nor whitened.
        """
        before, length = window[0], sum(window)
        params = self.settings.preprocess
        source = Source.of(self.recording, self.probe, params, self.settings.engine.block_samples)
        out = np.zeros((len(samples), length, self.probe.n_contacts), np.float32)
        backend = CpuBackend()
        for block in source.short_blocks:
            rows = np.flatnonzero((samples >= block.start) & (samples < block.stop))
            if len(rows):
                uv = source.clean(block, length, backend).uv
                first = samples[rows] - block.start + length - before
                out[rows] = uv[:, first[:, None] + np.arange(length)].transpose(1, 2, 0)
        return out

    def write_whitened(self, path: Path) -> None:
        """Write the whitened traces of the whole recording, 200 steps a noise SD.

        Parameters
        ----------
        path : Path
            The file: int16, with the samples and channels of the raw file; replaced if it exists.

        Raises
        ------
        OSError
            The disk is full or failed.
        """
        plan = memory_plan(self.recording, self.given, self.settings)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            place = Path(folder)
            with open_run(plan.n_workers, Store.open(place / "steps", reuse=False)) as run:
                source = source_of(self.recording, self.given, self.settings, plan)
                fitted = fit_preprocessing(run, source, self.settings.preprocess)
                if fitted.whitening.shape == self.whitening.shape:
                    fitted = replace(fitted, whitening=self.whitening)
                source = source.with_preprocessing(fitted)
                write_preprocessed(place, white_blocks(run, source), self.recording, source.probe)
            (place / "preprocessed.dat").replace(path)


def filtered_of(ops: Mapping[str, Any], files: Any = None) -> FilteredFile:
    """Open the recording of a sort again.

    Parameters
    ----------
    ops : mapping
        As `run_kilosort` returns it, or `load_ops` reads it.
    files : path or list of paths, optional
        Where the raw files are now. Default: where they were.

    Returns
    -------
    FilteredFile
        Nothing is read yet.

    Raises
    ------
    InputError
        The files are gone, ops were written by another program, or the recording was not in files.
    """
    settings = ops.get("spikesieve_settings")
    files = files or ops.get("filename")
    if not isinstance(settings, Mapping) or not files:
        raise InputError("These ops do not say which files were sorted by spikesieve. Sort them again.")
    n_channels, hz = int(ops["n_chan_bin"]), float(ops["fs"])
    recording = read_recording(files, n_channels, hz, str(ops["data_dtype"]), ops["scale"])
    used = Settings.model_validate(settings)
    recording, given, _ = chosen_input(recording, probe_of_kilosort(ops["given_probe"], "probe"), used.input)
    return FilteredFile(recording, given, probe_of_kilosort(ops["probe"], "probe"), used, np.asarray(ops["Wrot"]))
