"""Groups of contacts and the features of a spike: whitened PC scores on the contacts of its group.

Every spike of a group has the same contacts, so no feature is missing and none is filled with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels import sum_rows
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.features import FeaturesParams


@dataclass(frozen=True, eq=False)
class Groups:
    """Places that are clustered one by one.

    positions_um  (n_groups, 2) float64
    shanks        (n_groups,) int64
    contacts      (n_groups, n_feature_contacts) int64, -1 = none
    """

    positions_um: F64
    shanks: I64
    contacts: I64

    def __len__(self) -> int:
        return len(self.shanks)


def make_groups(probe: Probe, pitch_um: float, params: FeaturesParams) -> Groups:
    """A group every 2 pitches along each shank, as in Kilosort4, and across where the shank is wide."""
    positions, shanks = [], []
    # No contact may lie beyond the reach of the groups on either side of it.
    step = min(2 * pitch_um, params.max_distance_um)
    for shank in np.unique(probe.shanks):
        xy = probe.positions_um[probe.shanks == shank]
        (x0, y0), (x1, y1) = xy.min(axis=0), xy.max(axis=0)
        y = np.arange(y0 + step / 2 - 1, max(y1, y0 + step / 2), step)
        columns = max(1, round((x1 - x0) / params.group_width_um)) if x1 - x0 > 2 * params.group_width_um else 1
        x = x0 + (np.arange(columns) + 0.5) * (x1 - x0) / columns
        positions.append(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
        shanks.append(np.full(len(positions[-1]), shank, np.int64))
    centres, of_shank = np.concatenate(positions), np.concatenate(shanks)
    distance = distances_um(centres, of_shank, probe.positions_um, probe.shanks)
    used = distance.min(axis=1) <= params.max_distance_um
    contacts = nearest(distance[used], params.contacts, params.max_distance_um)
    return Groups(centres[used], of_shank[used], contacts)


def group_of(positions_um: F64, shanks: I64, groups: Groups) -> I64:
    """The nearest group of each place on the same shank: (n,) int64."""
    return nearest(distances_um(positions_um, shanks, groups.positions_um, groups.shanks), 1)[:, 0]


def dense(features: F32, contacts: I64, n_contacts: int) -> F32:
    """Features on all contacts, 0 where they were not measured: (n, n_contacts, n_components) float32.

    features  (n, n_near, n_components), contacts (n, n_near) int64, -1 = none
    """
    out = np.zeros((len(features), n_contacts, features.shape[2]), np.float32)
    rows, columns = np.nonzero(contacts >= 0)
    out[rows, contacts[rows, columns]] = features[rows, columns]
    return out


def on_contacts(everywhere: F32, contacts: I64) -> F32:
    """The inverse: features on the contacts of each row, 0 where it has none: (n, n_near, n_components) float32.

    everywhere  (n, n_contacts, n_components), contacts (n, n_near) int64, -1 = none
    """
    out = np.take_along_axis(everywhere, np.maximum(contacts, 0)[:, :, None], axis=1)
    out[contacts < 0] = 0.0
    return out


def spike_positions(features: F32, means: F32, contacts: I64, probe: Probe) -> F32:
    """Mean contact position weighted by how much of its unit's mean each spike has there: (n_spikes, 2) float32 um.

    With f_c the scores of the spike and m_c those of its unit on contact c, w_c = max(0, f_c . m_c). Kilosort4 weighs
    by |f_c|: the noise of contacts far from the unit then draws every small spike to the middle of its group.

    features, means  (n_spikes, n_feature_contacts, n_pcs);  contacts (n_spikes, n_feature_contacts) int64, -1 = none
    """
    weight = np.maximum((features * means).sum(axis=2).astype(np.float64), 0.0)
    weight[contacts < 0] = 0.0
    # A spike that has nothing of its unit sits at its first contact.
    weight[weight.sum(axis=1) == 0, 0] = 1.0
    weight /= weight.sum(axis=1, keepdims=True)
    xy = probe.positions_um[np.maximum(contacts, 0)]
    return np.asarray((weight[:, :, None] * xy).sum(axis=1), dtype=np.float32)


def add_features(features: F32, of: I64, sums: F64) -> None:
    """In place: the features of each spike are added to the sum it belongs to, in float64.

    features  (n, n_near, n_pcs) float32;  of (n,) int64;  sums (n_sums, n_near, n_pcs) float64
    """
    sum_rows(np.asarray(features), of, sums)
