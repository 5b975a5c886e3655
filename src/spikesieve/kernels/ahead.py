"""Has the largest kernels compiled by a process of its own, while a first sort compiles the others.

Kernels are compiled when they are first called, and Numba compiles one at a time. What is compiled is kept for later.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spikesieve.kernels.compiling import compiling
from spikesieve.kernels.cpu.match import template_scores
from spikesieve.kernels.cpu.pursue import pursue

# Half of all compiling. A sort calls them last.
LARGEST: tuple[Any, ...] = (pursue, template_scores)


class Ahead:
    """What is being compiled elsewhere. Pickles without its process.

    Parameters
    ----------
    process : Popen or None, optional
        Compiles the kernels in `LARGEST`; None: nothing is.
    """

    def __init__(self, process: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process

    def wait(self) -> None:
        """Wait until it is compiled: to compile it here as well would take longer."""
        if self._process is not None:
            self._process.wait()

    def __reduce__(self) -> tuple[type[Ahead], tuple[()]]:
        return Ahead, ()


@contextmanager
def compiled_ahead(n_processors: int) -> Iterator[Ahead]:
    """Have the largest kernels compiled, unless they are or there is only one processor.

    Parameters
    ----------
    n_processors : int
        Processors that may be used.

    Yields
    ------
    Ahead
        To be waited for before they are called.
    """
    if n_processors < 2 or not sys.executable or all(_is_kept(kernel) for kernel in LARGEST):
        yield Ahead()
        return
    with compiling(*(kernel.py_func.__name__ for kernel in LARGEST)) as process:
        yield Ahead(process)


def _is_kept(kernel: Any) -> bool:
    """Whether there is compiled code of a kernel on disk. That it is of an older version is found when it is called."""
    name = kernel.py_func.__name__
    return any(Path(kernel.stats.cache_path).glob(f"*.{name}-*.nbi"))
