"""Do other programs open a result, and see the same spikes and waveforms?

python readers.py RESULT [--raw FILE] [--unitmatch FOLDER]

RESULT is a result folder, FILE its raw file of int16, FOLDER what `spikesieve export RESULT --unitmatch FOLDER` wrote.
Prints a row for each program that is installed. It needs NumPy only, so that it runs in an environment for each
program: bombcell and UnitMatchPy need packages that exclude each other.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.metadata
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Result:
    """A result folder, read without any package."""

    folder: Path
    raw: Path | None
    unitmatch: Path | None

    @property
    def ops(self) -> dict[str, NDArray[Any]]:
        """Arrays of the sort."""
        return dict(np.load(self.folder / "ops.npz", allow_pickle=False))

    @property
    def templates_uv(self) -> NDArray[np.float64]:
        """Templates on all contacts: (units, samples, contacts)."""
        ops = self.ops
        dense = np.zeros((*ops["templates_uv"].shape[:2], len(ops["positions_um"])))
        for unit, near in enumerate(ops["template_contacts"]):
            dense[unit][:, near[near >= 0]] = ops["templates_uv"][unit][:, near >= 0]
        return dense

    def column(self, name: str) -> list[str]:
        """Return a column of units.csv."""
        with (self.folder / "units.csv").open(encoding="utf-8") as file:
            return [row[name] for row in csv.DictReader(file)]


def with_phylib(result: Result) -> str:
    """Open params.py as Phy does."""
    from phylib.io.model import load_model

    model, templates_uv = load_model(result.folder / "params.py"), result.templates_uv
    off_uv = 0.0
    for unit, template_uv in enumerate(templates_uv):
        found = model.get_template(unit)
        off_uv = max(off_uv, np.abs(found.template - template_uv[:, found.channel_ids]).max())
    return f"{len(model.cluster_ids)} units, {model.n_spikes} spikes; templates differ by {off_uv:.1g} µV at most"


def with_spikeinterface(result: Result) -> str:
    """Read the folder as a sorting."""
    from spikeinterface.extractors import read_phy

    sorting = read_phy(result.folder)
    times, clusters = (np.load(result.folder / f"spike_{name}.npy") for name in ("times", "clusters"))
    same = all(np.array_equal(sorting.get_unit_spike_train(unit), times[clusters == unit]) for unit in sorting.unit_ids)
    return f"{len(sorting.unit_ids)} units, {len(times)} spikes; trains are {'the same' if same else 'DIFFERENT'}"


def with_bombcell(result: Result) -> str:
    """Load templates; with a raw file, measure waveforms and label the units."""
    import bombcell

    templates_uv, ops = result.templates_uv, result.ops
    found = bombcell.load_ephys_data(str(result.folder))
    off_uv = np.abs(np.asarray(found[2])[: len(templates_uv)] - templates_uv).max()
    text = f"{len(found[0])} spikes; templates differ by {off_uv:.1g} µV at most"
    if result.raw is None:
        return text
    gain_uv = json.loads((result.folder / "provenance.json").read_text(encoding="utf-8"))["recording"]["gain_uv"]
    before = int(ops["peak_index"])
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(result.folder, Path(place) / "copy")
        param = bombcell.get_default_parameters(
            str(copy), raw_file=str(result.raw), kilosort_version=4, gain_to_uV=gain_uv
        )
        n_channels = int(ops["channels"].max()) + 1
        param.update(
            ephys_sample_rate=float(ops["sampling_hz"]),
            nChannels=n_channels,
            nSyncChannels=0,
            spike_width=templates_uv.shape[1],
            waveform_baseline_window_stop=before // 2,
            waveformBaselineNoiseWindow=before // 2,
            joblib_n_jobs=1,
            plotGlobal=False,
            verbose=False,
        )
        _, _, _, types = bombcell.run_bombcell(str(copy), str(copy / "bombcell"), param)
        raw_uv = np.load(copy / "bombcell" / "templates._bc_rawWaveforms.npy") * gain_uv
    best = np.ptp(templates_uv, axis=1).argmax(axis=1)
    units = np.arange(len(best))
    theirs, ours = np.ptp(raw_uv[units, best], axis=1), np.ptp(templates_uv[units, :, best], axis=1)
    shares = np.percentile(np.abs(theirs / ours - 1), [50, 90])
    labels = ", ".join(f"{(types == name).sum()} {name}" for name in ("GOOD", "MUA", "NON-SOMA", "NOISE"))
    off = f"raw peak to peak differs by {shares[0]:.1%} (median), {shares[1]:.1%} (90th percentile)"
    return f"{text}; {off}; labels {labels}"


def with_unitmatch(result: Result) -> str:
    """Load the waveforms of both halves, and let it find where each unit is."""
    import UnitMatchPy.default_params as defaults
    from UnitMatchPy import overlord, utils

    if result.unitmatch is None:
        return "no folder given with --unitmatch"
    param = defaults.get_default_param()
    waveform_paths, label_paths, positions = utils.paths_from_KS([str(result.unitmatch)], param)
    param = utils.get_probe_geometry(positions[0], param)
    waveform, session_id, session_switch, _within, good, param = utils.load_good_waveforms(
        waveform_paths, label_paths, param
    )
    clusters = {"good_units": good, "session_switch": session_switch, "session_id": session_id}
    clusters["original_ids"] = np.concatenate(good)
    found = overlord.extract_parameters(waveform, positions, clusters, param)
    units = np.array(good[0], int).ravel()
    place_um = np.array([result.column("x_um"), result.column("y_um")], float).T
    ids = [int(unit) for unit in result.column("unit")]
    centroid_um = np.asarray(found["avg_centroid"])[1:].mean(axis=-1).T  # (units, x and y)
    off_um = np.median(np.linalg.norm(centroid_um - place_um[[ids.index(unit) for unit in units]], axis=1))
    return f"{len(units)} good units, waveforms {waveform.shape}; centroids lie {off_um:.0f} µm from ours (median)"


READERS: dict[str, Callable[[Result], str]] = {
    "phylib": with_phylib,
    "spikeinterface": with_spikeinterface,
    "bombcell": with_bombcell,
    "UnitMatchPy": with_unitmatch,
}


def rows(result: Result) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and findings of each program that is installed."""
    for name, read in READERS.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            text = read(result)
        yield name, version, text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--unitmatch", type=Path)
    given = parser.parse_args()
    print("| program | version | what it sees |\n|---|---|---|")
    for row in rows(Result(given.result, given.raw, given.unitmatch)):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
