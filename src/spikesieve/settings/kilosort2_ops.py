"""Kilosort2's options, a MATLAB `ops` or pykilosort's params, as settings: what each name means here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spikesieve.errors import SettingsError
from spikesieve.settings.sentences import unknown

# sigmaMask is the spread of a mask; what is left of it beyond three of them is nothing.
REACH_OVER_SIGMA = 3.0
# Stands for the option's name in sentences that are written where it is not known.
NAME = "{name}"

Values = list[tuple[str, Any]]


class Option(NamedTuple):
    """One option.

    meaning  what it is there and what becomes of it here
    values   full names of settings and their values, from the option's value
    """

    meaning: str
    values: Callable[[Any], Values]


def _is(path: str, kind: Callable[[float], Any] = float, factor: float = 1.0) -> Callable[[Any], Values]:
    return lambda value: [(path, kind(_number(value) * factor))]


def _pair(first: str, last: str) -> Callable[[Any], Values]:
    """Two settings from a list whose first and last element they are; one number is both."""

    def values(value: Any) -> Values:
        numbers = _numbers(value)
        return [(first, numbers[0]), (last, numbers[-1])]

    return values


def _unused(*fine: object, instead: str = "") -> Callable[[Any], Values]:
    """Nothing, whatever the value (no `fine`), or only with the values that change nothing."""

    def values(value: Any) -> Values:
        if fine and _plain(value) not in fine:
            raise SettingsError(f"{NAME} = {_plain(value)} has no counterpart: {instead}")
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


WHOLE = "give --time-range START:END in seconds, which is used instead."
OPTIONS: dict[str, Option] = {
    "Th": Option("thresholds while learning and in the end", _pair("kilosort2.learn_threshold", "kilosort2.threshold")),
    "ThPre": Option("threshold of the crossings that order batches", _is("kilosort2.order_threshold")),
    "lam": Option("how strongly amplitudes are held to the template's", _is("kilosort2.amplitude_penalty")),
    "AUCsplit": Option("posterior from which a unit is split", _is("kilosort2.split_posterior")),
    "minFR": Option("rate in Hz below which a template is dropped", _is("kilosort2.min_rate_hz")),
    "momentum": Option(
        "spikes averaged over, at first and in the end", _pair("kilosort2.first_momentum", "kilosort2.last_momentum")
    ),
    "sigmaMask": Option(
        "spread of a template in um; here its reach, three times as far",
        _is("kilosort2.template_radius_um", float, REACH_OVER_SIGMA),
    ),
    "nfilt_factor": Option("templates per contact, at most", _samples("kilosort2.templates_per_contact")),
    "Nrank": Option("rank of a template", _samples("kilosort2.rank")),
    "nPCs": Option("components that batches are compared by", _samples("kilosort2.order_components")),
    "NT": Option("samples in a batch", _samples("kilosort2.batch_samples")),
    "reorder": Option("whether batches are put in order", _reorder),
    "nblocks": Option("more than 0: drift is registered (Kilosort2.5), in so many sections", _blocks),
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
    "trange": Option("part of the recording in s", _unused((0.0, math.inf), instead=WHOLE)),
    "tstart": Option("its start in samples", _unused(0.0, None, instead=WHOLE)),
    "ntbuff": Option("samples beside a batch: here what filter and waveforms need", _unused()),
    "scaleproc": Option("scale of whitened int16 traces: here float32; `Wrot` is saved times 200", _unused()),
    "nskip": Option("every n-th batch for shapes: here 20 stretches spread over the recording", _unused()),
    "nSkipCov": Option("every n-th batch for the covariance: here the same stretches", _unused()),
    "minfr_goodchannels": Option("contacts that fire less are left out: here silent contacts stay", _unused()),
    "genericSpkTh": Option("threshold of the spikes that tell drift: here detect.threshold", _unused()),
    **{
        name: Option("says what the recording is, which the options of the command do", _unused())
        for name in (
            "fs",
            "NchanTOT",
            "Nchan",
            "chanMap",
            "fbinary",
            "fproc",
            "root",
            "datatype",
            "tend",
            "sampsToRead",
        )
    },
    **{
        name: Option("a matter of its machine or of its implementation", _unused())
        for name in (
            *("GPU", "useRAM", "parfor", "verbose", "showfigures", "seed", "stable_mode", "deterministic_mode"),
            *(
                "low_memory",
                "save_temp_files",
                "nup",
                "sig",
                "loc_range",
                "long_range",
                "long_ramp",
                "nNeighPC",
                "nNeigh",
            ),
            *("sig_datashift", "overlap_samples", "unwhiten_before_drift", "normalisation", "skip_preprocessing"),
            *(
                "preprocessing_function",
                "criterionNoiseChannels",
                "nfilt",
                "Nfilt",
                "NTbuff",
                "Nbatch",
                "wPCA",
                "wTEMP",
            ),
            *("igood", "xc", "yc", "xcoords", "ycoords", "kcoords", "yblk", "midpoint", "spkthresh", "twind", "nEig"),
        )
    },
}
"""Every option that Kilosort2, 2.5 and pykilosort have, by name."""


def values_of_ops(ops: Mapping[str, Any]) -> Values:
    """Full names of settings and their values.

    Values are numbers, texts, or what a MATLAB file makes of a number (arrays of one element).
    Raises SettingsError for names that no Kilosort2 has, and for values that nothing here can follow.
    """
    found: dict[str, Any] = {}
    # In pykilosort this one decides, and nblocks is 5 all the same.
    for name, value in sorted(ops.items(), key=lambda item: item[0] == "perform_drift_registration"):
        if name not in OPTIONS:
            listed = "docs/kilosort2.md"
            raise SettingsError(unknown(name, {known: option.meaning for known, option in OPTIONS.items()}, {}, listed))
        try:
            found |= OPTIONS[name].values(value)
        except SettingsError as error:
            raise SettingsError(str(error).replace(NAME, f"Kilosort2's {name}")) from error
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise SettingsError(
                f"Kilosort2's {name} ({OPTIONS[name].meaning}) cannot be {value!r}. Give a number, or leave it out."
            ) from error
    return list(found.items())


def _plain(value: Any) -> Any:
    """A number for an array of one, a tuple for one of several, anything else as it is."""
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
