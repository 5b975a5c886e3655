"""Returns freed memory to the system, which glibc does not do by itself. Other allocators are left alone."""

from __future__ import annotations

import ctypes
import sys

# The number of this option of mallopt in malloc.h.
M_ARENA_MAX = -8


def give_back() -> None:
    """Return freed memory to the system."""
    _glibc("malloc_trim", 0)


def share_one_heap() -> None:
    """Let all threads that start from now on share one heap.

    By default glibc gives each thread a heap of its own and keeps the memory that was freed in it. This changes the
    whole process, so only the command line calls it.
    """
    _glibc("mallopt", M_ARENA_MAX, 1)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function of glibc's allocator, if there is one of this name."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
