"""Counts the units labelled good that are wrong, in results of recordings with known truth.

    python benchmarks/good_units.py TRUTH.npz=RESULT [TRUTH.npz=RESULT ...]

A truth file has the sample and the unit of each true spike. A good unit is wrong if its accuracy with every true unit,
hits over hits, misses and false spikes, is at most 0.8.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from spikesieve import read_sorting
from spikesieve.comparison.agreement import agreement
from spikesieve.model.external import SpikeTrains

FOUND = 0.8


def wrong_good_units(truth: Path, result: Path) -> tuple[list[str], int]:
    """Describe the wrong good units of a result, and count its good units."""
    sorting = read_sorting(result)
    with np.load(truth) as arrays:
        true = SpikeTrains.from_spikes(arrays["sample"].astype(np.int64), arrays["unit"].astype(np.int64))
    found = SpikeTrains.from_spikes(sorting.spikes.sample, sorting.spikes.unit)
    both = agreement(true, found, sorting.sampling_hz)
    accuracy, hits = both.scores(), both.counts()
    good = {unit.unit for unit in sorting.units if unit.label == "good"}
    wrong = []
    for column, unit in enumerate(found.units.tolist()):
        best = int(accuracy[:, column].argmax())
        if unit in good and accuracy[best, column] <= FOUND:
            recall = hits[best, column] / np.count_nonzero(true.unit == best)
            precision = hits[best, column] / np.count_nonzero(found.unit == column)
            wrong.append(f"unit {unit} of true {true.units[best]}, recall {recall:.2f}, precision {precision:.2f}")
    return wrong, len(good)


def main() -> None:
    """Print a row for each result, and the share of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="TRUTH.npz=RESULT")
    n_wrong = n_good = 0
    print("| result | wrong / good | wrong units |\n|---|---|---|")
    for pair in parser.parse_args().results:
        truth, _, result = pair.partition("=")
        wrong, good = wrong_good_units(Path(truth), Path(result))
        n_wrong, n_good = n_wrong + len(wrong), n_good + good
        print(f"| {Path(result).name} | {len(wrong)} / {good} | {'; '.join(wrong)} |", flush=True)
    print(f"| all | {n_wrong} / {n_good} = {n_wrong / max(n_good, 1):.1%} | |")


if __name__ == "__main__":
    main()
