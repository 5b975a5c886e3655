"""The header of Intan's .rhd and .rhs files.

Layout: Intan Technologies, "RHD data file formats" and "RHS data file formats".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = {b"\x02\x27\x91\xc6": "rhd", b"\xac\x27\x91\xd6": "rhs"}
"""First four bytes of a file, and which of the two kinds of chips it is of."""

AMPLIFIER, AUXILIARY, SUPPLY, ADC, DAC = 0, 1, 2, 3, 4
"""Kinds of channels. Auxiliary and supply are of rhd only, DAC of rhs only."""
DIGITAL = {"rhd": (4, 5), "rhs": (5, 6)}
"""Digital inputs and outputs: one word a sample for all inputs, and one for all outputs."""


@dataclass(frozen=True)
class IntanHeader:
    """What a header says of the samples.

    Attributes
    ----------
    kind : {"rhd", "rhs"}
        Kind of the chips.
    version : tuple of int
        Version of the format.
    sampling_hz : float
        Sampling rate of the amplifiers in Hz.
    names : tuple of str
        Native names of the amplifier channels that were recorded, such as A-000, in the order of the data.
    n_of_type : dict of int to int
        Channels that were recorded of each kind.
    n_temperature : int
        Temperature sensors.
    has_dc : bool
        Whether the slow amplifiers of an rhs were saved as well.
    n_bytes : int
        Length of the header.
    """

    kind: str
    version: tuple[int, int]
    sampling_hz: float
    names: tuple[str, ...]
    n_of_type: dict[int, int]
    n_temperature: int
    has_dc: bool
    n_bytes: int

    @property
    def block_samples(self) -> int:
        """Samples of each block of data: 60 in versions 1 of rhd, else 128."""
        return 60 if self.kind == "rhd" and self.version[0] == 1 else 128

    @property
    def n_amplifiers(self) -> int:
        """Amplifier channels."""
        return len(self.names)

    @property
    def block_bytes(self) -> int:
        """Bytes of each block of data in a file of the traditional format."""
        count, samples = self.n_of_type.get, self.block_samples
        per_sample = self.n_amplifiers + count(ADC, 0) + sum(kind in self.n_of_type for kind in DIGITAL[self.kind])
        if self.kind == "rhs":
            per_sample += self.n_amplifiers * (2 if self.has_dc else 1) + count(DAC, 0)  # slow amplifiers, stimulation
        slow = 0 if self.kind == "rhs" else count(AUXILIARY, 0) * samples // 4 + count(SUPPLY, 0) + self.n_temperature
        return 4 * samples + 2 * (per_sample * samples + slow)


def read_intan_header(path: Path) -> IntanHeader:
    """Read the header of a file.

    Parameters
    ----------
    path : Path
        A .rhd or .rhs file.

    Returns
    -------
    IntanHeader
        What it says.

    Raises
    ------
    ValueError, EOFError
        If the file does not begin as one of Intan's, or ends within the header.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        kind = MAGIC.get(file.read(4))
        if kind is None:
            raise ValueError("it does not begin as a file of Intan")
        major, minor = _read(file, "hh")
        (sampling_hz,) = _read(file, "f")
        n_temperature, has_dc = _middle(file, kind, (major, minor))
        names, n_of_type = _channels(file, _read(file, "h")[0], kind)
        return IntanHeader(kind, (major, minor), sampling_hz, names, n_of_type, n_temperature, has_dc, file.tell())


def _middle(file: BinaryIO, kind: str, version: tuple[int, int]) -> tuple[int, bool]:
    """What stands between sampling rate and channels: filters, notes, and what differs between versions."""
    if kind == "rhs":
        _read(file, "h8fh2f2h3f")  # filters, impedance test, settling, stimulation
        _texts(file, 3)
        (has_dc, _) = _read(file, "hh")
        _texts(file, 1)  # reference channel
        return 0, bool(has_dc)
    _read(file, "h6fh2f")
    _texts(file, 3)
    n_temperature = _read(file, "h")[0] if version >= (1, 1) else 0
    if version >= (1, 3):
        _read(file, "h")  # board mode
    if version >= (2, 0):
        _texts(file, 1)  # reference channel
    return n_temperature, False


def _channels(file: BinaryIO, n_groups: int, chips: str) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of the amplifier channels that were recorded, and the number of channels of each kind."""
    names: list[str] = []
    n_of_type: dict[int, int] = {}
    for _ in range(n_groups):
        _texts(file, 2)
        is_enabled, n_channels, _ = _read(file, "3h")
        for _ in range(n_channels if is_enabled else 0):
            native, _ = _texts(file, 2)
            _, _, kind, is_recorded, *_ = _read(file, "11h2f" if chips == "rhs" else "10h2f")
            if is_recorded:
                n_of_type[kind] = n_of_type.get(kind, 0) + 1
                names += [native] if kind == AMPLIFIER else []
    return tuple(names), n_of_type


def _read(file: BinaryIO, fields: str) -> tuple[Any, ...]:
    size = struct.calcsize(f"<{fields}")
    data = file.read(size)
    if len(data) < size:
        raise EOFError("it ends within its header")
    return struct.unpack(f"<{fields}", data)


def _texts(file: BinaryIO, n: int) -> list[str]:
    """Texts in the form of Qt: length in bytes, then UTF-16."""
    texts = []
    for _ in range(n):
        (size,) = _read(file, "I")
        size = 0 if size == 0xFFFFFFFF else size
        data = file.read(size)
        if len(data) < size:
            raise EOFError("it ends within its header")
        texts.append(data.decode("utf-16-le"))
    return texts
