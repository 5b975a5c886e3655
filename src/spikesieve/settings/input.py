"""Settings of the input: which channels and shanks are sorted, and their sign."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from spikesieve.settings.params import Params, setting


def _as_tuple(value: Any) -> Any:
    """One value, a list, a text such as "3,17,AP5", or nothing, as a tuple."""
    if value is None:
        return ()
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        return tuple(int(part) if part.isdecimal() else part for part in parts if part)
    return tuple(value) if isinstance(value, list | tuple) else (value,)


class InputParams(Params):
    """What of a recording is sorted."""

    bad_channels: Annotated[tuple[int | str, ...], BeforeValidator(_as_tuple)] = setting(
        (),
        "channels of the file that are left out, counted from 0, or their names; "
        "set it to channels that you know to be bad",
        kilosort4="bad_channels",
    )
    shanks: Annotated[tuple[int, ...], BeforeValidator(_as_tuple)] = setting(
        (),
        "numbers of the shanks that are sorted (default: all); set it to sort a part of the probe",
        kilosort4="shank_idx",
    )
    expected_channels: int | None = setting(
        None,
        "channels that the recording has, those without a contact included (default: any); "
        "set it to be told of a recording with another number",
        kilosort4="n_chan_bin",
        ge=1,
    )
    expected_sampling_hz: float | None = setting(
        None,
        "sampling rate that the recording has, within a thousandth (default: any); "
        "set it to be told of a recording with another rate",
        kilosort4="fs",
        gt=0,
    )
    invert_sign: bool = setting(
        False,
        "whether all samples are multiplied by -1; choose true if the amplifier inverts, so that spikes point upwards",
        kilosort4="invert_sign",
    )
