"""The same small sorting in every format that can be compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HZ = 30_000.0
N_CONTACTS, N_SAMPLES, PEAK, RANK = 6, 82, 41, 3


@dataclass(frozen=True)
class Small:
    """Spikes, factors of templates as Kilosort2 has them, whitening, probe, batches."""

    sample: np.ndarray
    unit: np.ndarray
    amplitude: np.ndarray
    W: np.ndarray
    U: np.ndarray
    mu: np.ndarray
    Wrot: np.ndarray
    positions_um: np.ndarray
    ccb: np.ndarray
    iorig: np.ndarray

    @property
    def white(self) -> np.ndarray:
        """(unit, sample, contact)."""
        return np.einsum("tkr,ckr->ktc", self.W, self.U) * self.mu[:, None, None]

    @property
    def raw(self) -> np.ndarray:
        """Templates before the whitening."""
        return np.einsum("dc,ktc->ktd", np.linalg.inv(self.Wrot), self.white)


def small(n_units: int = 4, n_spikes: int = 300, seed: int = 0) -> Small:
    """Units on contacts of their own, firing at random over 10 s."""
    rng = np.random.default_rng(seed)
    time = np.arange(N_SAMPLES) - PEAK
    W = np.zeros((N_SAMPLES, n_units, RANK))
    U = np.zeros((N_CONTACTS, n_units, RANK))
    for k in range(n_units):
        W[:, k, 0] = -np.exp(-((time / (3 + k)) ** 2))
        W[:, k, 1] = np.exp(-(((time - 10) / 6) ** 2))
        U[:, k, 0] = np.exp(-(((np.arange(N_CONTACTS) - 1.3 * k) / 1.2) ** 2))
        U[:, k, 1] = 0.2 * U[:, k, 0]
    sample = np.sort(rng.choice(290_000, n_spikes, replace=False)) + 1000
    batches = rng.random((8, 8))
    return Small(
        sample=sample.astype(np.int64),
        unit=rng.integers(0, n_units, n_spikes),
        amplitude=rng.uniform(10, 20, n_spikes),
        W=W,
        U=U,
        mu=rng.uniform(8, 12, n_units),
        Wrot=np.eye(N_CONTACTS) + 0.1 * rng.standard_normal((N_CONTACTS, N_CONTACTS)),
        positions_um=np.stack([np.arange(N_CONTACTS) % 2 * 16.0, np.arange(N_CONTACTS) * 20.0], axis=1),
        ccb=batches + batches.T,
        iorig=rng.permutation(8),
    )


def write_phy(folder: Path, what: Small, n_channels: int = N_CONTACTS, sampling_hz: float = HZ) -> Path:
    """A Phy folder as Kilosort2 writes it: columns for spikes, unsigned times."""
    folder.mkdir(parents=True)
    np.save(folder / "spike_times.npy", what.sample.astype(np.uint64)[:, None])
    np.save(folder / "spike_templates.npy", what.unit.astype(np.uint32)[:, None])
    np.save(folder / "spike_clusters.npy", what.unit.astype(np.uint32)[:, None])
    np.save(folder / "amplitudes.npy", what.amplitude[:, None])
    np.save(folder / "templates.npy", what.white.astype(np.float32))
    np.save(folder / "whitening_mat.npy", what.Wrot)
    # Phy multiplies from the right.
    np.save(folder / "whitening_mat_inv.npy", np.linalg.inv(what.Wrot).T)
    np.save(folder / "channel_positions.npy", what.positions_um)
    np.save(folder / "channel_map.npy", np.arange(N_CONTACTS)[:, None])
    text = f"dat_path = 'raw.bin'\nn_channels_dat = {n_channels}\ndtype = 'int16'\nsample_rate = {sampling_hz}\n"
    (folder / "params.py").write_text(text, encoding="utf-8")
    return folder


def write_rez(path: Path, what: Small, proc: Path | None = None) -> Path:
    """A rez.mat of Kilosort2 with everything in it."""
    n = len(what.sample)
    arrays = {
        "st3": np.stack([what.sample, what.unit + 1, what.amplitude, np.ones(n), np.ones(n)], axis=1),
        "W": what.W,
        "U": what.U,
        "mu": what.mu[:, None],
        "Wrot": what.Wrot,
        "xc": what.positions_um[:, :1],
        "yc": what.positions_um[:, 1:],
        "ccb0": what.ccb,
        "ccbsort": what.ccb[np.ix_(what.iorig, what.iorig)],
        "iorig": what.iorig[:, None] + 1,
        "dshift": np.sin(np.arange(8))[:, None],
        "ops/fs": np.array([[HZ]]),
        "ops/chanMap": np.arange(1, N_CONTACTS + 1)[:, None],
        "ops/NchanTOT": np.array([[N_CONTACTS]]),
        "ops/yblk": np.array([[60.0]]),
    }
    texts = {"ops/fbinary": "/gone/raw.bin", "ops/fproc": str(proc or "/gone/temp_wh.dat")}
    return write_rez_arrays(path, arrays, texts)


def write_rez_arrays(path: Path, arrays: dict[str, np.ndarray], texts: dict[str, str]) -> Path:
    """As MATLAB saves with -v7.3: dimensions reversed, texts as numbers, an empty array as its shape."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_group("rez")
        for name, values in arrays.items():
            dataset = file.create_dataset(f"rez/{name}", data=np.asarray(values, np.float64).T)
            dataset.attrs["MATLAB_class"] = np.bytes_("double")
        for name, text in texts.items():
            codes = np.array([[ord(letter)] for letter in text], np.uint16)
            file.create_dataset(f"rez/{name}", data=codes).attrs["MATLAB_class"] = np.bytes_("char")
        empty = file.create_dataset("rez/ccb", data=np.zeros(2, np.uint64))
        empty.attrs["MATLAB_class"], empty.attrs["MATLAB_empty"] = np.bytes_("double"), np.uint8(1)
    return path


def write_pykilosort(folder: Path, what: Small) -> Path:
    """`DIR/.kilosort/NAME/` of pykilosort; returns DIR."""
    inner = folder / ".kilosort" / "raw"
    inner.mkdir(parents=True)
    n = len(what.sample)
    np.save(inner / "st3.npy", np.stack([what.sample, what.unit, what.amplitude, np.ones(n), np.zeros(n)], axis=1))
    before_split = np.zeros_like(what.W)
    np.save(inner / "W.npy", before_split)
    for name, values in {"W_s": what.W, "U_s": what.U, "mu_s": what.mu, "Wrot": what.Wrot}.items():
        np.save(inner / f"{name}.npy", values)
    np.save(inner / "iorig.npy", what.iorig)
    np.save(inner / "ccb0.npy", what.ccb)
    np.save(inner / "ccbsort.npy", what.ccb[np.ix_(what.iorig, what.iorig)])
    np.save(inner / "dshift.npy", np.cos(np.arange(8))[:, None])
    np.save(inner / "yblk.npy", np.array([60.0]))
    (inner / "params.json").write_text(json.dumps({"fs": HZ}), encoding="utf-8")
    return folder


def write_npz(path: Path, what: Small, sampling_hz: float = HZ) -> Path:
    """Spikes only."""
    np.savez(path, spike_times=what.sample, spike_clusters=what.unit, sampling_hz=sampling_hz)
    return path


def traces(n_samples: int = 6000, seed: int = 3) -> np.ndarray:
    """Preprocessed int16 traces, (n_samples, contacts), smooth enough that a lag can be told."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_samples + 9, N_CONTACTS))
    smooth = sum(noise[k : k + n_samples] for k in range(9))
    return np.round(200 * smooth / 3).astype(np.int16)
