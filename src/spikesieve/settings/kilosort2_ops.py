"""Kilosort2's options (a MATLAB `ops`, pykilosort's params) as settings: what each name means here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spikesieve.errors import SettingsError
from spikesieve.settings.sentences import unknown

# sigmaMask is the SD of a Gaussian mask, which is practically 0 beyond three of them.
_RADIUS_OVER_SIGMA = 3.0
# Placeholder for the option's name in sentences written where the name is not known.
_NAME = "{name}"

Values = list[tuple[str, Any]]


class Option(NamedTuple):
    """One option of Kilosort2.

    Attributes
    ----------
    meaning : str
        What it is in Kilosort2, and what happens to it here.
    values : callable
        Takes the option's value and returns full names of settings with their values.
    """

    meaning: str
    values: Callable[[Any], Values]


def _is(path: str, kind: Callable[[float], Any] = float, factor: float = 1.0) -> Callable[[Any], Values]:
    return lambda value: [(path, kind(_number(value) * factor))]


def _pair(first: str, last: str) -> Callable[[Any], Values]:
    """Two settings from the first and the last element of a list; a single number sets both."""

    def values(value: Any) -> Values:
        numbers = _numbers(value)
        return [(first, numbers[0]), (last, numbers[-1])]

    return values


def _unused(*harmless: object, instead: str = "") -> Callable[[Any], Values]:
    """No setting; with `harmless` given, any other value is an error."""

    def values(value: Any) -> Values:
        if harmless and _plain(value) not in harmless:
            raise SettingsError(f"{_NAME} = {_plain(value)} has no counterpart: {instead}")
        return []

    return values


def _reference(value: Any) -> Values:
    return [("preprocess.reference", "median" if _number(value) else "none")]


def _registration(value: Any) -> Values:
    return [("kilosort2.drift", "register" if _number(value) else "order")]


def _blocks(value: Any) -> Values:
    n = round(_number(value))
    return [*_registration(n), *([("motion.n_sections", n)] if n else [])]


def _reorder(value: Any) -> Values:
    return [("kilosort2.reorder", bool(_number(value)))]


def _samples(path: str) -> Callable[[Any], Values]:
    return _is(path, round)


_USE_TIME_RANGE = "give --time-range START:END in seconds, which is used instead."
_OF_THE_RECORDING = (
    *("fs", "NchanTOT", "Nchan", "chanMap", "tend", "sampsToRead"),
    *("fbinary", "fproc", "root", "datatype"),
)
_OF_THE_MACHINE = (
    *("GPU", "useRAM", "parfor", "verbose", "showfigures", "seed", "stable_mode", "deterministic_mode"),
    *("low_memory", "save_temp_files", "nup", "sig", "loc_range", "long_range", "long_ramp", "nNeighPC", "nNeigh"),
    *("sig_datashift", "overlap_samples", "unwhiten_before_drift", "normalisation", "skip_preprocessing"),
    *("preprocessing_function", "criterionNoiseChannels", "nfilt", "Nfilt", "NTbuff", "Nbatch", "wPCA", "wTEMP"),
    *("igood", "xc", "yc", "xcoords", "ycoords", "kcoords", "yblk", "midpoint", "spkthresh", "twind", "nEig"),
)
OPTIONS: dict[str, Option] = {
    "Th": Option(
        "thresholds while learning and in the result", _pair("kilosort2.learn_threshold", "kilosort2.threshold")
    ),
    "ThPre": Option("threshold of the spikes that order batches", _is("kilosort2.order_threshold")),
    "lam": Option("how strongly amplitudes are held to the template's", _is("kilosort2.amplitude_penalty")),
    "AUCsplit": Option("posterior from which a unit is split", _is("kilosort2.split_posterior")),
    "minFR": Option("rate in Hz below which a template is dropped", _is("kilosort2.min_rate_hz")),
    "momentum": Option(
        "spikes averaged over, at first and in the end", _pair("kilosort2.first_momentum", "kilosort2.last_momentum")
    ),
    "sigmaMask": Option(
        "spatial SD of a template in µm; here its radius, three times as large",
        _is("kilosort2.template_radius_um", float, _RADIUS_OVER_SIGMA),
    ),
    "nfilt_factor": Option("most templates per contact", _samples("kilosort2.templates_per_contact")),
    "Nrank": Option("rank of a template", _samples("kilosort2.rank")),
    "nPCs": Option("components that batches are compared by", _samples("kilosort2.order_components")),
    "NT": Option("samples in a batch", _samples("kilosort2.batch_samples")),
    "reorder": Option("whether batches are put in order", _reorder),
    "nblocks": Option("more than 0: drift is registered (Kilosort2.5), in this number of sections", _blocks),
    "perform_drift_registration": Option("whether drift is registered (pykilosort), whatever nblocks", _registration),
    "spkTh": Option("threshold of the spikes that shapes are learned from", _is("shapes.threshold_sd", float, -1.0)),
    "nt0": Option("samples in a waveform", _samples("shapes.waveform_samples")),
    "nt0min": Option("sample of the peak in it", _samples("shapes.peak_sample")),
    "fshigh": Option("corner of the high-pass in Hz", _is("preprocess.highpass_cutoff_hz")),
    "fslow": Option(
        "corner of a low-pass", _unused(None, math.inf, 0.0, instead="there is no low-pass. Leave it out.")
    ),
    "CAR": Option("whether the median over contacts is subtracted", _reference),
    "whiteningRange": Option("contacts that whiten each contact", _samples("preprocess.whitening_range")),
    "trange": Option("part of the recording in s", _unused((0.0, math.inf), instead=_USE_TIME_RANGE)),
    "tstart": Option("its start in samples", _unused(0.0, None, instead=_USE_TIME_RANGE)),
    "ntbuff": Option("samples beside a batch: here what filter and waveforms need", _unused()),
    "scaleproc": Option("scale of whitened int16 traces: here float32; `Wrot` is saved times 200", _unused()),
    "nskip": Option("every n-th batch for shapes: here 20 blocks spread over the recording", _unused()),
    "nSkipCov": Option("every n-th batch for the covariance: here the same blocks", _unused()),
    "minfr_goodchannels": Option("contacts that fire less are left out: here silent contacts stay", _unused()),
    "genericSpkTh": Option("threshold of the spikes that measure drift: here detect.threshold", _unused()),
    **{
        name: Option("describes the recording, which the options of the command do here", _unused())
        for name in _OF_THE_RECORDING
    },
    **{name: Option("concerns its machine or its implementation", _unused()) for name in _OF_THE_MACHINE},
}
"""Every option that Kilosort2, 2.5 and pykilosort have, by name."""


def values_of_ops(ops: Mapping[str, Any]) -> Values:
    """Translate Kilosort2's options into settings.

    Parameters
    ----------
    ops : mapping of str to object
        Values by Kilosort2's names: numbers, texts, or arrays of one element, as MATLAB files store numbers.

    Returns
    -------
    list of (str, object)
        Full names of settings and their values.

    Raises
    ------
    SettingsError
        No Kilosort2 has an option of this name, or its value has no counterpart here: a line for each of them.

    Examples
    --------
    >>> values_of_ops({"Th": [10, 4], "fshigh": 150})
    [('kilosort2.learn_threshold', 10.0), ('kilosort2.threshold', 4.0), ('preprocess.highpass_cutoff_hz', 150.0)]
    """
    found: dict[str, Any] = {}
    wrong = []
    # perform_drift_registration goes last, so that it overrides nblocks: pykilosort always has nblocks = 5.
    for name, value in sorted(ops.items(), key=lambda item: item[0] == "perform_drift_registration"):
        try:
            found |= _values(name, value)
        except SettingsError as error:
            wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))
    return list(found.items())


def _values(name: str, value: Any) -> Values:
    if name not in OPTIONS:
        listed = "docs/kilosort2.md"
        raise SettingsError(unknown(name, {known: option.meaning for known, option in OPTIONS.items()}, {}, listed))
    try:
        return OPTIONS[name].values(value)
    except SettingsError as error:
        raise SettingsError(str(error).replace(_NAME, f"Kilosort2's {name}")) from error
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise SettingsError(
            f"Kilosort2's {name} ({OPTIONS[name].meaning}) cannot be {value!r}. Give a number, or leave it out."
        ) from error


def _plain(value: Any) -> Any:
    """A number for an array of one element, a tuple for an array of several, anything else unchanged."""
    tolist = getattr(value, "tolist", None)
    value = tolist() if callable(tolist) else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        flat = [_plain(each) for each in value]
        return flat[0] if len(flat) == 1 else tuple(flat)
    return float(value) if isinstance(value, bool | int) else value


def _numbers(value: Any) -> tuple[float, ...]:
    plain = _plain(value)
    return tuple(float(each) for each in plain) if isinstance(plain, tuple) else (float(plain),)


def _number(value: Any) -> float:
    (number,) = _numbers(value)
    return number
