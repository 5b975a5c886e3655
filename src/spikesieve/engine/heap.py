"""What becomes of memory that was freed: glibc keeps it. Nothing is done where there is another allocator."""

from __future__ import annotations

import ctypes
import sys

# Of malloc.h.
M_ARENA_MAX = -8


def give_back() -> None:
    """What was freed goes back to the system."""
    _glibc("malloc_trim", 0)


def share_one_heap() -> None:
    """Threads that start from now on share one heap: glibc gives each its own, and keeps in it what was freed there."""
    _glibc("mallopt", M_ARENA_MAX, 1)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function of the allocator, where there is one of that name."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
