"""Compiles kernels in a process of its own. What is compiled is kept, so that other processes find it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def compiling(*names: str) -> Iterator[subprocess.Popen[bytes]]:
    """Compile kernels in the background. What is kept already takes two seconds.

    Parameters
    ----------
    *names : str
        Operations of the backend; none: all.

    Yields
    ------
    Popen
        The process, which is stopped at the end.
    """
    # -P: a file of the current folder must not be taken for a library.
    words = (sys.executable, "-P", "-m", "spikesieve.kernels.compiling", *names)
    null = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=null, stdout=null, stderr=null) as process:
        try:
            yield process
        finally:
            process.terminate()


if __name__ == "__main__":
    from spikesieve.kernels.cpu.backend import CpuBackend
    from spikesieve.kernels.self_test import OPERATIONS, call

    call(CpuBackend(), tuple(sys.argv[1:]) or OPERATIONS)
