"""Our metrics and SpikeInterface's on the same sorting: medians over the units, and how far they are apart.

    python benchmarks/metrics.py RESULT [--traces]

RESULT is a result folder. SpikeInterface computes from our templates, amplitudes, positions and noise, so that only
definitions differ. With --traces it measures all of these itself in the recording that params.py names, high-passed,
and principal components as well. Needs SpikeInterface.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from spikeinterface.core import SortingAnalyzer, read_binary, set_global_job_kwargs
from spikeinterface.preprocessing import highpass_filter

from spikesieve import read_sorting
from spikesieve.io.sortings.phy_files import read_params_py
from spikesieve.spikeinterface import to_analyzer
from spikesieve.stages.unit_metrics import unit_metrics

MEASURED = (
    *("random_spikes", "noise_levels", "waveforms", "templates", "spike_amplitudes", "amplitude_scalings"),
    *("spike_locations", "principal_components"),
)


def measured_analyzer(folder: Path) -> SortingAnalyzer:
    """Make an analyzer that measures everything in the traces of the recording."""
    params = read_params_py(folder / "params.py")
    gain_uv = json.loads((folder / "provenance.json").read_text())["recording"]["gain_uv"]
    hz, n_channels = params["sample_rate"], params["n_channels_dat"]
    raw = read_binary(folder / params["dat_path"], hz, params["dtype"], n_channels, file_offset=params["offset"])
    raw.set_channel_gains(np.broadcast_to(gain_uv, n_channels))
    raw.set_channel_offsets(0.0)
    analyzer = to_analyzer(folder, highpass_filter(raw))
    for name in MEASURED:
        analyzer.compute(name)
    return analyzer


def both_tables(folder: Path, from_traces: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute our metrics of a result, and SpikeInterface's; one row a unit."""
    sorting = read_sorting(folder)
    ours = pd.DataFrame([vars(row) for row in unit_metrics(sorting)]).set_index("unit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyzer = measured_analyzer(folder) if from_traces else to_analyzer(folder)
        analyzer.compute("quality_metrics", skip_pc_metrics=not from_traces)
        analyzer.compute("template_metrics", include_multi_channel_metrics=True)
    theirs = [analyzer.get_extension(f"{kind}_metrics").get_data() for kind in ("quality", "template")]
    return ours, pd.concat(theirs, axis=1)


def compared(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Compare the columns that both have: medians of both, and of the difference, also as a share of their size."""
    rows = []
    for name in [name for name in ours if name in theirs]:
        a, b = (table[name].to_numpy(np.float64, na_value=np.nan) for table in (ours, theirs))
        known, one_sided = np.isfinite(a) & np.isfinite(b), np.count_nonzero(np.isfinite(a) != np.isfinite(b))
        medians = [np.median(each[known]) if known.any() else np.nan for each in (a, b, np.abs(a - b), np.abs(b))]
        share = medians[2] / medians[3] if medians[3] > 0 else np.nan if medians[2] > 0 else 0.0
        rows.append((name, *medians[:3], share, known.sum(), one_sided))
    header = ("metric", "ours", "SpikeInterface", "difference", "share", "units", "in one only")
    return pd.DataFrame(rows, columns=header)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("--traces", action="store_true", help="SpikeInterface measures everything itself")
    given = parser.parse_args()
    set_global_job_kwargs(progress_bar=False, n_jobs=1)
    table = compared(*both_tables(given.result, given.traces))
    print("| " + " | ".join(table) + " |\n|" + "---|" * len(table.columns))
    for name, ours, theirs, apart, share, n, one_sided in table.itertuples(index=False):
        print(f"| `{name}` | {ours:.3g} | {theirs:.3g} | {apart:.2g} | {share:.1%} | {n} | {one_sided} |")


if __name__ == "__main__":
    main()
