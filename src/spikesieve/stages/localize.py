"""Spike localisation: the amplitude of a spike on each contact, and the point source that explains them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um
from spikesieve.kernels import triangulate
from spikesieve.model import F32, F64, I64, Bool, Probe

# The part of the waveform, around the spike time, that has much the same shape on all contacts.
BEFORE_MS, AFTER_MS = 0.33, 0.67
# Rounds of the rank-1 fit: first the shape of the spike, then its amplitude on each contact.
FIT_ROUNDS = 2
# Bounds the memory: waveforms of this many spikes are cut out at a time.
CHUNK_SPIKES = 4000

# The source is fitted at this distance from the contacts' plane a priori, with these weights; see docs/motion.md. The
# field falls with the third power of the distance: filter, reference and return currents leave little of 1 / d.
HEIGHT_UM = 20.0
WEIGHTS = (0.05, 0.0005)
# Contacts farther than this from the largest one are not fitted.
REACH_UM = 75.0
MIN_CONTACTS = 3
# Lowest height in units of the contact spacing, and highest height in um, of a trusted location.
MIN_HEIGHT, MAX_HEIGHT_UM = 0.6, 150.0


@dataclass(frozen=True, eq=False)
class SpikeLocations:
    """Locations of n spikes.

    Attributes
    ----------
    position_um : ndarray of float32, shape (n, 2)
        x and depth of the source in um; 0 where nothing could be fitted.
    height_um : ndarray of float32, shape (n,)
        Distance of the source from the plane of the contacts in um; 0 where nothing could be fitted.
    ok : ndarray of bool, shape (n,)
        False where the amplitudes do not determine the location.
    """

    position_um: F32
    height_um: F32
    ok: Bool


def amplitudes(uv: F32, sample: I64, contacts: I64, sampling_hz: float) -> F32:
    """Measure the amplitude of each spike on each of its contacts.

    The waveforms of a spike are fitted by one shape of unit norm, learned from that spike alone, times an amplitude for
    each contact. Unlike the peak-to-peak, this amplitude is 0 on average where there is only noise.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed traces in uV, not whitened.
    sample : ndarray of int64, shape (n,)
        Spike times in samples, at least 1 ms from the ends of the traces.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each spike; -1 marks an unused entry.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (n, n_near)
        Projections of the waveforms on the shape in uV, positive on the largest contact; 0 for contact -1.

    Examples
    --------
    A spike of 4 samples that is twice as large on contact 0 as on contact 1:

    >>> uv = np.zeros((2, 100), np.float32)
    >>> uv[0, 48:52], uv[1, 48:52] = -100.0, -50.0
    >>> amplitudes(uv, np.array([50]), np.array([[0, 1, -1]]), 30_000.0)
    array([[200., 100.,   0.]], dtype=float32)
    """
    offsets = np.arange(-round(BEFORE_MS * sampling_hz / 1e3), round(AFTER_MS * sampling_hz / 1e3) + 1)
    out = np.zeros(contacts.shape, np.float32)
    for first in range(0, len(sample), CHUNK_SPIKES):
        chunk = slice(first, first + CHUNK_SPIKES)
        waveforms = uv[np.maximum(contacts[chunk], 0)[:, :, None], sample[chunk, None, None] + offsets]
        waveforms[contacts[chunk] < 0] = 0.0
        largest = np.abs(waveforms).max(axis=2).argmax(axis=1)
        shape = _unit_norm(waveforms[np.arange(len(waveforms)), largest])
        for _ in range(FIT_ROUNDS):
            positive = np.maximum(np.einsum("nct,nt->nc", waveforms, shape), 0.0)
            shape = _unit_norm(np.einsum("nct,nc->nt", waveforms, positive))
        out[chunk] = np.einsum("nct,nt->nc", waveforms, shape)
    return out


def _unit_norm(waveforms: F32) -> F32:
    norm = np.linalg.norm(waveforms, axis=1, keepdims=True)
    return np.asarray(waveforms / np.where(norm > 0, norm, 1.0), dtype=np.float32)


def localize(amplitude_uv: F32, contacts: I64, probe: Probe) -> SpikeLocations:
    """Locate spikes by triangulation.

    A location is not ok in three cases. There are fewer than `MIN_CONTACTS` contacts. The source is nearer to the plane
    of the contacts than `MIN_HEIGHT` times the contact spacing: it then seems to lie at a contact, whatever its depth.
    It lies beyond the second row from either end of its shank, where all contacts are on one side.

    Parameters
    ----------
    amplitude_uv : ndarray of float32, shape (n, n_near)
        Amplitudes in uV, as `amplitudes` measures them.
    contacts : ndarray of int64, shape (n, n_near)
        The 10 or more contacts nearest to each spike; -1 marks an unused entry. Those within `REACH_UM` of the largest
        one are fitted.
    probe : Probe
        Positions and shanks of the contacts.

    Returns
    -------
    SpikeLocations
        Locations of the n spikes.

    Examples
    --------
    >>> line = Probe(np.stack([np.zeros(20), 20.0 * np.arange(20)], axis=1), np.arange(20), np.zeros(20, np.int64))
    >>> contacts = np.arange(5, 15)[None]
    >>> field_uv = (1e6 / np.hypot(line.positions_um[contacts, 1] - 190.0, 30.0) ** 3).astype(np.float32)
    >>> locations = localize(field_uv, contacts, line)
    >>> locations.ok, locations.position_um.round()
    (array([ True]), array([[  0., 190.]], dtype=float32))
    """
    fitted_contacts = _within_reach(amplitude_uv, contacts, probe)
    fit = np.empty((len(contacts), 4))
    triangulate(amplitude_uv, fitted_contacts, probe.positions_um, HEIGHT_UM, WEIGHTS, fit)
    known = np.isfinite(fit).all(axis=1) & ((fitted_contacts >= 0).sum(axis=1) >= MIN_CONTACTS)
    fit = np.where(known[:, None], fit, 0.0)
    lowest_um, highest_um, spacing_um = _shank_limits(contacts, probe)
    ok = known & (fit[:, 2] >= MIN_HEIGHT * spacing_um) & (fit[:, 2] <= MAX_HEIGHT_UM)
    ok &= (fit[:, 1] >= lowest_um) & (fit[:, 1] <= highest_um)
    return SpikeLocations(fit[:, :2].astype(np.float32), fit[:, 2].astype(np.float32), ok)


def _within_reach(amplitude_uv: F32, contacts: I64, probe: Probe) -> I64:
    """Keep the contacts near the one with the largest amplitude; -1 for the others."""
    largest = np.where(contacts >= 0, amplitude_uv, -np.inf).argmax(axis=1)
    xy = probe.positions_um[np.maximum(contacts, 0)]
    offset = xy - xy[np.arange(len(xy)), largest][:, None, :]
    return np.where((offset**2).sum(axis=2) <= REACH_UM**2, contacts, -1)


def _shank_limits(contacts: I64, probe: Probe) -> tuple[F64, F64, F64]:
    """Depths of the second lowest and second highest row, and the contact spacing, of each spike's shank."""
    shanks, shank_of_contact = np.unique(probe.shanks, return_inverse=True)
    shank_of_spike = shank_of_contact[np.maximum(contacts.max(axis=1, initial=0), 0)]
    rows_um = [np.unique(probe.positions_um[shank_of_contact == s, 1]) for s in range(len(shanks))]
    lowest_um = np.array([rows[min(1, len(rows) - 1)] for rows in rows_um])
    highest_um = np.array([rows[max(-2, -len(rows))] for rows in rows_um])
    distance_um = distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)
    np.fill_diagonal(distance_um, np.inf)
    nearest_um = distance_um.min(axis=1)
    spacing_um = np.array([np.median(nearest_um[shank_of_contact == s]) for s in range(len(shanks))])
    return lowest_um[shank_of_spike], highest_um[shank_of_spike], spacing_um[shank_of_spike]
