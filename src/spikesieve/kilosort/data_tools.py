"""Kilosort4's data_tools: waveforms, templates and labels of a result folder."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npz
from spikesieve.io.sortings.phy_files import read_cluster_table, required_array
from spikesieve.kilosort.filtered import FilteredFile, filtered_of
from spikesieve.kilosort.saved import labels_and_contamination, load_ops
from spikesieve.model import F32, I64, Templates

AnyPath = str | PathLike[str]


class ClusterSpikes(NamedTuple):
    """Spikes of a unit.

    Attributes
    ----------
    spikes : ndarray of int64, shape (n,)
        Their samples.
    spike_subset : ndarray of int64, shape (n,)
        Which of the unit's spikes they are, in order of time.
    """

    spikes: I64
    spike_subset: I64


def mean_waveform(
    cluster_id: int,
    results_dir: AnyPath,
    n_spikes: float = math.inf,
    bfile: FilteredFile | None = None,
    best: bool = True,
) -> tuple[F32, I64]:
    """Average the waveforms of a unit's spikes.

    Parameters
    ----------
    cluster_id : int
        The unit.
    results_dir : path
        The result folder.
    n_spikes : int, optional
        Number of spikes that are drawn. Default: all.
    bfile : FilteredFile, optional
        The recording, from `io.bfile_from_ops`. Default: the one that was sorted.
    best : bool, optional
        On the best contact only.

    Returns
    -------
    mean_wave : ndarray of float32, shape (n_waveform_samples,) or (n_contacts, n_waveform_samples)
        High-passed, in uV or raw numbers.
    spike_subset : ndarray of int64
        Which of the unit's spikes were used.
    """
    spikes, subset = get_cluster_spikes(cluster_id, results_dir, n_spikes)
    chan = get_best_channel(results_dir, cluster_id) if best else None
    waves = get_spike_waveforms(spikes, results_dir, bfile, chan)
    mean: F32 = waves.mean(axis=-1)
    return mean, subset


def get_best_channels(results_dir: AnyPath) -> I64:
    """Find the contact with the largest template of each unit.

    Parameters
    ----------
    results_dir : path
        The result folder.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        Rows of `channel_map.npy`.
    """
    templates = required_array(Path(results_dir), "templates")
    best: I64 = np.linalg.norm(templates, axis=1).argmax(axis=1)
    return best


def get_best_channel(results_dir: AnyPath, cluster_id: int) -> int:
    """Find the contact with the largest template of a unit.

    Parameters
    ----------
    results_dir : path
        The result folder.
    cluster_id : int
        The unit.

    Returns
    -------
    int
        Row of `channel_map.npy`.
    """
    return int(get_best_channels(results_dir)[cluster_id])


def get_cluster_spikes(cluster_id: int, results_dir: AnyPath, n_spikes: float = math.inf) -> ClusterSpikes:
    """Draw spikes of a unit.

    Parameters
    ----------
    cluster_id : int
        The unit.
    results_dir : path
        The result folder.
    n_spikes : int, optional
        How many, drawn at random, the same each time. Default: all.

    Returns
    -------
    ClusterSpikes
        Samples, and which of the unit's spikes they are; ascending.
    """
    folder = Path(results_dir)
    samples = required_array(folder, "spike_times")[required_array(folder, "spike_clusters") == cluster_id]
    chosen = np.arange(len(samples))
    if n_spikes < len(samples):
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.choice(len(samples), int(n_spikes), replace=False))
    return ClusterSpikes(samples[chosen], chosen)


def get_spike_waveforms(
    spikes: ArrayLike, results_dir: AnyPath, bfile: FilteredFile | None = None, chan: int | None = None
) -> F32:
    """Cut the waveforms of spikes out of the recording.

    Parameters
    ----------
    spikes : array_like of int, shape (n,)
        Samples, as in `spike_times.npy`.
    results_dir : path
        The result folder.
    bfile : FilteredFile, optional
        The recording, from `io.bfile_from_ops`. Default: the one that was sorted.
    chan : int, optional
        A single contact, a row of `channel_map.npy`. Default: all.

    Returns
    -------
    ndarray of float32, shape (n_waveform_samples, n) or (n_contacts, n_waveform_samples, n)
        High-passed, in uV or raw numbers.
    """
    ops = load_ops(Path(results_dir) / "ops.npy")
    file = filtered_of(ops) if bfile is None else bfile
    samples = np.atleast_1d(np.asarray(spikes)).astype(np.int64)
    clips = file.clips(samples, (int(ops["nt0min"]), int(ops["nt"]) - int(ops["nt0min"])))
    return clips[:, :, chan].T if chan is not None else clips.transpose(2, 1, 0)


def cluster_templates(
    cluster_id: int,
    results_dir: AnyPath,
    mean: bool = False,
    best: bool = False,
    spike_subset: NDArray[np.integer[Any]] | None = None,
) -> F32:
    """Give the mean waveform of a unit, as large as each of its spikes is.

    Parameters
    ----------
    cluster_id : int
        The unit.
    results_dir : path
        The result folder.
    mean : bool, optional
        The mean over the spikes.
    best : bool, optional
        On the best contact only.
    spike_subset : ndarray of int, optional
        Which of the unit's spikes. Default: all.

    Returns
    -------
    ndarray of float32, shape (n, n_waveform_samples, n_contacts)
        In uV or raw numbers; without the first axis if `mean`, and without the last if `best`.
    """
    rows = np.flatnonzero(required_array(Path(results_dir), "spike_clusters") == cluster_id)
    scaled = get_templates(rows if spike_subset is None else rows[spike_subset], results_dir)
    if best:
        chan = get_best_channel(results_dir, cluster_id)
        scaled = scaled[:, :, chan]
    return scaled.mean(axis=0) if mean else scaled


def get_templates(spike_idx: ArrayLike, results_dir: AnyPath) -> F32:
    """Give the mean waveform of each spike's unit, as large as the spike is.

    Parameters
    ----------
    spike_idx : int or array_like of int, shape (n,)
        Rows of `spike_times.npy`.
    results_dir : path
        The result folder.

    Returns
    -------
    ndarray of float32, shape (n, n_waveform_samples, n_contacts)
        In uV or raw numbers.
    """
    folder, rows = Path(results_dir), np.atleast_1d(np.asarray(spike_idx))
    arrays = load_npz(folder / "ops.npz")
    templates = Templates(arrays["templates_uv"], arrays["template_contacts"], int(arrays["peak_index"]))
    unit, amplitude = required_array(folder, "spike_templates")[rows], required_array(folder, "amplitudes")[rows]
    scaled: F32 = templates.dense_uv(len(arrays["channels"]))[unit] * amplitude[:, None, None]
    return scaled


def get_good_cluster(results_dir: AnyPath, n: int = 1) -> list[int] | int:
    """Draw units with the label good.

    Parameters
    ----------
    results_dir : path
        The result folder.
    n : int, optional
        How many.

    Returns
    -------
    int or list of int
        Their numbers; a single one if `n` is 1.

    Raises
    ------
    InputError
        There are not as many good units.
    """
    good = np.array([unit for unit, label in get_labels(results_dir) if label == "good"], np.int64)
    if len(good) < n:
        raise InputError(f"{results_dir} has {len(good)} good units, and {n} are asked for.")
    rng = np.random.default_rng()
    drawn: list[int] = rng.choice(good, n, replace=False).tolist()
    return drawn[0] if n == 1 else drawn


def get_labels(results_dir: AnyPath) -> list[list[str]]:
    """List the labels of all units.

    Parameters
    ----------
    results_dir : path
        The result folder.

    Returns
    -------
    list of [str, str]
        Unit and label.
    """
    labels = read_cluster_table(Path(results_dir) / "cluster_KSLabel.tsv")
    return [[str(unit), label] for unit, label in labels.items()]


def get_refractory(results_dir: AnyPath) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """List which units are good, and their contamination.

    Parameters
    ----------
    results_dir : path
        The result folder.

    Returns
    -------
    is_ref : ndarray of bool, shape (n_units,)
        Whether a unit is labelled good.
    est_contam_rate : ndarray of float64, shape (n_units,)
        Contamination; NaN where it cannot be estimated.
    """
    return labels_and_contamination(Path(results_dir))
