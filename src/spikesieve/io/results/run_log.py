"""The log of one run: attached while it lasts, gone afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LINE = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Everything that spikesieve logs goes into this file while the body runs, and so do Python's warnings.

    Raises OSError when it cannot be written.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(LINE))
    with closing(handler), attached(handler):
        yield


@contextmanager
def attached(handler: logging.Handler) -> Iterator[None]:
    """The handler hears what spikesieve logs from INFO on, and Python's warnings, while the body runs."""
    ours, warnings = logging.getLogger("spikesieve"), logging.getLogger("py.warnings")
    level = ours.level
    ours.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for logger in (ours, warnings):
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in (ours, warnings):
            logger.removeHandler(handler)
        logging.captureWarnings(False)
        ours.setLevel(level)
