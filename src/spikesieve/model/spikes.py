"""The spikes of all units, one row a spike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model.on_demand import RowsOnDemand
from spikesieve.model.text import counted
from spikesieve.model.types import F32, I32, I64


@dataclass(frozen=True, eq=False, repr=False)
class Spikes:
    """Spikes of all units, sorted by (sample, unit).

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Sample of the trough (or, for a unit with a positive waveform, of the peak).
    unit : ndarray of int32, shape (n_spikes,)
        Row of `Templates` and of the unit table (not the number of the unit, which `Sorting.unit_ids` gives).
    detection_template : ndarray of int32, shape (n_spikes,)
        Learned template that found the spike, before the final clustering.
    amplitude : ndarray of float32, shape (n_spikes,)
        Size of the spike as a multiple of its unit's template, dimensionless.
    amplitude_uv : ndarray of float32, shape (n_spikes,)
        Peak-to-peak amplitude in uV on the unit's best contact.
    position_um : ndarray of float32, shape (n_spikes, 2)
        x and y in um.
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs), or RowsOnDemand
        Whitened PC scores on the contacts of the spike's unit (`Sorting.feature_contacts`), after the spikes of
        other units were subtracted. In a sorting whose steps are kept in a folder, the rows are computed when they are
        read, and `numpy.asarray` gives the array.
    """

    sample: I64
    unit: I32
    detection_template: I32
    amplitude: F32
    amplitude_uv: F32
    position_um: F32
    features: F32 | RowsOnDemand

    def __len__(self) -> int:
        return len(self.sample)

    def __repr__(self) -> str:
        text = f"Spikes: {counted(len(self), 'spike')} of {counted(len(np.unique(self.unit)), 'unit')}"
        return f"{text}, samples {self.sample[0]} to {self.sample[-1]}" if len(self) else text
