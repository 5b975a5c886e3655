"""Scripts that call Kilosort4 run with spikesieve.

    from spikesieve.kilosort import run_kilosort, io, DEFAULT_SETTINGS      in place of   from kilosort import ...
    python -m spikesieve.kilosort script.py                                 the script stays as it is

See docs/kilosort4.md for what is the same and what differs.
"""

from __future__ import annotations

from spikesieve.kilosort import data_tools as data_tools
from spikesieve.kilosort import io as io
from spikesieve.kilosort import parameters as parameters
from spikesieve.kilosort import utils as utils
from spikesieve.kilosort.install import install as install
from spikesieve.kilosort.parameters import DEFAULT_SETTINGS as DEFAULT_SETTINGS
from spikesieve.kilosort.run_kilosort import run_kilosort as run_kilosort
from spikesieve.kilosort.utils import DOWNLOADS_DIR as DOWNLOADS_DIR
from spikesieve.kilosort.utils import PROBE_DIR as PROBE_DIR

__version__ = "4.1.7"
"""The version of Kilosort4 whose names are here."""
