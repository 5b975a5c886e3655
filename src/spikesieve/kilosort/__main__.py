"""`python -m spikesieve.kilosort SCRIPT.py ...`: runs a script written for Kilosort4."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from spikesieve.kilosort.install import install

USAGE = "Usage: python -m spikesieve.kilosort SCRIPT.py [ARGUMENTS of the script]"


def main(arguments: list[str]) -> None:
    """Run a script, in which `import kilosort` imports spikesieve's package.

    Parameters
    ----------
    arguments : list of str
        The script and its arguments.

    Raises
    ------
    SystemExit
        No script was given, or it does not exist.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        raise SystemExit(USAGE)
    script = Path(arguments[0])
    if not script.is_file():
        raise SystemExit(f"The script {script} does not exist. {USAGE}")
    install()
    # As `python SCRIPT.py` sets them.
    sys.argv = arguments
    sys.path[0] = str(script.resolve().parent)
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
