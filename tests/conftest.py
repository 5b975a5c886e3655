"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Each core has a worker of the suite: more threads of BLAS would wait for a core, and burn another meanwhile."""
    with threadpool_limits(limits=1):
        yield
