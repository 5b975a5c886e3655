"""Whether SpikeInterface opens a result, and how what `to_analyzer` gives it differs from what it measures itself.

    python benchmarks/reader_spikeinterface.py RESULT

The result must be of plain raw files that are still there. SpikeInterface high-passes them at 300 Hz, takes the median
over channels away, and computes templates, noise and amplitudes from up to 500 spikes of each unit. Prints a line:
units and spikes; medians over units of the correlation of the two templates and of the ratio of their extrema, of the
ratio of noise levels and of median amplitudes, and of the distance of unit locations; how many units
`bombcell_label_units` puts into the same class by both; and the seconds that each took.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import spikeinterface
import spikeinterface.core as si
import spikeinterface.curation as curation
import spikeinterface.preprocessing as preprocessing
from spikeinterface.extractors import read_phy

from spikesieve.api.finished import read_finished
from spikesieve.spikeinterface import to_analyzer, to_sorting

HEADER = (
    "| reader | units | spikes | template r | extremum | noise | amplitude | location (µm) | same class | ours (s) | "
    "its own (s) |"
)
METRICS = ["template_metrics", "quality_metrics"]


def recording_of(folder: Path) -> Any:
    """The raw files of a result as a recording of SpikeInterface."""
    whole = read_finished(folder)
    recording = si.read_binary(
        whole.raw_files,
        whole.sorting.sampling_hz,
        whole.params["dtype"],
        whole.params["n_channels_dat"],
        file_offset=whole.params["offset"],
    )
    recording.set_channel_gains(whole.recording.gain_uv)
    recording.set_channel_offsets(-whole.recording.offset_raw * whole.recording.gain_uv)
    return recording


def its_own(ours: Any) -> Any:
    """An analyzer for which SpikeInterface has measured everything, on the channels and contacts of ours."""
    clean = preprocessing.common_reference(preprocessing.highpass_filter(ours.recording, freq_min=300.0))
    made = si.create_sorting_analyzer(ours.sorting, clean, sparsity=ours.sparsity, format="memory")
    made.compute("random_spikes", seed=0)
    window = ours.get_extension("templates").params
    made.compute("templates", ms_before=window["ms_before"], ms_after=window["ms_after"], operators=["average"])
    made.compute(["noise_levels", "spike_amplitudes", "spike_locations", "unit_locations"])
    return made


def numbers(analyzer: Any) -> dict[str, np.ndarray]:
    """What is compared: a row for each unit or channel."""
    templates = analyzer.get_extension("templates").get_data()
    extrema = np.take_along_axis(templates, np.abs(templates).argmax(axis=1)[:, None], axis=1)[:, 0]
    spikes, amplitudes = analyzer.sorting.to_spike_vector(), analyzer.get_extension("spike_amplitudes").get_data()
    medians = [np.median(amplitudes[spikes["unit_index"] == unit]) for unit in range(len(templates))]
    return {
        "template": templates.reshape(len(templates), -1),
        "extremum": np.take_along_axis(extrema, np.abs(extrema).argmax(axis=1)[:, None], axis=1)[:, 0],
        "noise": analyzer.get_extension("noise_levels").get_data(),
        "amplitude": np.array(medians),
        "location": analyzer.get_extension("unit_locations").get_data()[:, :2],
    }


def line(folder: Path) -> str:
    """A row of the table."""
    opened = read_phy(folder)
    if not np.array_equal(
        opened.to_spike_vector()["sample_index"], to_sorting(folder).to_spike_vector()["sample_index"]
    ):
        return f"| SpikeInterface {spikeinterface.__version__} | read_phy has other spikes than to_sorting |"
    started = time.perf_counter()
    ours = to_analyzer(folder, recording_of(folder))
    between = time.perf_counter()
    theirs = its_own(ours)
    seconds = between - started, time.perf_counter() - between
    same = ""
    if hasattr(curation, "bombcell_label_units"):
        labels = []
        for analyzer in (ours, theirs):
            analyzer.compute(METRICS)
            labels.append(curation.bombcell_label_units(analyzer).iloc[:, 0].to_numpy())
        same = f"{np.count_nonzero(labels[0] == labels[1])} of {len(labels[0])}"
    a, b = numbers(ours), numbers(theirs)
    r = [np.corrcoef(x, y)[0, 1] for x, y in zip(a["template"], b["template"], strict=True)]
    ratios = [f"{np.median(a[name] / b[name]):.3f}" for name in ("extremum", "noise", "amplitude")]
    distance_um = np.median(np.linalg.norm(a["location"] - b["location"], axis=1))
    cells = (
        *(f"SpikeInterface {spikeinterface.__version__}", ours.get_num_units(), len(ours.sorting.to_spike_vector())),
        *(f"{np.median(r):.3f}", *ratios, f"{distance_um:.1f}", same, *(f"{each:.1f}" for each in seconds)),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    si.set_global_job_kwargs(progress_bar=False)
    print(HEADER, "|---|" + "---|" * 10, line(Path(sys.argv[1])), sep="\n")
