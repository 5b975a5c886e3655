"""What was computed for the page, as long as it is likely to be asked for again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")
MOST = 8


class Kept(Generic[Value]):
    """Values by key, the last few. Each is computed by one thread, while others that ask for one of this kind wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[str, Value] = {}

    def known(self, key: str) -> Value | None:
        """Look for a value, without waiting.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        object or None
            None if it is not kept.
        """
        return self._values.get(key)

    def of(self, key: str, make: Callable[[], Value]) -> Value:
        """Find a value, or compute it.

        Parameters
        ----------
        key : str
            Its key.
        make : callable
            Computes it.

        Returns
        -------
        object
            The value.

        Examples
        --------
        >>> kept = Kept()
        >>> kept.of("a", lambda: 1), kept.of("a", lambda: 2)
        (1, 1)
        """
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
                while len(self._values) > MOST:
                    self._values.pop(next(iter(self._values)))
            return self._values[key]
