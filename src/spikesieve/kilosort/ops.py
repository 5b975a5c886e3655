"""Results of a sort in the form that Kilosort4 returns them: ops, and the arrays that go with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesieve.io.probes.kilosort4 import kilosort4_probe
from spikesieve.io.results.phy import pc_signs
from spikesieve.kilosort.call import Call
from spikesieve.kilosort.translate import DEFAULTS
from spikesieve.model import F32, F64, Label, Motion, Sorting

IS_TENSOR = ("Wrot", "wPCA")
"""Entries of ops that Kilosort4 has as tensors."""


class Results(NamedTuple):
    """The nine values that `run_kilosort` returns.

    Attributes
    ----------
    ops : dict
        Settings, probe, whitening, drift ... as in `ops.npy`.
    st : ndarray of float64, shape (n_spikes, 3)
        Sample, learned template, and size in noise SD of each spike.
    clu : ndarray of int32, shape (n_spikes,)
        Unit of each spike.
    tF : torch.Tensor or TensorLike of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        Features, on the contacts of `pc_feature_ind.npy`.
    Wall : torch.Tensor or TensorLike of float32, shape (n_units, n_contacts, n_pcs)
        Features of the mean waveforms.
    similar_templates : ndarray of float32, shape (n_units, n_units)
        Similarity of units.
    is_ref : ndarray of bool, shape (n_units,)
        Whether a unit is labelled good.
    est_contam_rate : ndarray of float64, shape (n_units,)
        Contamination; NaN where it cannot be estimated.
    kept_spikes : ndarray of bool, shape (n_spikes,)
        All True: double detections are not among the spikes.
    """

    ops: dict[str, Any]
    st: F64
    clu: NDArray[np.int32]
    tF: Any  # noqa: N815  Kilosort4's name
    Wall: Any
    similar_templates: F32
    is_ref: NDArray[np.bool_]
    est_contam_rate: F64
    kept_spikes: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sorted:
    """A call that was carried out.

    Attributes
    ----------
    call : Call
        What was asked for.
    sorting : Sorting
        The result.
    seconds : float
        How long it took.
    """

    call: Call
    sorting: Sorting
    seconds: float


def spike_table(sorting: Sorting) -> F64:
    """List sample, learned template and size of each spike.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    ndarray of float64, shape (n_spikes, 3)
        The size is the amplitude times the norm of the whitened template: in noise SD, as Th_learned.
    """
    spikes = sorting.spikes
    norm = np.sqrt((whitened_features(sorting) ** 2).sum(axis=(1, 2)))
    size = spikes.amplitude * norm[spikes.unit]
    return np.column_stack([spikes.sample, spikes.detection_template, size]).astype(np.float64)


def whitened_features(sorting: Sorting) -> F32:
    """Project the whitened mean waveforms on the temporal components.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    ndarray of float32, shape (n_units, n_contacts, n_pcs)
        Kilosort4's Wall.
    """
    scores = sorting.templates.dense_uv(sorting.probe.n_contacts).transpose(0, 2, 1) @ signed_pcs(sorting).T
    features: F32 = np.einsum("cd,kdp->kcp", sorting.whitening, scores, optimize=True).astype(np.float32)
    return features


def signed_pcs(sorting: Sorting) -> F32:
    """Give the temporal components with the signs of `pc_features.npy`.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    ndarray of float32, shape (n_pcs, n_waveform_samples)
        Kilosort4's wPCA.
    """
    return sorting.pcs * pc_signs(sorting.pcs)[:, None]


def contamination(sorting: Sorting) -> F64:
    """List the contamination of all units.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        NaN where it cannot be estimated.
    """
    return np.array([math.nan if u.contamination is None else u.contamination for u in sorting.units], np.float64)


def is_good(sorting: Sorting) -> NDArray[np.bool_]:
    """Tell which units are labelled good.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    ndarray of bool, shape (n_units,)
        One value a unit.
    """
    return np.array([unit.label == Label.GOOD for unit in sorting.units], bool)


def ops_of(done: Sorted, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Make Kilosort4's ops.

    Parameters
    ----------
    done : Sorted
        The call and its result.
    settings : mapping
        Settings of spikesieve, by stage.

    Returns
    -------
    dict
        Numbers, texts, dicts and arrays: no object of another class.
    """
    call, sorting = done.call, done.sorting
    return {
        **_settings(call, sorting),
        **_files(call),
        "spikesieve_settings": dict(settings),
        **_probe(call, sorting),
        **_batches(call, sorting),
        "wPCA": signed_pcs(sorting).astype(np.float32),
        "Wrot": sorting.whitening,
        "preprocessing": {"whiten_mat": sorting.whitening},
        "is_tensor": list(IS_TENSOR),
        "torch_device": "cpu",
        "duration": sorting.duration_s,
        "runtime": done.seconds,
        "n_units_total": len(sorting.units),
        "n_units_good": int(is_good(sorting).sum()),
        "n_spikes": len(sorting.spikes),
    }


def _settings(call: Call, sorting: Sorting) -> dict[str, Any]:
    """Kilosort4's settings as they were given, and by name with the values that were used."""
    given = {name: call.settings[name] for name in DEFAULTS}
    used = {
        "fs": sorting.sampling_hz,
        "nt": sorting.templates.uv.shape[1],
        "nt0min": sorting.templates.peak_index,
        "n_pcs": len(sorting.pcs),
        "nearest_chans": sorting.feature_contacts.shape[1],
        "duplicate_spike_bins": int(given["duplicate_spike_ms"] * sorting.sampling_hz / 1e3),
    }
    return {**given, **used, "settings": {**given, **_files(call)}}


def _files(call: Call) -> dict[str, Any]:
    return {
        "filename": [str(file) for file in call.files],
        "data_dir": str(call.data_dir),
        "results_dir": str(call.results_dir),
    }


def _probe(call: Call, sorting: Sorting) -> dict[str, Any]:
    probe, arguments = kilosort4_probe(sorting.probe), call.arguments
    return {
        "data_dtype": call.dtype,
        **{name: bool(arguments[name]) for name in ("do_CAR", "invert_sign", "save_preprocessed_copy")},
        "Nchan": sorting.probe.n_contacts,
        "probe": probe,
        "given_probe": kilosort4_probe(call.probe),
        **probe,
    }


def _batches(call: Call, sorting: Sorting) -> dict[str, Any]:
    """Number of batches, and the drift in each of them."""
    middle_s = batch_middles_s(call, sorting)
    shift_um, depth_um = batch_shifts(sorting.motion, middle_s) if call.settings["nblocks"] else (None, None)
    return {
        "NTbuff": int(call.settings["batch_size"]) + 2 * sorting.templates.uv.shape[1],
        "Nbatches": len(middle_s),
        "dshift": shift_um,
        "yblk": depth_um,
        "mean_drift": 0.0 if shift_um is None else float(np.abs(shift_um).mean()),
    }


def batch_middles_s(call: Call, sorting: Sorting) -> F64:
    """Find the middle of each of Kilosort4's batches.

    Parameters
    ----------
    call : Call
        Gives their length.
    sorting : Sorting
        What was sorted.

    Returns
    -------
    ndarray of float64, shape (n_batches,)
        Times in s since the first sample of the first file.
    """
    n_batch, (first, last) = int(call.settings["batch_size"]), (sorting.segments[0][0], sorting.segments[-1][1])
    n_batches = max(1, math.ceil((last - first) / n_batch))
    middles = first + (np.arange(n_batches) + 0.5) * n_batch
    return np.asarray(middles / sorting.sampling_hz, np.float64)


def batch_shifts(motion: Motion | None, time_s: F64) -> tuple[F64, F64] | tuple[None, None]:
    """Look up the shift that undoes the displacement of the tissue, as Kilosort4 keeps it.

    Parameters
    ----------
    motion : Motion or None
        The displacement that was used.
    time_s : ndarray of float64, shape (n_batches,)
        Middle of each batch in s.

    Returns
    -------
    shift_um : ndarray of float64, shape (n_batches, n_blocks), or None
        Minus the displacement; of several shanks one after another. None without a displacement.
    depth_um : ndarray of float64, shape (n_blocks,), or None
        Middle of each block.

    Examples
    --------
    >>> um = np.array([[[-5.0], [5.0]]], np.float32)
    >>> motion = Motion(np.array([0.0, 60.0]), np.array([100.0]), np.array([0]), um, um * 0, ("use",), ("",))
    >>> batch_shifts(motion, np.array([0.0, 30.0, 60.0]))[0].ravel()
    array([ 5., -0., -5.])
    """
    if motion is None:
        return None, None
    depth_um, shank = np.tile(motion.depth_um, len(motion.shanks)), np.repeat(motion.shanks, len(motion.depth_um))
    columns = [
        motion.at(time_s, np.full(len(time_s), d), np.full(len(time_s), s))
        for d, s in zip(depth_um, shank, strict=True)
    ]
    return -np.stack(columns, axis=1), depth_um
