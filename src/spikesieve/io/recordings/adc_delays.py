"""When the converters of Neuropixels sample each channel: several channels share one, and take their turns."""

from __future__ import annotations

import re

import numpy as np
import probeinterface
from probeinterface.neuropixels_tools import build_neuropixels_probe

from spikesieve.model import F64, I64

LFP_HZ = "lf_sample_frequency_hz"


def delays_of_table(table: str, channels: I64, has_lfp_turn: bool) -> F64 | None:
    """Compute how much later than the first each channel is sampled.

    Parameters
    ----------
    table : str
        A table of multiplexing, as SpikeGLX and probeinterface write it: (converters,channels of each)(channels of the
        first turn)(channels of the second turn)...
    channels : ndarray of int64, shape (n_channels,)
        Number of each channel in the table.
    has_lfp_turn : bool
        Whether each converter takes one more turn for a sample of the LFP, as that of Neuropixels 1.0 does.

    Returns
    -------
    ndarray of float64, shape (n_channels,), or None
        As a fraction of a sample; None if a channel is not in the table.

    Examples
    --------
    >>> delays_of_table("(2,3)(0 1)(2 3)(4 5)", np.array([1, 2, 5]), True)
    array([0.  , 0.25, 0.5 ])
    """
    header, *turns = re.findall(r"\(([^)]*)\)", table)
    turn_of = {int(channel): turn for turn, row in enumerate(turns) for channel in row.split()}
    if not turn_of.keys() >= set(channels.tolist()):
        return None
    n_turns = int(header.split(",")[1]) + has_lfp_turn
    return np.array([turn_of[channel] for channel in channels.tolist()], np.float64) / n_turns


def delays_of_part(part_number: str, channels: I64) -> F64 | None:
    """Compute how much later than the first each channel of a kind of probe is sampled.

    Parameters
    ----------
    part_number : str
        Such as NP1000.
    channels : ndarray of int64, shape (n_channels,)
        Number of the readout of each channel.

    Returns
    -------
    ndarray of float64, shape (n_channels,), or None
        As a fraction of a sample; None if probeinterface does not know it.

    Examples
    --------
    >>> delays_of_part("NP2000", np.array([0, 1, 2, 31, 32]))
    array([0.    , 0.    , 0.0625, 0.9375, 0.    ])
    """
    try:
        known = build_neuropixels_probe(part_number).annotations
        return delays_of_table(known["adc_sampling_table"], channels, known[LFP_HZ] > 0)
    except (KeyError, ValueError):
        return None


def delays_of_probe(probe: probeinterface.Probe) -> F64 | None:
    """Compute how much later than the first each contact is sampled.

    Parameters
    ----------
    probe : probeinterface.Probe
        As probeinterface reads it from a recording.

    Returns
    -------
    ndarray of float64, shape (n_contacts,), or None
        As a fraction of a sample; None if the probe does not say it.
    """
    turns, known = probe.contact_annotations.get("adc_sample_order"), probe.annotations
    if turns is None or "num_channels_per_adc" not in known or LFP_HZ not in known:
        return None
    n_turns = int(known["num_channels_per_adc"]) + (known[LFP_HZ] > 0)
    delays: F64 = np.asarray(turns, np.float64) / n_turns
    return delays
