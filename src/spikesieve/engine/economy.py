"""Uses fewer workers, then shorter blocks, where memory runs short."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from traceback import clear_frames

from spikesieve.engine.heap import give_back
from spikesieve.engine.machine import MemoryLimit, memory_limits

logger = logging.getLogger(__name__)

# A limit is near when less than this share of it is left. It is looked at this often.
NEAR, LOOK_S = 0.08, 0.5
# Items queued beyond the busy workers, so that no worker is idle.
WAITING = 2


class Economy:
    """How many workers are used, and into how many pieces blocks are cut. It begins with all workers and whole blocks.

    Parameters
    ----------
    n_workers : int
        Number of workers.
    limits : callable, optional
        Returns the limits of the system on memory.

    Examples
    --------
    >>> economy = Economy(4)
    >>> for _ in range(3):
    ...     economy.save("an allocation failed")
    >>> economy.n_workers, economy.n_pieces
    (1, 2)
    """

    def __init__(self, n_workers: int, limits: Callable[[], tuple[MemoryLimit, ...]] = memory_limits) -> None:
        self.n_workers, self.n_pieces = n_workers, 1
        self._all, self._limits = n_workers, limits
        self._looked_s, self._least_share = -LOOK_S, NEAR

    @property
    def workers(self) -> str:
        """The number of workers in words."""
        return f"{self.n_workers} worker" + "s" * (self.n_workers > 1)

    @property
    def in_flight(self) -> int:
        """Items that are handed out at a time."""
        return self.n_workers + WAITING * (self.n_workers == self._all)

    def look(self) -> None:
        """Save memory if a limit of the system is near, and nearer than when memory was last saved."""
        now = time.monotonic()
        if now < self._looked_s + LOOK_S:
            return
        self._looked_s = now
        if self._nearest().room_share < self._least_share:
            give_back()
            nearest = self._nearest()
            if nearest.room_share < self._least_share:
                self._least_share = nearest.room_share
                used, limit = nearest.used_bytes / 1e9, nearest.limit_bytes / 1e9
                self.save(f"{used:.2f} GB are in use, and {nearest.what} is {limit:.2f} GB")

    def save(self, why: str) -> None:
        """Use half of the workers; with one worker, cut blocks into twice as many pieces.

        Parameters
        ----------
        why : str
            What happened, for the log.
        """
        if self.n_workers > 1:
            self.n_workers //= 2
            logger.warning("memory runs short: %s; going on with %s", why, self.workers)
        else:
            self.n_pieces *= 2
            logger.warning(
                "memory runs short: %s; going on with blocks cut into %d pieces, which may move a spike here and there",
                why,
                self.n_pieces,
            )

    def _nearest(self) -> MemoryLimit:
        return min(self._limits(), key=lambda limit: limit.room_share)


def is_shortage(error: BaseException | None) -> bool:
    """Whether an error says that there was no memory.

    Parameters
    ----------
    error : BaseException or None
        The error. What it was raised from counts as well.

    Returns
    -------
    bool
        True for a MemoryError, and for an error of the system with this meaning, as of a file that cannot be mapped.

    Examples
    --------
    >>> is_shortage(MemoryError()), is_shortage(OSError(errno.ENOMEM, "no memory")), is_shortage(OSError())
    (True, True, False)
    """
    if error is None:
        return False
    no_memory = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    return no_memory or is_shortage(error.__cause__)


def free_frames(error: BaseException | None) -> None:
    """Free the arrays of the calls that raised an error, which its traceback holds.

    Parameters
    ----------
    error : BaseException or None
        The error. The errors that it was raised from count as well.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
