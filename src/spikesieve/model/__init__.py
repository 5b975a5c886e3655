"""The data types of spike sorting: Probe, Recording, Spikes, Templates, Unit, Motion, Sorting; all are frozen.

Axis order everywhere: (sample, channel), (unit, sample, contact). Sample numbers are int64 and count from the
first sample of the first file. "Contact" is a row of the probe, "channel" a column of the file.
"""

from spikesieve.model.blanked import Blanked, Reason, join_blanked
from spikesieve.model.motion import DriftDecision, Motion
from spikesieve.model.on_demand import RowsOnDemand
from spikesieve.model.overview import Overview
from spikesieve.model.probe import Probe
from spikesieve.model.recording import Chunked, Identifiable, ReadSamples, Recording
from spikesieve.model.sorted_time import SortedTime
from spikesieve.model.sorting import Origin, Sorting
from spikesieve.model.spikes import Spikes
from spikesieve.model.templates import Templates
from spikesieve.model.types import F32, F64, I32, I64, U8, Bool
from spikesieve.model.unit import Label, Unit
from spikesieve.model.unit_metrics import UnitMetrics
from spikesieve.model.waveform_statistics import WaveformStatistics

__all__ = [
    "F32",
    "F64",
    "I32",
    "I64",
    "U8",
    "Blanked",
    "Bool",
    "Chunked",
    "DriftDecision",
    "Identifiable",
    "Label",
    "Motion",
    "Origin",
    "Overview",
    "Probe",
    "ReadSamples",
    "Reason",
    "Recording",
    "RowsOnDemand",
    "SortedTime",
    "Sorting",
    "Spikes",
    "Templates",
    "Unit",
    "UnitMetrics",
    "WaveformStatistics",
    "join_blanked",
]
