"""Corrections made in Phy: `spike_clusters.npy` and `cluster_group.tsv` of a result folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikesieve.curation.actions import Membership
from spikesieve.curation.between import Difference, difference
from spikesieve.errors import InputError
from spikesieve.io.results.read import clusters_before_and_now
from spikesieve.io.sortings.phy_files import read_cluster_table
from spikesieve.model import Label, Sorting

GROUPS, WRITTEN = "cluster_group.tsv", "cluster_KSLabel.tsv"


def phy_difference(sorting: Sorting, folder: Path) -> Difference:
    """Find what was changed in Phy.

    Parameters
    ----------
    sorting : Sorting
        The sorting in the result folder, as it was written.
    folder : Path
        The result folder, or a copy of it, with Phy's changes.

    Returns
    -------
    Difference
        Splits, merges and labels. A cluster that is "unsorted" in Phy has no label by hand.

    Raises
    ------
    InputError
        If the files are missing, damaged or of another sorting.
    """
    before, now = clusters_before_and_now(folder)
    sorted_as = sorting.unit_ids[sorting.spikes.unit] if len(sorting.units) else before
    if not np.array_equal(before, sorted_as):
        raise InputError(f"{folder} is not a copy of the result: its spike_templates.npy differs.")
    written, groups = _labels(folder / WRITTEN), _labels(folder / GROUPS)
    ids = tuple(np.unique(now).tolist())
    # A label is one by hand where it differs from the one that was written.
    by_hand = {k: label for k, label in groups.items() if k in set(ids) and written.get(k) != label}
    old = Membership.of_spikes(before, tuple(sorting.unit_ids.tolist()), int(sorting.unit_ids.max(initial=-1)) + 1)
    empty = [unit for unit in old.ids if unit not in set(before.tolist())]
    return difference(old, Membership.of_spikes(now, tuple(sorted({*ids, *empty})), max(ids, default=-1) + 1, by_hand))


def _labels(path: Path) -> dict[int, Label]:
    """Label of each cluster in a table of Phy; those of other words are left out."""
    if not path.is_file():
        return {}
    return {cluster: Label(word) for cluster, word in read_cluster_table(path).items() if word in set(Label)}
