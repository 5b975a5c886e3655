"""What differs between two result folders of the same script: one of Kilosort4, one of spikesieve.

    python benchmarks/kilosort4_differences.py RESULTS_OF_KILOSORT4 RESULTS_OF_SPIKESIEVE [TRUTH.npz]

Prints tables in Markdown: files with shape and type, entries of ops, units and spikes. TRUTH has the arrays `sample`
and `unit` of a simulated recording; only spikes before the last one that was found count. Both folders come from
`kilosort4_script.py`, see there. ops.npy is read as scripts read it, with pickle: give folders that you trust.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE_MS = 0.4


def described(folder: Path) -> dict[str, str]:
    """Say what each file of a folder is: shape and type of arrays, columns of tables.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    dict of str to str
        By name of the file.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = "yes"
        if path.suffix == ".npy" and path.name != "ops.npy":
            array = np.load(path, mmap_mode="r")
            found[path.name] = f"{array.shape} {array.dtype}"
        if path.suffix == ".tsv":
            found[path.name] = ", ".join(path.read_text().splitlines()[0].split())
    return found


def ops_of(folder: Path) -> dict[str, Any]:
    """Read ops.npy as scripts do.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    dict
        Its entries.
    """
    ops: dict[str, Any] = np.load(folder / "ops.npy", allow_pickle=True).item()
    return ops


def accuracy(folder: Path, truth: Path) -> list[float]:
    """Score each true unit by the found unit that fits it best: hits / (hits + missed + false).

    Parameters
    ----------
    folder : Path
        A result folder.
    truth : Path
        True spikes.

    Returns
    -------
    list of float
        One for each true unit, the best first.
    """
    samples, units = np.load(folder / "spike_times.npy"), np.load(folder / "spike_clusters.npy")
    with np.load(truth) as z:
        true_samples, true_units = z["sample"], z["unit"]
    within = true_samples <= samples.max()
    apart = TOLERANCE_MS * ops_of(folder)["fs"] / 1e3
    found = [np.sort(samples[units == unit]) for unit in np.unique(units)]
    scores = []
    for unit in np.unique(true_units):
        own = np.sort(true_samples[within & (true_units == unit)])
        hits = [int((np.abs(nearest(train, own) - own) <= apart).sum()) for train in found]
        each = (hit / (len(own) + len(train) - hit) for hit, train in zip(hits, found, strict=True))
        scores.append(max(each, default=0.0))
    return sorted(scores, reverse=True)


def nearest(train: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Find the spike of a train nearest to each of some samples.

    Parameters
    ----------
    train, to : ndarray of int64
        Ascending.

    Returns
    -------
    ndarray of int64
        As many as `to`.
    """
    after = np.clip(np.searchsorted(train, to), 1, max(len(train) - 1, 1))
    before = train[after - 1]
    later = train[np.minimum(after, len(train) - 1)]
    return np.where(to - before < later - to, before, later)


def print_table(title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print a table in Markdown.

    Parameters
    ----------
    title : str
        Head of the first column.
    rows : iterable of (str, str, str)
        What, in Kilosort4, here.
    """
    print(f"| {title} | Kilosort4 | spikesieve |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("theirs", type=Path)
    parser.add_argument("ours", type=Path)
    parser.add_argument("truth", type=Path, nargs="?")
    args = parser.parse_args()
    theirs, ours = described(args.theirs), described(args.ours)
    print_table("file", ((name, theirs.get(name, "no"), ours.get(name, "no")) for name in sorted({*theirs, *ours})))
    ops = [ops_of(folder) for folder in (args.theirs, args.ours)]
    print("Only in Kilosort4's ops:", ", ".join(name for name in ops[0] if name not in ops[1]))
    print("Only in ops of spikesieve:", ", ".join(name for name in ops[1] if name not in ops[0]), "\n")
    counts = ("n_units_total", "n_units_good", "n_spikes", "runtime")
    print_table("number", ((name, *(f"{each[name]:.5g}" for each in ops)) for name in counts))
    if args.truth is not None:
        scores = [accuracy(folder, args.truth) for folder in (args.theirs, args.ours)]
        print_table("true units above 0.8", [("", *(str(sum(s > 0.8 for s in each)) for each in scores))])
        rows = zip(*scores, strict=True)
        print_table("accuracy of the k-th best", ((str(k), f"{a:.3f}", f"{b:.3f}") for k, (a, b) in enumerate(rows, 1)))


if __name__ == "__main__":
    main()
