"""Files that are not plain numbers, or whose description is missing: what is said of them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spikesieve.errors import InputError
from spikesieve.io.recordings.open_input import RawOptions, open_input

RAW = RawOptions(n_channels=4, sampling_hz=30_000.0)


@pytest.mark.parametrize(
    ("head", "reader"),
    [
        (b"NEURALCD\x02\x03", "blackrock"),
        (b"BRSMPGRP\x03\x00", "blackrock"),
        (b"######## Neuralynx Data File Header\r\n", "neuralynx"),
        (b"PLEX\x6a\x00\x00\x00", "plexon"),
        (b"header.format = 'Open Ephys Data Format'; \n", "openephyslegacy"),
        (b'<?xml version="1.0"?>\n<Configuration>\n', "spikegadgets"),
        (b"MC_DataTool binary conversion\r\n", "mcsraw"),
        (b"0       some patient", "edf"),
    ],
)
def test_recordings_of_other_programs_are_named_with_the_reader(tmp_path, head, reader):
    """Although the number of channels is given, a header is not read as samples."""
    path = tmp_path / "a.dat"
    path.write_bytes(head.ljust(800, b"\0"))
    with pytest.raises(InputError, match=rf"is .*, not plain numbers.*give --format spikeinterface:{reader}\."):
        open_input(path, RAW, "linear:4:20")
    with pytest.raises(InputError, match=rf"no recording was recognised\. a\.dat is .*spikeinterface:{reader}\."):
        open_input(tmp_path, RawOptions())
    plain = RawOptions(n_channels=4, sampling_hz=30_000.0, format="raw")
    assert open_input(path, plain, "linear:4:20")[0].n_samples == 100


@pytest.mark.parametrize(
    ("name", "program", "reader"),
    [
        ("mxw_version", "MaxWell", "maxwell"),
        ("3BRecInfo", "3Brain", "biocam"),
        ("ExperimentSettings", "3Brain", "biocam"),
        ("Data/Recording_0", "Multi Channel Systems", "mcsh5"),
        ("channel_positions", "MEArec", "mearec"),
    ],
)
def test_hdf5_files_of_other_programs_are_named_with_the_reader(tmp_path, name, program, reader):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file[name] = np.zeros(3)
    with pytest.raises(InputError, match=rf"a recording of {program}, not plain.*--format spikeinterface:{reader}\."):
        open_input(path, RAW, "linear:4:20")


@pytest.mark.parametrize(
    ("name", "companion"),
    [
        ("run_g0_t0.imec0.ap.bin", r"SpikeGLX without its \.meta file"),
        ("run_g0_tcat.imec.ap.bin", r"SpikeGLX without its \.meta file"),
        ("run_g12_t3.nidq.bin", r"SpikeGLX without its \.meta file"),
        ("continuous.dat", r"Open Ephys without its structure\.oebin"),
        ("amplifier.dat", r"Intan without its info\.rhd"),
        ("amp-B-017.dat", r"Intan without its info\.rhd"),
        ("traces_cached_seg0.raw", r"SpikeInterface without its binary\.json"),
    ],
)
def test_a_missing_description_is_named(tmp_path, name, companion):
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / name
    path.write_bytes(bytes(800))
    for place in (path, tmp_path):
        with pytest.raises(InputError, match=rf"{name} looks like {companion}.*: copy that as well"):
            open_input(place, RawOptions())
    assert open_input(path, RAW, "linear:4:20")[0].n_samples == 100


@pytest.mark.parametrize("name", ["a.rhd", "a.rhs", "a.nwb"])
def test_a_file_that_does_not_begin_as_its_format_is_damaged(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(bytes(800))
    with pytest.raises(InputError, match=r"does not begin as a file of .*: it is damaged\. Copy it again"):
        open_input(path, RAW, "linear:4:20")
