"""The part of `spikeinterface_simulation.py` that runs where SpikeInterface is installed: make, sort, score.

python spikeinterface_worker.py make SEED SECONDS UNITS CONTACTS STATIC_FOLDER DRIFTING_FOLDER
python spikeinterface_worker.py sort SORTER FOLDER RESULT.npz JOBS
python spikeinterface_worker.py score FOLDER RESULT.npz ...
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
import spikeinterface.full as si
from probeinterface import neuropixels_tools

GAIN_UV = 0.195
WELL_DETECTED = 0.8


def neuropixels1(n_contacts: int) -> probeinterface.Probe:
    """Take the lowest contacts of a Neuropixels 1.0, as names such as Neuropixels1-128 do, without a download."""
    probe = neuropixels_tools.build_neuropixels_probe("NP1000").get_slice(np.arange(n_contacts))
    probe.set_device_channel_indices(np.arange(n_contacts))
    return probe


def recipe(seed: int, seconds: float, n_units: int, n_contacts: int) -> dict[str, Any]:
    """Give the arguments of Garcia et al. (eLife RP 110588) for `generate_drifting_recording`."""
    rates_hz = np.random.default_rng(seed).gamma(shape=1.01, scale=5, size=n_units)
    movements = [
        {"drift_mode": "zigzag", "amplitude_factor": 0.2, "period_s": 200},
        {"drift_mode": "random_walk", "amplitude_factor": 0.8},
    ]
    always = {"non_rigid_gradient": None, "t_start_drift": None, "t_end_drift": None}
    return {
        "probe": neuropixels1(n_contacts),
        "num_units": n_units,
        "duration": seconds,
        "seed": seed,
        "extra_outputs": True,
        "generate_unit_locations_kwargs": {
            "margin_um": 20.0,
            "minimum_z": 5.0,
            "maximum_z": 50.0,
            "minimum_distance": 18.0,
            "max_iteration": 100,
            "distance_strict": False,
            "distribution": "multimodal",
            "num_modes": 2 if n_contacts < 384 else 3,
        },
        "generate_displacement_vector_kwargs": {
            "displacement_sampling_frequency": 5.0,
            "drift_start_um": [0, -40],
            "drift_stop_um": [0, 40],
            "drift_step_um": 1,
            "motion_list": [movement | always for movement in movements],
        },
        "generate_templates_kwargs": {
            "ms_before": 1.5,
            "ms_after": 3.0,
            "mode": "ellipsoid",
            "unit_params": {
                "alpha": (75.0, 350.0),
                "spatial_decay": (10.0, 35.0),
                "ellipse_shrink": (0.4, 1),
                "ellipse_angle": (0, np.pi * 2),
            },
        },
        "generate_sorting_kwargs": {"firing_rates": rates_hz, "refractory_period_ms": 4.0},
        "generate_noise_kwargs": {"noise_levels": (6.0, 8.0), "spatial_decay": 25.0},
    }


def make(seed: int, seconds: float, n_units: int, n_contacts: int, folders: list[Path]) -> None:
    """Write the static and the drifting recording of a seed as int16, each with its probe and the truth."""
    *recordings, truth, extra = si.generate_drifting_recording(**recipe(seed, seconds, n_units, n_contacts))
    spikes = truth.to_spike_vector()
    place = np.asarray(extra["unit_locations"])
    for folder, recording in zip(folders, recordings, strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        group = probeinterface.ProbeGroup()
        group.add_probe(recording.get_probe())
        probeinterface.write_probeinterface(folder / "probe.json", group)
        with (folder / "recording.bin").open("wb") as file:
            second = round(recording.sampling_frequency)
            for start in range(0, recording.get_num_samples(), second):
                uv = recording.get_traces(start_frame=start, end_frame=min(start + second, recording.get_num_samples()))
                np.round(uv / GAIN_UV).astype(np.int16).tofile(file)
        meta = {"fs": recording.sampling_frequency, "n_channels": recording.get_num_channels(), "gain_uv": GAIN_UV}
        (folder / "meta.json").write_text(json.dumps(meta))
        columns = {"sample": spikes["sample_index"], "unit": spikes["unit_index"], "x": place[:, 0], "y": place[:, 1]}
        np.savez(folder / "truth.npz", amplitude=np.ones(len(spikes)), **columns)


def sort(sorter: str, folder: Path, result: Path, jobs: int) -> None:
    """Run a sorter of SpikeInterface at its defaults, with its own motion correction where the tissue moves."""
    meta = json.loads((folder / "meta.json").read_text())
    kind = {"gain_to_uV": meta["gain_uv"], "offset_to_uV": 0}
    recording = si.read_binary(folder / "recording.bin", meta["fs"], "int16", meta["n_channels"], **kind)
    recording.set_probegroup(probeinterface.read_probeinterface(folder / "probe.json"))
    si.set_global_job_kwargs(n_jobs=jobs, chunk_duration="1s", progress_bar=False)
    where = result.with_suffix("")
    moves = "drifting" in folder.name
    found = si.run_sorter(sorter, recording, folder=where, remove_existing_folder=True, apply_motion_correction=moves)
    spikes = found.to_spike_vector()
    np.savez(result, spike_times=spikes["sample_index"], spike_clusters=spikes["unit_index"])
    shutil.rmtree(where)


def score(folder: Path, results: list[Path]) -> None:
    """Print a line of JSON for each result: units well detected, false and so on, by SpikeInterface's rules."""
    hz = json.loads((folder / "meta.json").read_text())["fs"]
    z = np.load(folder / "truth.npz")
    truth = si.NumpySorting.from_samples_and_labels([z["sample"]], [z["unit"]], hz)
    for result in results:
        z = np.load(result)
        found = si.NumpySorting.from_samples_and_labels([z["spike_times"]], [z["spike_clusters"]], hz)
        compared = si.compare_sorter_to_ground_truth(truth, found, exhaustive_gt=True)
        row = {
            "well": int(compared.count_well_detected_units(well_detected_score=WELL_DETECTED)),
            "false": int(compared.count_false_positive_units()),
            "redundant": int(compared.count_redundant_units()),
            "overmerged": int(compared.count_overmerged_units()),
            "units": len(found.unit_ids),
        }
        print(json.dumps(row))


def main() -> None:
    """Do the one step."""
    step, *rest = sys.argv[1:]
    if step == "make":
        make(int(rest[0]), float(rest[1]), int(rest[2]), int(rest[3]), [Path(name) for name in rest[4:]])
    elif step == "sort":
        sort(rest[0], Path(rest[1]), Path(rest[2]), int(rest[3]))
    else:
        score(Path(rest[0]), [Path(name) for name in rest[1:]])


if __name__ == "__main__":
    main()
