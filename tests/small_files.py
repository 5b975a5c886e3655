"""Small raw files, and the command line run on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from spikesieve.cli.app import app

HZ = 30_000

METHODS = {
    "sieve": ["method=sieve"],
    "kilosort4": ["method=kilosort4"],
    "kilosort2": ["method=kilosort2"],
    "kilosort2, registered": ["method=kilosort2", "kilosort2.drift=register"],
}
"""What every test of whole sorts runs over: `--set` of each method, and of each way it can go."""


def noise(seconds: float, n_channels: int, sd: float = 10.0, seed: int = 0) -> np.ndarray:
    """White noise, (n_samples, n_channels) float64."""
    return sd * np.random.default_rng(seed).standard_normal((round(seconds * HZ), n_channels))


def with_spikes(traces: np.ndarray, samples: np.ndarray, channel: int, amplitude: float) -> np.ndarray:
    """The traces with a negative spike, trough first, at each sample of one channel."""
    t = np.arange(-10, 30)
    wave = amplitude * (0.3 * np.exp(-(((t - 12) / 8) ** 2)) - np.exp(-((t / 4) ** 2)))
    with_them = traces.copy()
    for sample in samples:
        with_them[sample - 10 : sample + 30, channel] += wave
    return with_them


def spiking(seconds: float = 3.0, n_channels: int = 4) -> np.ndarray:
    """int16 noise in which a unit of 200 uV fires about 50 times a second on channel 1, in step with no clock.

    Its neighbours see a fifth of it: what none sees is no neuron.
    """
    n_samples = round(seconds * HZ)
    samples = np.arange(700, n_samples - 700, 610)
    samples += np.random.default_rng(1).integers(-100, 100, size=len(samples))
    traces = noise(seconds, n_channels)
    for channel, amplitude in enumerate((40.0, 200.0, 40.0)[:n_channels]):
        traces = with_spikes(traces, samples, channel, amplitude)
    return traces.astype(np.int16)


def write_raw(folder: Path, traces: np.ndarray, name: str = "raw.bin") -> Path:
    """The traces as a raw file."""
    path = folder / name
    traces.tofile(path)
    return path


def run_sort(files: Path | list[Path], out: Path, *options: str, n_channels: int = 4):
    """`spikesieve sort` on raw files of a linear probe; an option given again wins."""
    names = [str(file) for file in (files if isinstance(files, list) else [files])]
    known = ["--channels", str(n_channels), "--sampling-hz", str(HZ), "--gain-uv", "1", "--jobs", "1"]
    probe = [] if "--probe" in options else ["--probe", f"linear:{n_channels}:25"]
    return CliRunner().invoke(app, ["sort", *names, *known, *probe, "--out", str(out), *options])


def of_method(name: str) -> list[str]:
    """Options of the command line for one of METHODS."""
    return [word for override in METHODS[name] for word in ("--set", override)]


def facts(out: Path) -> dict:
    """provenance.json of a result."""
    return json.loads((out / "provenance.json").read_text())


def refused(result, folder: Path, *words: str) -> None:
    """The command ended with status 2 and one error that says these words; the folder holds what it held before."""
    assert result.exit_code == 2, result.output
    assert result.stderr.count("Error: ") == 1
    assert "Traceback" not in result.stderr
    said = " ".join(result.stderr.split())
    for word in words:
        assert word in said
    assert not (folder / "out").exists()
    assert not list(folder.glob(".*"))
