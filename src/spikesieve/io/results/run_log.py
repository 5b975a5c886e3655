"""The log file of one run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LINE = "%(asctime)s %(levelname)s %(message)s"


class _LogFile(logging.FileHandler):
    """A log file whose errors end the run, as those of other files, and do not print a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        error = sys.exception()
        if error is not None:
            raise error


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Log spikesieve's messages and Python's warnings into a file while the body of a with statement runs.

    Parameters
    ----------
    path : Path
        The log file.

    Yields
    ------
    None
        The log is open.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(LINE))
    with closing(handler), attached(handler):
        yield


@contextmanager
def attached(handler: logging.Handler) -> Iterator[None]:
    """Send spikesieve's messages (INFO and above) and Python's warnings to a handler while the body runs.

    Parameters
    ----------
    handler : logging.Handler
        The handler.

    Yields
    ------
    None
        The handler is attached.
    """
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
