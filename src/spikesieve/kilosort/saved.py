"""Reads the result folders of spikesieve and Kilosort4 by Kilosort4's names."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.io.plain_pickle import read_plain_dict
from spikesieve.io.sortings.phy_files import read_cluster_table, required_array
from spikesieve.kilosort.tensors import as_tensor
from spikesieve.model import F32, F64

EXTRA = ("tF", "Wall", "full_st", "full_clu", "full_amp")


def load_ops(ops_path: str | PathLike[str], device: Any = None) -> dict[str, Any]:
    """Read ops.npy, of spikesieve or of Kilosort4. No code in the file is run.

    Parameters
    ----------
    ops_path : path
        The file.
    device : object, optional
        Not used: there are no devices.

    Returns
    -------
    dict
        Content by name; what Kilosort4 has as tensors is made by `as_tensor`.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    ops = read_plain_dict(Path(ops_path))
    for name in ops.get("is_tensor", ()):
        if isinstance(ops.get(name), np.ndarray):
            ops[name] = as_tensor(ops[name])
    return ops


def load_sorting(
    results_dir: str | PathLike[str], device: Any = None, load_extra_vars: bool = False
) -> tuple[Any, ...]:
    """Read a result by Kilosort4's names.

    Parameters
    ----------
    results_dir : path
        A result folder with ops.npy.
    device : object, optional
        Not used: there are no devices.
    load_extra_vars : bool, optional
        Read what `save_extra_vars` wrote as well.

    Returns
    -------
    tuple
        ops, st (n_spikes,), clu, similar_templates, is_ref, est_contam_rate, kept_spikes; and tF, Wall, full_st,
        full_clu, full_amp if asked for.

    Raises
    ------
    InputError
        A file is missing or damaged.
    """
    folder = Path(results_dir)
    is_ref, est_contam_rate = labels_and_contamination(folder)
    values = (
        load_ops(folder / "ops.npy"),
        np.array(required_array(folder, "spike_times")),
        np.array(required_array(folder, "spike_clusters")),
        np.array(required_array(folder, "similar_templates")[: len(is_ref), : len(is_ref)]),
        is_ref,
        est_contam_rate,
        np.array(required_array(folder, "kept_spikes")),
    )
    if not load_extra_vars:
        return values
    extra = [np.array(required_array(folder, name)) for name in EXTRA]
    return (*values, *(as_tensor(array) for array in extra[:2]), *extra[2:])


def features_of_spikes(folder: Path, n_spikes: int) -> F32:
    """Read the features of all spikes from a result folder, when they are needed.

    Parameters
    ----------
    folder : Path
        The folder.
    n_spikes : int
        Number of spikes, without placeholders.

    Returns
    -------
    ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        Kilosort4's tF. Mapped from the file; changes stay in memory.
    """
    features: F32 = np.load(folder / "pc_features.npy", mmap_mode="c")
    return features[:n_spikes].transpose(0, 2, 1)


def labels_and_contamination(folder: Path) -> tuple[NDArray[np.bool_], F64]:
    """Read which units are good, and their contamination.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    is_good : ndarray of bool, shape (n_units,)
        Whether a unit is labelled good.
    contamination : ndarray of float64, shape (n_units,)
        NaN where it is not known.

    Raises
    ------
    InputError
        A table is missing or damaged.
    """
    labels = read_cluster_table(folder / "cluster_KSLabel.tsv").values()
    percent = read_cluster_table(folder / "cluster_ContamPct.tsv").values()
    rates = np.array([float(text or "nan") / 100 for text in percent], np.float64)
    return np.array([label == "good" for label in labels], bool), rates
