"""The mean waveforms of the units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model.text import counted
from spikesieve.model.types import F32, I64


@dataclass(frozen=True, eq=False, repr=False)
class Templates:
    """Mean waveforms on the contacts near each unit.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_units, n_waveform_samples, n_near)
        Mean waveforms in uV: high-passed, neither referenced nor whitened.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contact of each column; -1 marks an unused column (its values are 0).
    peak_index : int
        Sample of the window at which the spike's time lies.
    """

    uv: F32
    contacts: I64
    peak_index: int

    def __len__(self) -> int:
        return len(self.uv)

    def __repr__(self) -> str:
        _, n_samples, n_near = self.uv.shape
        return (
            f"Templates: {counted(len(self), 'unit')}, {counted(n_samples, 'sample')} each with the spike at sample "
            f"{self.peak_index}, on up to {counted(n_near, 'contact')}"
        )

    def dense_uv(self, n_contacts: int) -> F32:
        """Put the waveforms on all contacts.

        Parameters
        ----------
        n_contacts : int
            Number of contacts of the probe.

        Returns
        -------
        ndarray of float32, shape (n_units, n_waveform_samples, n_contacts)
            Mean waveforms in uV, 0 where they were not measured.

        Examples
        --------
        >>> templates = Templates(np.full((1, 1, 2), 5, np.float32), np.array([[2, -1]]), peak_index=0)
        >>> templates.dense_uv(4)
        array([[[0., 0., 5., 0.]]], dtype=float32)
        """
        dense = np.zeros((len(self.uv), self.uv.shape[1], n_contacts), np.float32)
        for unit, near in enumerate(self.contacts):
            used = near >= 0
            dense[unit][:, near[used]] = self.uv[unit][:, used]
        return dense
