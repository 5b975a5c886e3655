"""Keeps scikit-learn to one thread: workers share the cores already, and threads add up in the order they finish."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_openmp_thread() -> AbstractContextManager[object]:
    """Limit scikit-learn's OpenMP to one thread in the thread that calls.

    Returns
    -------
    context manager
        Ends the limit.

    Examples
    --------
    >>> with one_openmp_thread():
    ...     pass
    """
    limit: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="openmp")
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that scikit-learn loads. To find them takes 6 ms."""
    import sklearn  # noqa: F401  what is not loaded would not be found

    return ThreadpoolController()
