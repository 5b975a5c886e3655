"""Groups of contacts and the features of a spike: whitened PC scores on the contacts of its group.

Every spike of a group has the same contacts, so no feature is missing and none is filled with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve import kernels
from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, I32, I64, Probe, RowsOnDemand
from spikesieve.settings.features import FeaturesParams


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of contacts. The spikes of each group are clustered on their own.

    Attributes
    ----------
    positions_um : ndarray of float64, shape (n_groups, 2)
        x and depth of the middle of each group in um.
    shanks : ndarray of int64, shape (n_groups,)
        Shank of each group.
    contacts : ndarray of int64, shape (n_groups, n_feature_contacts)
        Contacts of each group, nearest first; -1 where there are fewer.
    """

    positions_um: F64
    shanks: I64
    contacts: I64

    def __len__(self) -> int:
        return len(self.shanks)


def make_groups(probe: Probe, pitch_um: float, params: FeaturesParams) -> Groups:
    """Place groups of contacts every 2 pitches along each shank, as in Kilosort4, and side by side on a wide shank.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    pitch_um : float
        Vertical pitch in um, as `stages.detect.pitch_um` gives it.
    params : FeaturesParams
        Contacts of a group, its reach and its width.

    Returns
    -------
    Groups
        Every contact is within `params.max_distance_um` of a group.

    Examples
    --------
    >>> depth_um = np.arange(0.0, 160.0, 20.0)
    >>> probe = Probe(np.stack([np.zeros(8), depth_um], axis=1), np.arange(8), np.zeros(8, np.int64), "linear")
    >>> groups = make_groups(probe, 20.0, FeaturesParams(contacts=3))
    >>> groups.positions_um[:, 1]
    array([ 19.,  59.,  99., 139.])
    >>> groups.contacts[:2]
    array([[1, 0, 2],
           [3, 2, 4]])
    """
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
    """Find the group nearest to each position, on the same shank.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n, 2)
        x and depth in um.
    shanks : ndarray of int64, shape (n,)
        Shank of each position.
    groups : Groups
        The groups.

    Returns
    -------
    ndarray of int64, shape (n,)
        Index of the group.

    Examples
    --------
    >>> groups = Groups(np.array([[0.0, 20.0], [0.0, 60.0]]), np.zeros(2, np.int64), np.array([[0, 1], [2, 3]]))
    >>> group_of(np.array([[5.0, 45.0]]), np.array([0]), groups)
    array([1])
    """
    return nearest(distances_um(positions_um, shanks, groups.positions_um, groups.shanks), 1)[:, 0]


def dense(features: F32, contacts: I64, n_contacts: int) -> F32:
    """Spread features over all contacts of the probe.

    Parameters
    ----------
    features : ndarray of float32, shape (n, n_near, n_components)
        Features on the contacts of each row.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each row; -1 = none.
    n_contacts : int
        Number of contacts of the probe.

    Returns
    -------
    ndarray of float32, shape (n, n_contacts, n_components)
        0 on contacts where nothing was measured.

    Examples
    --------
    >>> dense(np.array([[[5.0], [7.0]]], np.float32), np.array([[2, 0]]), 4)[0, :, 0]
    array([7., 0., 5., 0.], dtype=float32)
    """
    out = np.zeros((len(features), n_contacts, features.shape[2]), np.float32)
    rows, columns = np.nonzero(contacts >= 0)
    out[rows, contacts[rows, columns]] = features[rows, columns]
    return out


def on_contacts(everywhere: F32, contacts: I64) -> F32:
    """Take the features on the contacts of each row; the inverse of `dense`.

    Parameters
    ----------
    everywhere : ndarray of float32, shape (n, n_contacts, n_components)
        Features on all contacts of the probe.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each row; -1 = none.

    Returns
    -------
    ndarray of float32, shape (n, n_near, n_components)
        0 for contact -1.

    Examples
    --------
    >>> on_contacts(np.array([[[7.0], [0.0], [5.0]]], np.float32), np.array([[2, 0, -1]]))[0, :, 0]
    array([5., 7., 0.], dtype=float32)
    """
    out = np.take_along_axis(everywhere, np.maximum(contacts, 0)[:, :, None], axis=1)
    out[contacts < 0] = 0.0
    return out


def spike_positions(features: F32, means: F32, contacts: I64, probe: Probe) -> F32:
    """Estimate where each spike is: the mean position of its contacts, weighted by how well it matches its unit there.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        PC scores of each spike.
    means : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        Mean PC scores of the unit of each spike.
    contacts : ndarray of int64, shape (n_spikes, n_feature_contacts)
        Contacts of both; -1 = none.
    probe : Probe
        Positions of the contacts.

    Returns
    -------
    ndarray of float32, shape (n_spikes, 2)
        x and depth in um. A spike that does not match its unit on any contact is put on its first contact.

    Notes
    -----
    With f_c the scores of the spike and m_c those of its unit on contact c, the weight is w_c = max(0, f_c . m_c).
    Kilosort4 weights by |f_c| instead. Noise on contacts far from the unit then pulls every small spike towards the
    middle of its group.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64), "linear")
    >>> features = np.array([[[1.0], [3.0]]], np.float32)
    >>> spike_positions(features, np.ones((1, 2, 1), np.float32), np.array([[0, 1]]), probe)
    array([[ 0., 15.]], dtype=float32)
    """
    weight = np.maximum((features * means).sum(axis=2).astype(np.float64), 0.0)
    weight[contacts < 0] = 0.0
    weight[weight.sum(axis=1) == 0, 0] = 1.0
    weight /= weight.sum(axis=1, keepdims=True)
    xy = probe.positions_um[np.maximum(contacts, 0)]
    return np.asarray((weight[:, :, None] * xy).sum(axis=1), dtype=np.float32)


def rearranged(features: F32, measured: I64, wanted: I64) -> F32:
    """Move features from the contacts where they were measured to others.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        PC scores of each spike.
    measured, wanted : ndarray of int64, shape (n_spikes, n_feature_contacts)
        Contacts of the scores, and those to put them on; -1 = none.

    Returns
    -------
    ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        The scores on the wanted contacts; 0 where they were not measured.

    Examples
    --------
    >>> rearranged(np.array([[[1.0], [3.0]]], np.float32), np.array([[0, 1]]), np.array([[1, 2]]))[0, :, 0]
    array([3., 0.], dtype=float32)
    """
    same = (wanted[:, :, None] == measured[:, None, :]) & (wanted >= 0)[:, :, None]
    return np.asarray(np.einsum("nwh,nhp->nwp", same.astype(np.float32), features), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class FeaturesOfUnits(RowsOnDemand):
    """Features of the spikes of units on the contacts of their unit, put there when they are read.

    Attributes
    ----------
    features : ndarray of float32, shape (n_matched, n_near, n_pcs), or RowsOnDemand
        Features of all matched spikes, on the contacts of their template.
    matched : ndarray of int64, shape (n,)
        Which matched spike each spike is.
    template : ndarray of int32, shape (n_matched,)
        Template of each matched spike.
    measured_on : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template.
    unit : ndarray of int32, shape (n,)
        Unit of each spike.
    wanted_on : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit.
    change : ndarray of float32, shape (n_changes, n_near, n_pcs)
        What is added to the features of some spikes on the contacts of their unit, for an amplitude of 1.
    change_of : ndarray of int64, shape (n,)
        Row of `change` for each spike; -1 = none.
    amplitude : ndarray of float32, shape (n_matched,)
        Amplitude of each matched spike.
    """

    features: F32 | RowsOnDemand
    matched: I64
    template: I32
    measured_on: I64
    unit: I32
    wanted_on: I64
    change: F32 | None = None
    change_of: I64 | None = None
    amplitude: F32 | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, n_near, n_pcs)."""
        return (len(self.matched), *self.features.shape[1:])

    def rows(self, numbers: I64) -> F32:
        """Compute the features of spikes; 0 where they were not measured.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            Rows of the spikes.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_pcs)
            Features.
        """
        matched = self.matched[numbers]
        features = np.array(self.features[matched])
        measured, wanted = self.measured_on[self.template[matched]], self.wanted_on[self.unit[numbers]]
        moved = (measured != wanted).any(axis=1)
        features[moved] = rearranged(features[moved], measured[moved], wanted[moved])
        if self.change is not None and self.change_of is not None and self.amplitude is not None:
            own = self.change_of[numbers]
            features[own >= 0] += self.amplitude[matched[own >= 0], None, None] * self.change[own[own >= 0]]
        return features


def amplitudes_and_positions(features: F32, means: F32, contacts: I64, probe: Probe) -> tuple[F32, F32]:
    """Measure the amplitude of each spike relative to its unit's mean, and where it is.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        PC scores of each spike.
    means : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs)
        Mean PC scores of the unit of each spike.
    contacts : ndarray of int64, shape (n_spikes, n_feature_contacts)
        Contacts of both; -1 = none.
    probe : Probe
        Positions of the contacts.

    Returns
    -------
    amplitude : ndarray of float32, shape (n_spikes,)
        The multiple of the mean that is nearest to the spike (least squares).
    position_um : ndarray of float32, shape (n_spikes, 2)
        x and depth in um (`spike_positions`).

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64), "linear")
    >>> mean = np.ones((1, 2, 1), np.float32)
    >>> amplitudes_and_positions(1.5 * mean, mean, np.array([[0, 1]]), probe)
    (array([1.5], dtype=float32), array([[ 0., 10.]], dtype=float32))
    """
    energy = np.maximum((means**2).sum(axis=(1, 2)), 1e-12)
    amplitude = (features * means).sum(axis=(1, 2)) / energy
    return amplitude.astype(np.float32), spike_positions(features, means, contacts, probe)


def add_features(features: F32, sum_of_spike: I64, sums: F64) -> None:
    """Add the features of each spike to one of several sums, in float64.

    Parameters
    ----------
    features : ndarray of float32, shape (n, n_near, n_pcs)
        Features of the spikes.
    sum_of_spike : ndarray of int64, shape (n,)
        The sum that each spike is added to.
    sums : ndarray of float64, shape (n_sums, n_near, n_pcs)
        Changed in place.

    Examples
    --------
    >>> sums = np.zeros((2, 1, 1))
    >>> add_features(np.array([[[1.0]], [[2.0]], [[4.0]]], np.float32), np.array([0, 1, 0]), sums)
    >>> sums.ravel()
    array([5., 2.])
    """
    kernels.sum_rows(np.asarray(features), sum_of_spike, sums)
