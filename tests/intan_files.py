"""Small files of Intan, byte for byte as its documentation lays them out."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HZ = 20_000.0
AMPLIFIER, AUXILIARY, SUPPLY, ADC, DAC = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Layout:
    """What a file holds beside its amplifier channels."""

    kind: str = "rhd"
    version: tuple[int, int] = (3, 0)
    n_amplifiers: int = 5
    n_auxiliary: int = 0
    n_supply: int = 0
    n_temperature: int = 0
    n_adc: int = 0
    n_dac: int = 0
    has_digital: bool = False
    has_dc: bool = False

    @property
    def block_samples(self) -> int:
        return 60 if self.kind == "rhd" and self.version[0] == 1 else 128


def text(words: str) -> bytes:
    data = words.encode("utf-16-le")
    return struct.pack("<I", len(data)) + data if words else struct.pack("<I", 0xFFFFFFFF)


def header(layout: Layout) -> bytes:
    is_rhs = layout.kind == "rhs"
    parts = [struct.pack("<Ihhf", 0xD69127AC if is_rhs else 0xC6912702, *layout.version, HZ)]
    if is_rhs:
        parts += [struct.pack("<h8fh2f2h3f", 1, *[1.0] * 8, 0, 1e3, 1e3, 0, 0, 1e-6, 1e-6, 0.0)]
    else:
        parts += [struct.pack("<h6fh2f", 1, *[1.0] * 6, 0, 1e3, 1e3)]
    parts += [text("a note"), text(""), text("naïve")]
    if is_rhs:
        parts += [struct.pack("<hh", layout.has_dc, 0), text("hardware")]
    else:
        parts += [struct.pack("<h", layout.n_temperature)] if layout.version >= (1, 1) else []
        parts += [struct.pack("<h", 0)] if layout.version >= (1, 3) else []
        parts += [text("n/a")] if layout.version >= (2, 0) else []
    digital = ((5, 6) if is_rhs else (4, 5)) if layout.has_digital else ()
    counts = {
        AMPLIFIER: layout.n_amplifiers,
        AUXILIARY: layout.n_auxiliary,
        SUPPLY: layout.n_supply,
        ADC: layout.n_adc,
        **({DAC: layout.n_dac} if is_rhs else {}),
        **dict.fromkeys(digital, 3),
    }
    port_a = [kind for kind, n in counts.items() for _ in range(n)]
    parts += [struct.pack("<h", 3), text("Port A"), text("A"), struct.pack("<hhh", 1, len(port_a) + 1, 0)]
    for number, kind in enumerate(port_a):
        parts.append(channel(f"A-{number:03d}", kind, 1, is_rhs))
    parts.append(channel("A-099", AMPLIFIER, 0, is_rhs))  # switched off
    parts += [text("Port B"), text("B"), struct.pack("<hhh", 0, 7, 0)]  # a port that is not in use lists nothing
    parts += [text("Port C"), text("C"), struct.pack("<hhh", 1, 0, 0)]
    return b"".join(parts)


def channel(name: str, kind: int, is_recorded: int, is_rhs: bool) -> bytes:
    fields = [0, 0, kind, is_recorded, 0, *([0] if is_rhs else []), 0, 0, 0, 0, 0]
    return text(name) + text(f"my {name}") + struct.pack(f"<{len(fields)}hff", *fields, 1e5, -60.0)


def write_traditional(path: Path, layout: Layout, amplifiers: np.ndarray, numbers: np.ndarray) -> Path:
    """A file with header and blocks; `amplifiers` (n_samples, n_amplifiers) uint16, whole blocks."""
    rng, n = np.random.default_rng(1), layout.block_samples
    other = lambda *shape: rng.integers(0, 60_000, shape).astype("<u2")  # noqa: E731
    blocks = [header(layout)]
    for start in range(0, len(amplifiers), n):
        part = amplifiers[start : start + n]
        blocks.append(numbers[start : start + n].astype("<i4").tobytes())
        blocks.append(part.T.astype("<u2").tobytes())
        if layout.kind == "rhs":
            blocks.append(other(layout.n_amplifiers * (2 if layout.has_dc else 1), n).tobytes())
            blocks.append(other(layout.n_adc + layout.n_dac, n).tobytes())
        else:
            blocks.append(other(layout.n_auxiliary, n // 4).tobytes())
            blocks.append(other(layout.n_supply + layout.n_temperature).tobytes())
            blocks.append(other(layout.n_adc, n).tobytes())
        blocks.append(other(2 if layout.has_digital else 0, n).tobytes())
    path.write_bytes(b"".join(blocks))
    return path


def amplifier_samples(n_samples: int, n_channels: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(30_000, 36_000, (n_samples, n_channels)).astype("<u2")
