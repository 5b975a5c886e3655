"""Ground truth of a simulated recording: what a perfect sorter would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spikesieve.model import F32, F64, I32, I64
from spikesieve.simulation.faults import Faults
from spikesieve.simulation.footprints import window_around_spike
from spikesieve.simulation.scene import Scene
from spikesieve.simulation.units import SimulatedUnit

# A moving unit's template is stored at displacements at most this far apart, on at most this many contacts.
PLACES_APART_UM, N_NEAR = 4.0, 32


@dataclass(frozen=True, eq=False)
class Truth:
    """What a perfect sorter would find.

    Attributes
    ----------
    sampling_hz : float
        Sampling rate in Hz.
    n_samples : int
        Length of the recording.
    peak_index : int
        Sample of the templates at which the spike's time lies.
    sample : ndarray of int64, shape (n_spikes,)
        Trough (peak, if positive) on the largest contact; ordered by (sample, unit).
    unit : ndarray of int32, shape (n_spikes,)
        Unit: row of the arrays below.
    amplitude : ndarray of float32, shape (n_spikes,)
        Size of each spike relative to its unit's template.
    moved_um : ndarray of float32, shape (n_spikes,)
        Displacement of the unit at the time of each spike, upwards positive.
    position_um : ndarray of float64, shape (n_units, 3)
        x, y and distance from the probe's plane, at rest.
    shank : ndarray of int64, shape (n_units,)
        Shank beside which each unit lies.
    ptp_uv : ndarray of float32, shape (n_units,)
        Peak to peak of the template on its largest contact.
    kind : ndarray of str, shape (n_units,)
        Kind of cell, or name of the footprint.
    templates_uv : ndarray of float32, shape (n_units, n_window, n_contacts)
        Templates at rest.
    moved_contacts : ndarray of int64, shape (n_units, n_near)
        Contacts that see most of each unit as it moves; -1: unused.
    moved_places_um : ndarray of float32, shape (n_units, n_places)
        Evenly spaced displacements from each unit's lowest to its highest.
    moved_templates_uv : ndarray of float32, shape (n_units, n_places, n_window, n_near)
        Templates at these displacements on those contacts.
    displacement_time_s : ndarray of float64, shape (n_times,)
        Times of the displacement in s.
    displacement_depth_um : ndarray of float64, shape (n_depths,)
        Depths of the displacement at rest.
    displacement_um : ndarray of float32, shape (n_shanks, n_times, n_depths)
        Displacement of the tissue, upwards positive.
    dead : ndarray of int64, shape (n_dead,)
        Contacts without signal.
    artifact_sample : ndarray of int64, shape (n_artifacts,)
        Where an artifact or a pulse of stimulation starts on all channels.
    """

    sampling_hz: float
    n_samples: int
    peak_index: int
    sample: I64
    unit: I32
    amplitude: F32
    moved_um: F32
    position_um: F64
    shank: I64
    ptp_uv: F32
    kind: NDArray[np.str_]
    templates_uv: F32
    moved_contacts: I64
    moved_places_um: F32
    moved_templates_uv: F32
    displacement_time_s: F64
    displacement_depth_um: F64
    displacement_um: F32
    dead: I64
    artifact_sample: I64

    def position_at(self, spike: int) -> F64:
        """Return where the unit of a spike is when it fires.

        Parameters
        ----------
        spike : int
            Index of the spike.

        Returns
        -------
        ndarray of float64, shape (3,)
            Position in um.
        """
        return np.asarray(self.position_um[self.unit[spike]] + (0.0, self.moved_um[spike], 0.0))

    def template_at(self, unit: int, moved_um: float) -> F32:
        """Return a unit's template at a displacement, linear between the stored ones.

        Parameters
        ----------
        unit : int
            Index of the unit.
        moved_um : float
            Displacement in um.

        Returns
        -------
        ndarray of float32, shape (n_window, n_contacts)
            Template in uV.
        """
        places_um = self.moved_places_um[unit]
        after = int(np.clip(np.searchsorted(places_um, moved_um), 1, max(1, len(places_um) - 1)))
        low, high = (
            self.moved_templates_uv[unit, after - 1],
            self.moved_templates_uv[unit, min(after, len(places_um) - 1)],
        )
        step_um = float(places_um[min(after, len(places_um) - 1)] - places_um[after - 1])
        part = np.clip((moved_um - places_um[after - 1]) / step_um, 0, 1) if step_um > 0 else 0.0
        dense = np.zeros(self.templates_uv.shape[1:], np.float32)
        used = self.moved_contacts[unit] >= 0
        dense[:, self.moved_contacts[unit, used]] = (low + np.float32(part) * (high - low))[:, used]
        return dense


def truth_of(scene: Scene, units: tuple[SimulatedUnit, ...], faults: Faults) -> Truth:
    """Collect the ground truth of the units of a scene.

    Parameters
    ----------
    scene : Scene
        What the units share.
    units : tuple of SimulatedUnit
        The units, in order.
    faults : Faults
        Faults of the recording.

    Returns
    -------
    Truth
        Spikes ordered by (sample, unit).
    """
    params, window = scene.params, window_around_spike(scene.params.sampling_hz)
    templates_uv = np.zeros((len(units), window.n_samples, scene.probe.n_contacts), np.float32)
    for i, unit in enumerate(units):
        templates_uv[i][:, unit.contacts] = unit.waveform_uv().T
    number = np.repeat(np.arange(len(units), dtype=np.int32), [len(unit.sample) for unit in units])
    sample = _joined([unit.sample for unit in units], np.int64)
    order = np.lexsort((number, sample))
    contacts, places_um, moved_uv = _moved_templates(units, window.n_samples)
    return Truth(
        sampling_hz=params.sampling_hz,
        n_samples=params.n_samples,
        peak_index=window.peak_index,
        sample=sample[order],
        unit=number[order],
        amplitude=_joined([unit.amplitude for unit in units], np.float32)[order],
        moved_um=_joined([unit.moved_um for unit in units], np.float32)[order],
        position_um=np.array([unit.position_um for unit in units]).reshape(-1, 3),
        shank=np.array([unit.shank for unit in units], np.int64),
        ptp_uv=np.ptp(templates_uv, axis=1).max(axis=1),
        kind=np.array([unit.kind for unit in units], dtype="U32"),
        templates_uv=templates_uv,
        moved_contacts=contacts,
        moved_places_um=places_um,
        moved_templates_uv=moved_uv,
        displacement_time_s=scene.displacement.time_s,
        displacement_depth_um=scene.displacement.depth_um,
        displacement_um=scene.displacement.um,
        dead=faults.dead,
        artifact_sample=np.sort(np.concatenate([faults.artifacts.sample, faults.pulses.sample])),
    )


def _moved_templates(units: tuple[SimulatedUnit, ...], n_window: int) -> tuple[I64, F32, F32]:
    """Return moved_contacts, moved_places_um and moved_templates_uv of `Truth`."""
    ends_um = np.array([(unit.moved_um.min(initial=0), unit.moved_um.max(initial=0)) for unit in units]).reshape(-1, 2)
    n_places = 1 + int(np.ceil(np.ptp(ends_um, axis=1).max(initial=0) / PLACES_APART_UM))
    n_near = min(N_NEAR, max((len(unit.contacts) for unit in units), default=0))
    contacts = np.full((len(units), n_near), -1, np.int64)
    templates_uv = np.zeros((len(units), n_places, n_window, n_near), np.float32)
    places_um = np.linspace(ends_um[:, 0], ends_um[:, 1], n_places, axis=1).astype(np.float32)
    for i, unit in enumerate(units):
        waveforms_uv = np.stack([unit.waveform_uv(float(place_um)) for place_um in places_um[i]])
        largest = np.argsort(-np.ptp(waveforms_uv, axis=2).max(axis=0), kind="stable")[:n_near]
        contacts[i, : len(largest)] = unit.contacts[largest]
        templates_uv[i, :, :, : len(largest)] = waveforms_uv[:, largest].transpose(0, 2, 1)
    return contacts, places_um, templates_uv


def _joined(arrays: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *arrays])
