"""Looks at the installation, the machine and files: what `spikesieve doctor` does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from numba import config
from threadpoolctl import threadpool_info

from spikesieve.api.sort import memory_plan
from spikesieve.engine.machine import machine_bytes, n_processors
from spikesieve.errors import SpikesieveError
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.results.provenance import versions
from spikesieve.kernels import CpuBackend
from spikesieve.kernels import cpu as compiled
from spikesieve.kernels.self_test import wrong_operations

PROBE_BYTES = 2**26
# 384 channels at 30 kHz in int16 are 23 MB for each second of recording, which is read two or three times.
SLOW_MB_S = 70.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        What was looked at.
    value : str
        What was found.
    wrong : str
        What is wrong with it and what to do, as a sentence; empty if nothing is.
    """

    what: str
    value: str
    wrong: str = ""


def examine(
    folder: Path, files: tuple[Path, ...] = (), raw: RawOptions | None = None, probe: str | None = None
) -> tuple[Finding, ...]:
    """Look at the installation, the machine, and files that are to be sorted.

    Parameters
    ----------
    folder : Path
        Folder whose disk is measured.
    files : tuple of Path, optional
        Raw files; each is looked at by itself.
    raw : RawOptions, optional
        How to read them.
    probe : str, optional
        Probe file or name.

    Returns
    -------
    tuple of Finding
        What was found, and what is wrong.
    """
    machine = (_versions, _processors, _memory, lambda: _disk(folder), _kernel_cache, _blas, _kernels)
    looks: list[Callable[[], Finding]] = [*machine]
    looks += [lambda file=file: _file(file, raw or RawOptions(), probe) for file in files]  # type: ignore[misc]
    return tuple(look() for look in looks)


def _versions() -> Finding:
    return Finding("versions", ", ".join(f"{name} {version}" for name, version in versions().items()))


def _processors() -> Finding:
    return Finding("processors", f"{n_processors()} of {os.cpu_count()} may be used")


def _memory() -> Finding:
    n_gb = machine_bytes() / 1e9
    wrong = "" if n_gb >= 2 else "Less than 2 GB of memory: sort on a machine or in a container with more."
    return Finding("memory", f"{n_gb:.1f} GB, limits of a container included", wrong)


def _disk(folder: Path) -> Finding:
    try:
        with TemporaryFile(dir=folder) as file:
            start = time.perf_counter()
            file.write(os.urandom(2**20) * (PROBE_BYTES // 2**20))
            file.flush()
            os.fsync(file.fileno())
            mb_s = PROBE_BYTES / 1e6 / (time.perf_counter() - start)
    except OSError as error:
        return Finding("disk", str(folder), f"{folder} cannot be written: {error.strerror}. Work in another folder.")
    wrong = "" if mb_s >= SLOW_MB_S else f"The disk of {folder} is slow: use a local one, not a network drive."
    return Finding("disk", f"{folder} writes {mb_s:.0f} MB/s", wrong)


def _kernel_cache() -> Finding:
    """Numba keeps compiled kernels beside their source, or in the user's cache if it must not write there."""
    beside, own = Path(str(compiled.__file__)).parent, Path.home() / ".cache"
    chosen = str(getattr(config, "CACHE_DIR", ""))
    places = [Path(chosen)] if chosen else [beside, own]
    usable = next((place for place in places if os.access(place, os.W_OK)), None)
    wrong = (
        "" if usable else "Kernels are compiled at every start. Set NUMBA_CACHE_DIR to a folder that can be written."
    )
    return Finding("compiled kernels", f"kept in {usable}" if usable else "cannot be kept", wrong)


def _blas() -> Finding:
    pools = [f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpool_info()]
    return Finding("threads of libraries", ", ".join(pools) + "; one each while spikesieve sorts")


def _kernels() -> Finding:
    wrong = wrong_operations(CpuBackend())
    if not wrong:
        return Finding("kernels", "give what NumPy gives")
    how = "Delete the folder of compiled kernels, or install numba and spikesieve again."
    return Finding("kernels", f"wrong: {', '.join(wrong)}", f"The kernels {', '.join(wrong)} are wrong here. {how}")


def _file(file: Path, raw: RawOptions, probe: str | None) -> Finding:
    try:
        recording, contacts, notes = open_input((file,), raw, probe)
        plan = memory_plan(recording, contacts)
        recording.read(0, min(recording.n_samples, 1_000))
    except SpikesieveError as error:
        return Finding(str(file), "would not be sorted", str(error))
    about = f"{contacts.n_contacts} contacts of {recording.n_channels} channels, {recording.duration_s:g} s"
    return Finding(str(file), " ".join((f"{about}; {plan.lines()[0]}.", *notes)))
