"""How other sorters are run on a raw file: a script for each, in a virtual environment of its own.

Each takes: raw file, probe file, channels, sampling rate, uV per number, folder of the result, workers.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """
import json, shutil, sys
from pathlib import Path
file, probe_file, n_channels, hz, gain_uv, out, jobs = sys.argv[1:]
n_channels, hz, gain_uv, jobs = int(n_channels), float(hz), float(gain_uv), int(jobs)
shutil.rmtree(out, ignore_errors=True)
"""

KILOSORT4 = (
    HEAD
    + """
import numpy as np
import torch
from kilosort import run_kilosort

torch.set_num_threads(jobs)
(p,) = json.loads(Path(probe_file).read_text())["probes"]
xy = np.array(p["contact_positions"], "f4")
channels = np.array(p["device_channel_indices"])
probe = dict(chanMap=channels, xc=xy[:, 0], yc=xy[:, 1], kcoords=np.zeros(len(xy), "f4"), n_chan=n_channels)
settings = dict(n_chan_bin=n_channels, fs=hz, nblocks=0)
cpu = torch.device("cpu")
run_kilosort(settings=settings, probe=probe, filename=file, results_dir=out, data_dtype="int16", device=cpu)
"""
)

SPIKEINTERFACE = (
    HEAD
    + """
def main():
    import probeinterface
    import spikeinterface.full as si

    recording = si.read_binary(file, hz, "int16", n_channels, gain_to_uV=gain_uv, offset_to_uV=0)
    recording.set_probegroup(probeinterface.read_probeinterface(probe_file), in_place=True)
    si.set_global_job_kwargs(n_jobs=jobs, chunk_duration="1s", progress_bar=False)
    si.run_sorter("SORTER", recording, folder=out, remove_existing_folder=True, verbose=False)

if __name__ == "__main__":
    main()
"""
)

SPIKESIFT = (
    HEAD
    + """
import numpy as np
from spikesift import Recording, perform_spike_sorting

(p,) = json.loads(Path(probe_file).read_text())["probes"]
xy = np.zeros((n_channels, 2), "f4")
xy[np.array(p["device_channel_indices"])] = p["contact_positions"]
recording = Recording(binary_file=file, data_type="int16", probe_geometry=xy, sampling_frequency=hz)
perform_spike_sorting(recording, verbose=False)
"""
)


@dataclass(frozen=True)
class Peer:
    """Another sorter.

    Attributes
    ----------
    venv : str
        Name of its virtual environment.
    script : str
        What is run there.
    """

    venv: str
    script: str


PEERS = {
    "kilosort4": Peer("kilosort4", KILOSORT4),
    "lupin": Peer("si", SPIKEINTERFACE.replace("SORTER", "lupin")),
    "tridesclous2": Peer("si", SPIKEINTERFACE.replace("SORTER", "tridesclous2")),
    "spikesift": Peer("spikesift", SPIKESIFT),
}
