"""What holds for every test."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


def pytest_collection_finish() -> None:
    """What is loaded for the tests stays: to look through it for garbage took a second, each time."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Each core has a worker of the suite: more threads of BLAS would wait for a core, and burn another meanwhile."""
    with threadpool_limits(limits=1):
        yield
