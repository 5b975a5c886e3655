"""Every format gives what SpikeInterface reads from it, and the sort of a plain file of the same samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from intan_files import Layout, header, write_traditional
from needed import needed_module
from open_ephys_files import PROBE_STREAM, channel, count, settings_of, tree, write_stream
from probeinterface import generate_linear_probe
from same_bytes import differing
from small_files import HZ, spiking
from spikeglx_files import compress, np1_tags, record

import spikesieve
from spikesieve.io.probes.read import write_probe_json
from spikesieve.model import Recording, Sorting

N, N_SAMPLES = 4, 234 * 128  # whole blocks of Intan
GAIN_UV = 0.195
SPIKEGLX_UV = 0.6 / 512 / 500 * 1e6
PLACES_UM = ((27.0, 0.0), (59.0, 0.0), (11.0, 20.0), (43.0, 20.0))


@cache
def samples_of(gain_uv: float = GAIN_UV, n_others: int = 0) -> np.ndarray:
    """A unit on electrodes, and numbers that are no voltage in other columns."""
    spikes = np.round(spiking(N_SAMPLES / HZ, N) / gain_uv)
    return np.hstack([spikes, np.full((N_SAMPLES, n_others), 64)]).astype("<i2")


@cache
def sort_of_plain_file(
    folder: Path, gain_uv: float, hz: float, places_um: tuple[tuple[float, float], ...], delays: tuple[float, ...]
) -> Sorting:
    path = folder / f"{gain_uv}.bin"
    samples_of(gain_uv).tofile(path)
    raw = spikesieve.RawOptions(n_channels=N, sampling_hz=hz, gain_uv=gain_uv)
    recording, probe, _ = spikesieve.open_input(path, raw, probe_file(folder, places_um))
    return spikesieve.sort(replace(recording, delay_samples=np.array(delays)), probe)


def probe_file(folder: Path, places_um: tuple[tuple[float, float], ...] = PLACES_UM) -> Path:
    path = folder / "probe.json"
    write_probe_json(path, spikesieve.Probe(np.array(places_um), np.arange(N), np.zeros(N, np.int64)))
    return path


def extractors() -> object:
    return needed_module("spikeinterface.extractors", "packages")


def spikeglx(folder: Path) -> Path:
    imro = "".join(f"({c} 0 0 500 250 1)" for c in range(384))
    tags = np1_tags(
        nSavedChans=f"{N + 1}", snsApLfSy=f"{N},0,1", snsSaveChanSubset=f"0:{N - 1},768", imSampRate="30000"
    )
    tags |= {"~imroTbl": f"(0,384){imro}", "fileName": "D:/run_g0_t0.imec0.ap.bin"}
    tags |= {"~snsChanMap": "(384,0,1)" + "".join(f"(AP{c};{c}:{c})" for c in range(N)) + "(SY0;384:4)"}
    path = record(folder, tags | {"fileSizeBytes": f"{2 * (N + 1) * N_SAMPLES}"})
    samples_of(SPIKEGLX_UV, 1).tofile(path)
    return path


def mtscomp(folder: Path) -> Path:
    return compress(spikeglx(folder), samples_of(SPIKEGLX_UV, 1))


def open_ephys(folder: Path) -> Path:
    channels = [*(channel(f"AP{i + 1}", GAIN_UV, "") for i in range(N)), channel("AP_SYNC", 1.0, "")]
    write_stream(tree(folder), samples_of(n_others=1), count(N_SAMPLES, 5000), PROBE_STREAM, channels)
    (folder / "Record Node 101" / "settings.xml").write_text(settings_of(N))
    return folder


def intan(folder: Path) -> Path:
    unsigned = (samples_of().astype(np.int32) + 32768).astype("<u2")
    return write_traditional(folder / "run.rhd", Layout(n_amplifiers=N), unsigned, np.arange(N_SAMPLES))


def intan_one_file(folder: Path) -> Path:
    (folder / "info.rhd").write_bytes(header(Layout(n_amplifiers=N)))
    samples_of().tofile(folder / "amplifier.dat")
    np.arange(N_SAMPLES, dtype="<i4").tofile(folder / "time.dat")
    return folder


def intan_channels(folder: Path) -> Path:
    intan_one_file(folder)
    (folder / "amplifier.dat").unlink()
    for number, values in enumerate(samples_of().T):
        values.tofile(folder / f"amp-A-{number:03d}.dat")
    return folder


def nwb(folder: Path) -> Path:
    pynwb = needed_module("pynwb", "packages")
    file = pynwb.NWBFile("a test", "id", datetime(2026, 1, 1, tzinfo=UTC))
    group = file.create_electrode_group("shank0", "a shank", "somewhere", file.create_device("probe"))
    for x, y in PLACES_UM:
        file.add_electrode(rel_x=x, rel_y=y, group=group, location="somewhere")
    region = file.create_electrode_table_region(list(range(N)), "all")
    series = pynwb.ecephys.ElectricalSeries(
        "ElectricalSeries", samples_of(), region, rate=float(HZ), conversion=1e-6 * GAIN_UV
    )
    file.add_acquisition(series)
    with pynwb.NWBHDF5IO(folder / "a.nwb", "w") as io:
        io.write(file)
    return folder / "a.nwb"


def saved_by_spikeinterface(folder: Path, kind: str = "binary") -> Path:
    core = needed_module("spikeinterface.core", "packages")
    recording = core.NumpyRecording([samples_of()], HZ)
    probe = generate_linear_probe(N)
    probe.set_contacts(positions=PLACES_UM, shapes="circle", shape_params={"radius": 5})
    probe.set_device_channel_indices(np.arange(N))
    recording = recording.set_probe(probe) or recording
    recording.set_channel_gains(GAIN_UV)
    recording.set_channel_offsets(0.0)
    path = folder / ("saved" if kind == "binary" else "saved.zarr")
    recording.save(folder=path, format=kind, verbose=False, progress_bar=False)
    return path


def zarr(folder: Path) -> Path:
    return saved_by_spikeinterface(folder, "zarr")


def load(path: Path) -> object:
    return needed_module("spikeinterface.core", "packages").load(path)


FORMATS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object], bool]] = {
    # how it is written, how SpikeInterface reads it, whether it knows the probe
    "spikeglx": (spikeglx, lambda path: extractors().read_spikeglx(path.parent, stream_id="imec0.ap"), True),
    "mtscomp": (mtscomp, lambda path: extractors().read_cbin_ibl(path.parent, stream_name="ap"), True),
    "open ephys": (open_ephys, lambda path: extractors().read_openephys(path, stream_id="0"), True),
    "intan": (intan, lambda path: extractors().read_intan(path, stream_id="0"), False),
    "intan, a file for each signal": (
        intan_one_file,
        lambda path: extractors().read_intan(path / "info.rhd", stream_id="0"),
        False,
    ),
    "intan, a file for each channel": (
        intan_channels,
        lambda path: extractors().read_intan(path / "info.rhd", stream_id="0"),
        False,
    ),
    "nwb": (nwb, lambda path: extractors().read_nwb_recording(path), True),
    "spikeinterface": (saved_by_spikeinterface, load, True),
    "zarr": (zarr, load, True),
}


def require_same(recording: Recording, probe: spikesieve.Probe, theirs: object, knows_probe: bool) -> None:
    columns = probe.channels
    assert np.array_equal(recording.read(0, N_SAMPLES)[:, columns], theirs.get_traces()[:, :N])
    uv = theirs.get_traces(start_frame=0, end_frame=900)[:, :N] * theirs.get_channel_gains()[:N]
    uv = uv + theirs.get_channel_offsets()[:N]
    assert recording.read_uv(0, 900, columns) == pytest.approx(uv, rel=1e-6, abs=1e-6)
    assert recording.sampling_hz == theirs.get_sampling_frequency()
    if "inter_sample_shift" in theirs.get_property_keys():
        assert recording.delay_samples[columns] == pytest.approx(theirs.get_property("inter_sample_shift")[:N])
    if knows_probe:
        places_um = theirs.get_channel_locations()[:N]
        assert np.allclose(np.ptp(probe.positions_um, axis=0), np.ptp(places_um, axis=0))
        assert np.allclose(probe.positions_um - probe.positions_um[0], places_um - places_um[0])


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_as_spikeinterface_reads_it_and_sorted_as_a_plain_file(name, tmp_path, tmp_path_factory):
    write, read_theirs, knows_probe = FORMATS[name]
    path = write(tmp_path)
    given = None if knows_probe else probe_file(tmp_path)
    recording, probe, _ = spikesieve.open_input(path, spikesieve.RawOptions(), given)
    theirs = read_theirs(path)
    require_same(recording, probe, theirs, knows_probe)
    places_um = tuple((float(x), float(y)) for x, y in probe.positions_um)
    gain_uv, hz = float(theirs.get_channel_gains()[0]), float(theirs.get_sampling_frequency())
    expected = sort_of_plain_file(
        tmp_path_factory.getbasetemp(), gain_uv, hz, places_um, tuple(recording.delay_samples[probe.channels])
    )
    assert len(expected.units) == 1
    assert differing(spikesieve.sort(recording, probe), expected) == []
