"""Where each spike came from: its amplitude on each contact, and the point whose field fits them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um
from spikesieve.kernels import triangulate
from spikesieve.model import F32, F64, I64, Bool, Probe

# The part of a spike in which its contacts have much the same shape, around its time.
BEFORE_MS, AFTER_MS = 0.33, 0.67
# Rounds of a rank-1 fit: what shape does the spike have, how much of it has each contact.
ROUNDS = 2
SPIKES_AT_ONCE = 4000

# The field falls with the third power of the distance: the high-pass, the reference and a cell's return currents leave
# little of 1 / d. The plane of the contacts is likely this far away; see docs/motion.md.
HEIGHT_UM = 20.0
WEIGHTS = (0.05, 0.0005)
# Contacts farther than this from the largest one are left out.
REACH_UM = 75.0
MIN_CONTACTS = 3
MIN_HEIGHT, MAX_HEIGHT_UM = 0.6, 150.0


@dataclass(frozen=True, eq=False)
class Located:
    """Where spikes came from.

    position_um  (n, 2) float32, x and depth
    height_um    (n,) float32, distance from the plane of the contacts
    ok           (n,) bool: False where the amplitudes do not tell; position and height are 0 if nothing was positive
    """

    position_um: F32
    height_um: F32
    ok: Bool


def amplitudes(uv: F32, sample: I64, contacts: I64, sampling_hz: float) -> F32:
    """How much each contact has of each spike: (n, n_near) float32, positive on the largest contact, 0 for contact -1.

    The waveforms of a spike on its contacts are fitted by one shape (unit norm, learned from that spike alone) times an
    amplitude for each contact, which is returned: the projection of the contact's waveform on the shape. Unlike peak to
    peak it is 0 on average where there is only noise.

    uv        (n_contacts, n_samples) float32, high-passed and not whitened
    sample    (n,) int64, at least 1 ms from the ends
    contacts  (n, n_near) int64, -1 = none
    """
    offsets = np.arange(-round(BEFORE_MS * sampling_hz / 1e3), round(AFTER_MS * sampling_hz / 1e3) + 1)
    out = np.zeros(contacts.shape, np.float32)
    for first in range(0, len(sample), SPIKES_AT_ONCE):
        some = slice(first, first + SPIKES_AT_ONCE)
        clips = uv[np.maximum(contacts[some], 0)[:, :, None], sample[some, None, None] + offsets]
        clips[contacts[some] < 0] = 0.0
        largest = np.abs(clips).max(axis=2).argmax(axis=1)
        shape = _unit(clips[np.arange(len(clips)), largest])
        for _ in range(ROUNDS):
            shape = _unit(np.einsum("nct,nc->nt", clips, np.maximum(np.einsum("nct,nt->nc", clips, shape), 0.0)))
        out[some] = np.einsum("nct,nt->nc", clips, shape)
    return out


def _unit(waveforms: F32) -> F32:
    norm = np.linalg.norm(waveforms, axis=1, keepdims=True)
    return np.asarray(waveforms / np.where(norm > 0, norm, 1.0), dtype=np.float32)


def localize(amplitude_uv: F32, contacts: I64, probe: Probe) -> Located:
    """Where spikes came from, by triangulation.

    A spike is not ok where its contacts do not tell its depth: fewer than MIN_CONTACTS of them; a source nearer to the
    plane than MIN_HEIGHT times the distance of neighbouring contacts, which then lies at a contact whatever its depth;
    one beyond the second row of contacts from either end of its shank, with contacts on one side only.

    amplitude_uv  (n, n_near) float32 of `amplitudes`
    contacts      (n, n_near) int64, -1 = none: the 10 or more nearest to the spike; those within REACH_UM count
    """
    within = _within_reach(amplitude_uv, contacts, probe)
    fitted = np.empty((len(contacts), 4))
    triangulate(amplitude_uv, within, probe.positions_um, HEIGHT_UM, WEIGHTS, fitted)
    known = np.isfinite(fitted).all(axis=1) & ((within >= 0).sum(axis=1) >= MIN_CONTACTS)
    fitted = np.where(known[:, None], fitted, 0.0)
    low, high, spacing = _shank_of_spikes(contacts, probe)
    ok = known & (fitted[:, 2] >= MIN_HEIGHT * spacing) & (fitted[:, 2] <= MAX_HEIGHT_UM)
    ok &= (fitted[:, 1] >= low) & (fitted[:, 1] <= high)
    return Located(fitted[:, :2].astype(np.float32), fitted[:, 2].astype(np.float32), ok)


def _within_reach(amplitude_uv: F32, contacts: I64, probe: Probe) -> I64:
    """The contacts near the one with the largest amplitude; -1 for others."""
    largest = np.where(contacts >= 0, amplitude_uv, -np.inf).argmax(axis=1)
    xy = probe.positions_um[np.maximum(contacts, 0)]
    away = xy - xy[np.arange(len(xy)), largest][:, None, :]
    return np.where((away**2).sum(axis=2) <= REACH_UM**2, contacts, -1)


def _shank_of_spikes(contacts: I64, probe: Probe) -> tuple[F64, F64, F64]:
    """Of each spike's shank: second lowest and second highest row of contacts, distance of neighbouring contacts."""
    shanks, of_contact = np.unique(probe.shanks, return_inverse=True)
    of_spike = of_contact[np.maximum(contacts.max(axis=1, initial=0), 0)]
    rows = [np.unique(probe.positions_um[of_contact == s, 1]) for s in range(len(shanks))]
    low = np.array([row[min(1, len(row) - 1)] for row in rows])
    high = np.array([row[max(-2, -len(row))] for row in rows])
    distance = distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)
    np.fill_diagonal(distance, np.inf)
    nearest = distance.min(axis=1)
    spacing = np.array([np.median(nearest[of_contact == s]) for s in range(len(shanks))])
    return low[of_spike], high[of_spike], spacing[of_spike]
