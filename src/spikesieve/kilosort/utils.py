"""Where Kilosort4 keeps probes, and probes to put there."""

from __future__ import annotations

import os
from pathlib import Path

from spikesieve.io.probes.kilosort4 import write_kilosort_mat
from spikesieve.io.probes.read import read_probe

DOWNLOADS_DIR = Path(os.environ.get("KILOSORT_LOCAL_DOWNLOADS_PATH") or Path.home() / ".kilosort")
"""Folder of files that Kilosort4 downloads."""
PROBE_DIR = DOWNLOADS_DIR / "probes"
"""Folder in which `probe_name` is looked for."""

BUILT_IN = {
    "NeuroPix1_default.mat": "neuropixels1:384",
    "NeuroPix2_default.mat": "neuropixels2:384",
    "neuropixPhase3B1_kilosortChanMap.mat": "neuropixels1:384",
}
"""Names that scripts give, and the probe of spikesieve that is taken where PROBE_DIR has no such file."""


def download_probes(probe_dir: str | Path | None = None) -> None:
    """Write the probes that Kilosort4 would download, without a download. Files that exist stay.

    Parameters
    ----------
    probe_dir : str or Path, optional
        Where to. Default: `PROBE_DIR`.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    folder = Path(probe_dir or PROBE_DIR)
    for name, spec in BUILT_IN.items():
        if not (folder / name).exists():
            write_kilosort_mat(folder / name, read_probe(spec))
