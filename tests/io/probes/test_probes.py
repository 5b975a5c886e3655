"""Probes from files and by name: each kind read, nothing executed, every refusal says why."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import probeinterface
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needed import needed_module
from scipy.io import savemat

from spikesieve.errors import InputError, OutputError
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits, write_probe_json
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.model import Probe

KILOSORT = {"chanMap": [3, 0, 1, 2], "xc": [0, 16, 0, 250], "yc": [0, 10, 20, 0], "kcoords": [1, 1, 1, 2], "n_chan": 4}
XY = [[0.0, 0.0], [16.0, 10.0], [0.0, 20.0], [250.0, 0.0]]


def make_probe(n: int, channels: object = None, shanks: object = None) -> Probe:
    return Probe(
        np.stack([np.zeros(n), np.arange(n) * 20.0], axis=1),
        np.arange(n) if channels is None else np.asarray(channels),
        np.zeros(n, np.int64) if shanks is None else np.asarray(shanks),
    )


def prb(folder: Path, text: str) -> Path:
    path = folder / "probe.prb"
    path.write_text(text)
    return path


def pi_probe(n: int = 4, **changes: object) -> probeinterface.Probe:
    probe = probeinterface.generate_linear_probe(n, 25)
    for name, value in changes.items():
        setattr(probe, name, value)
    return probe


def pi_file(folder: Path, *probes: probeinterface.Probe) -> Path:
    group = probeinterface.ProbeGroup()
    for probe in probes:
        group.add_probe(probe)
    probeinterface.write_probeinterface(folder / "probe.json", group)
    return folder / "probe.json"


# names


def test_neuropixels_1_is_staggered():
    probe = read_probe("neuropixels1:384")
    assert probe.positions_um[:6].tolist() == [[43, 0], [11, 0], [59, 20], [27, 20], [43, 40], [11, 40]]
    assert probe.positions_um[-1].tolist() == [27, 3820]
    assert probe.channels.tolist() == list(range(384))


def test_neuropixels_2_has_two_columns():
    probe = read_probe("neuropixels2:96")
    assert probe.n_contacts == 96
    assert probe.positions_um[:4].tolist() == [[0, 0], [32, 0], [0, 15], [32, 15]]


def test_all_neuropixels_contacts_are_where_the_channel_maps_of_kilosort_have_them():
    """Whatever version of probeinterface is installed."""
    one, two = read_probe("neuropixels1:960"), read_probe("neuropixels2:1280")
    assert one.positions_um.tolist() == [[(43, 11, 59, 27)[k % 4], k // 2 * 20] for k in range(960)]
    assert two.positions_um.tolist() == [[(0, 32)[k % 2], k // 2 * 15] for k in range(1280)]
    assert not one.shanks.any()
    assert not two.shanks.any()


def test_a_linear_probe_has_the_pitch_asked_for():
    probe = read_probe("linear:32:25")
    assert np.array_equal(probe.positions_um, np.stack([np.zeros(32), np.arange(32) * 25.0], axis=1))


def test_as_many_tetrodes_as_channels_are_the_channels(tmp_path):
    """On a file of 4 channels tetrode:4 can only mean one tetrode; on one of 16 it means four."""
    for n_channels, n_tetrodes in ((4, 1), (16, 4)):
        np.zeros((100, n_channels), np.int16).tofile(tmp_path / "x.bin")
        _, probe, notes = open_input(tmp_path / "x.bin", RawOptions(n_channels, 30_000.0), "tetrode:4")
        assert len(np.unique(probe.shanks)) == n_tetrodes
        assert any("1 tetrode" in note for note in notes) == (n_tetrodes == 1)


def test_each_tetrode_is_a_shank_of_its_own():
    probe = read_probe("tetrode:3")
    assert probe.shanks.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert probe.positions_um[4:8].tolist() == [[300, 0], [312.5, 0], [300, 12.5], [312.5, 12.5]]


def test_a_grid_has_rows_and_columns():
    probe = read_probe("grid:2x3:30")
    assert probe.positions_um.tolist() == [[0, 0], [30, 0], [60, 0], [0, 30], [30, 30], [60, 30]]
    assert read_probe("grid:16x16:30").n_contacts == 256


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("neuropixels1:961", "neuropixels1:CONTACTS"),
        ("neuropixels1", "neuropixels1:CONTACTS"),
        ("tetrode:0", "tetrode:TETRODES"),
        ("linear:32:-5", "linear:CONTACTS:PITCH_UM"),
        ("linear:32:nan", "linear:CONTACTS:PITCH_UM"),
        ("grid:1000000x1000000:1", "grid:ROWSxCOLUMNS"),
        ("grid:16:30", "grid:ROWSxCOLUMNS"),
        ("neuropixel1:384", "Did you mean neuropixels1:CONTACTS"),
        ("utah:10", "no probe named 'utah'. Known names: neuropixels1"),
        ("probe.txt", "of no known kind. Give a file .*prb"),
    ],
)
def test_a_name_that_cannot_be_built_is_refused_with_its_form(spec, words):
    with pytest.raises(InputError, match=words):
        read_probe(spec)


# probeinterface


@given(st.integers(1, 12), st.integers(0, 3), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_a_written_probe_is_read_back(tmp_path_factory, n, n_shanks, random):
    path = tmp_path_factory.mktemp("probe") / "probe.json"
    channels = random.sample(range(40), n)
    probe = make_probe(n, channels, [random.randint(0, n_shanks) for _ in range(n)])
    write_probe_json(path, probe)
    found = read_probe(path)
    assert np.array_equal(found.positions_um, probe.positions_um)
    assert np.array_equal(found.channels, probe.channels)
    assert np.array_equal(found.shanks, probe.shanks)
    assert (found.positions_um.dtype, found.channels.dtype, found.shanks.dtype) == (np.float64, np.int64, np.int64)


def test_a_probe_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_probe_json(tmp_path / "no_such_folder" / "probe.json", make_probe(2))


def test_without_wiring_contacts_are_channels_in_order(tmp_path):
    assert read_probe(pi_file(tmp_path, pi_probe(5))).channels.tolist() == [0, 1, 2, 3, 4]


def test_contacts_that_are_not_connected_are_left_out(tmp_path):
    probe = pi_probe(4)
    probe.set_device_channel_indices([2, -1, 0, 5])
    found = read_probe(pi_file(tmp_path, probe))
    assert found.channels.tolist() == [2, 0, 5]
    assert found.positions_um[:, 1].tolist() == [0, 50, 75]


def test_positions_in_mm_become_um(tmp_path):
    probe = pi_probe(3)
    probe.si_units = "mm"
    assert read_probe(pi_file(tmp_path, probe)).positions_um[:, 1].tolist() == [0, 25_000, 50_000]


def test_the_two_sides_of_a_probe_are_shanks(tmp_path):
    probe = probeinterface.Probe(ndim=2, si_units="um")
    positions = np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 0.0], [0.0, 20.0]])
    probe.set_contacts(positions, contact_sides=["front", "front", "back", "back"])
    probe.set_device_channel_indices(np.arange(4))
    probeinterface.write_probeinterface(tmp_path / "probe.json", probe)
    found = read_probe(tmp_path / "probe.json")
    assert found.shanks.tolist() == [0, 0, 1, 1]
    assert len(np.unique(found.positions_um, axis=0)) == 4


def test_each_probe_and_each_shank_of_a_file_is_a_shank(tmp_path):
    first = pi_probe(4)
    first.set_shank_ids(["0", "0", "1", "1"])
    second = pi_probe(2)
    second.move([400, 0])
    first.set_device_channel_indices([0, 1, 2, 3])
    second.set_device_channel_indices([4, 5])
    assert read_probe(pi_file(tmp_path, first, second)).shanks.tolist() == [0, 0, 1, 1, 2, 2]


def test_probes_at_the_same_place_are_set_side_by_side(tmp_path):
    first, second = pi_probe(3), pi_probe(3)
    first.set_device_channel_indices([0, 1, 2])
    second.set_device_channel_indices([3, 4, 5])
    found = read_probe(pi_file(tmp_path, first, second))
    assert found.positions_um[:, 0].tolist() == [0, 0, 0, 200, 200, 200]
    assert found.positions_um[:3, 1].tolist() == found.positions_um[3:, 1].tolist()


def test_wiring_of_only_some_probes_is_refused(tmp_path):
    first, second = pi_probe(2), pi_probe(2)
    first.set_device_channel_indices([0, 1])
    path = pi_file(tmp_path, first)
    content = json.loads(path.read_text())
    content["probes"].append(second.to_dict(array_as_list=True))
    content["probe_ids"] = ["0", "1"]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="2 probes, of which 1 have device_channel_indices"):
        read_probe(path)


def test_a_probe_without_any_connected_contact_is_refused(tmp_path):
    probe = pi_probe(2)
    probe.set_device_channel_indices([-1, -1])
    with pytest.raises(InputError, match="no contact that is connected"):
        read_probe(pi_file(tmp_path, probe))


def test_a_probe_in_three_dimensions_is_refused(tmp_path):
    with pytest.raises(InputError, match="3 dimensions"):
        read_probe(pi_file(tmp_path, pi_probe(2).to_3d("xy")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{not json", "not valid JSON"),
        ('{"x": 1, "why": 2}', "neither a probeinterface probe .* nor a Kilosort4 probe .*x, why"),
        ("[1, 2]", "neither"),
        ('{"probes": [{}]}', "not a probeinterface probe"),
        ('{"probes": []}', "no contact"),
    ],
)
def test_json_that_is_no_probe_is_refused(tmp_path, text, words):
    path = tmp_path / "probe.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_probe(path)


@pytest.mark.parametrize("number", ["9" * 40, "1e400", "-9223372036854775809"])
def test_numbers_beyond_all_types_are_refused(tmp_path, number):
    path = pi_file(tmp_path, pi_probe())
    content = json.loads(path.read_text())
    content["probes"][0]["device_channel_indices"] = [0, 1, 2, 77]
    path.write_text(json.dumps(content).replace("77", number))
    with pytest.raises(InputError):
        read_probe(path)


def test_numbers_of_shanks_beyond_all_types_are_names(tmp_path):
    path = pi_file(tmp_path, pi_probe())
    content = json.loads(path.read_text())
    content["probes"][0]["shank_ids"] = ["9" * 40, "9" * 40, "1", "1"]
    path.write_text(json.dumps(content))
    assert read_probe(path).shanks.tolist() == [0, 0, 1, 1]


def test_endless_brackets_are_refused(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not valid JSON"):
        read_probe(tmp_path / "deep.json")


def test_a_missing_probe_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json does not exist"):
        read_probe(tmp_path / "nowhere.json")


# Kilosort


def kilosort_file(folder: Path, suffix: str, **changes: object) -> Path:
    content = {name: value for name, value in {**KILOSORT, **changes}.items() if value is not None}
    path = folder / f"probe{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(content))
    elif suffix == ".npz":
        np.savez(path, **content)
    else:
        content["chanMap"] = np.array(content["chanMap"], float) + 1
        names = {"xc": "xcoords", "yc": "ycoords"}
        savemat(path, {names.get(name, name): np.array(value, float) for name, value in content.items()})
    return path


@pytest.mark.parametrize("suffix", [".json", ".npz", ".mat"])
def test_kilosort_probes_are_read(tmp_path, suffix):
    probe = read_probe(kilosort_file(tmp_path, suffix))
    assert probe.channels.tolist() == [3, 0, 1, 2]
    assert probe.positions_um.tolist() == XY
    assert probe.shanks.tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize("suffix", [".json", ".npz", ".mat"])
def test_without_kcoords_there_is_one_shank(tmp_path, suffix):
    assert read_probe(kilosort_file(tmp_path, suffix, kcoords=None)).shanks.tolist() == [0, 0, 0, 0]


def test_contacts_of_a_mat_file_that_are_not_connected_are_left_out(tmp_path):
    path = kilosort_file(tmp_path, ".mat", connected=[1, 0, 1, 1], xc=[0, np.nan, 0, 250], kcoords=[1, np.nan, 1, 2])
    probe = read_probe(path)
    assert probe.channels.tolist() == [3, 1, 2]
    assert probe.positions_um.tolist() == [XY[0], XY[2], XY[3]]


def test_tetrodes_drawn_at_the_same_place_are_set_side_by_side(tmp_path):
    probe = read_probe(kilosort_file(tmp_path, ".json", xc=[0, 10, 0, 10], yc=[5, 5, 5, 5], kcoords=[1, 1, 4, 4]))
    assert probe.positions_um[:, 0].tolist() == [0, 10, 210, 220]


@pytest.mark.parametrize("suffix", [".json", ".npz", ".mat"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"xc": [0, 1]}, "2 numbers in xc.* one for each contact"),
        ({"yc": None}, "has no yc"),
        ({"chanMap": [-1, 0, 1, 2]}, "channels below"),
        ({"chanMap": [0.5, 0, 1, 2]}, "not whole numbers"),
        ({"kcoords": [1, 1, 1.5, 2]}, "not whole numbers"),
        ({"chanMap": [0, 0, 1, 2]}, "channel twice"),
        ({"connected": [0, 0, 0, 0]}, "no connected contact"),
        ({"yc": [0, 10, 20, np.nan]}, r"not a number at contact 3"),
        ({"xc": [0, 0, 0, 250], "yc": [0, 0, 20, 0]}, r"contacts \[0, 1\] at the same position"),
    ],
)
def test_a_damaged_kilosort_probe_is_refused(tmp_path, suffix, changes, words):
    with pytest.raises(InputError, match=words):
        read_probe(kilosort_file(tmp_path, suffix, **changes))


def test_text_where_numbers_belong_is_refused(tmp_path):
    with pytest.raises(InputError, match="values in xc that are not numbers"):
        read_probe(kilosort_file(tmp_path, ".json", xc=["a", "b", "c", "d"]))


@pytest.mark.parametrize("suffix", [".mat", ".npz"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 garbage", b"\x00" * 200])
def test_a_file_of_another_kind_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"probe{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a readable|cannot be read"):
        read_probe(path)


def test_pickles_inside_npz_are_not_loaded(tmp_path):
    np.savez(tmp_path / "probe.npz", **{**KILOSORT, "xc": np.array([{}] * 4, dtype=object)})
    with pytest.raises(InputError, match="not a readable"):
        read_probe(tmp_path / "probe.npz")


def mat_73(folder: Path) -> Path:
    h5py = needed_module("h5py", "packages")
    with h5py.File(folder / "probe.mat", "w", userblock_size=512) as file:
        for name, kilosort in (("chanMap", "chanMap"), ("xcoords", "xc"), ("ycoords", "yc"), ("kcoords", "kcoords")):
            file[name] = np.array(KILOSORT[kilosort], float)[None] + (name == "chanMap")
    content = bytearray((folder / "probe.mat").read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (folder / "probe.mat").write_bytes(content)
    return folder / "probe.mat"


def test_a_matlab_73_file_is_read_where_h5py_is_installed(tmp_path):
    probe = read_probe(mat_73(tmp_path))
    assert (probe.channels.tolist(), probe.positions_um.tolist()) == ([3, 0, 1, 2], XY)


def test_a_matlab_73_file_without_h5py_asks_for_another_save(tmp_path, monkeypatch):
    path = mat_73(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"MATLAB 7\.3 file\. Save it again .*-v7"):
        read_probe(path)


# .prb


def test_a_prb_file_gives_a_shank_for_each_group(tmp_path):
    text = """
'''A comment.'''
total_nb_channels, radius = 8, 100
pitch = 25
channel_groups = {
    0: {'channels': list(range(4)), 'graph': [(0, 1)], 'geometry': {c: (0, c * pitch) for c in range(4)}},
}
channel_groups[1] = {}
channel_groups[1]['channels'] = [6, 5] + [7]
channel_groups[1]['geometry'] = {5: [200, -10.5], 6: [200, 0], 7: [200, 9 % 4 // 1 / 2]}
"""
    probe = read_probe(prb(tmp_path, text))
    assert probe.channels.tolist() == [0, 1, 2, 3, 6, 5, 7]
    assert probe.shanks.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert probe.positions_um.tolist() == [[0, 0], [0, 25], [0, 50], [0, 75], [200, 0], [200, -10.5], [200, 0.5]]


def test_a_prb_group_without_channels_has_those_of_its_geometry(tmp_path):
    probe = read_probe(prb(tmp_path, "channel_groups = {0: {'geometry': {5: (0, 0), 2: (0, 20)}}}"))
    assert probe.channels.tolist() == [5, 2]


def test_a_prb_geometry_may_be_a_list_in_the_order_of_the_channels(tmp_path):
    geometry = "[[i, j] for i in range(1) for j in (0, 20, 40)]"
    text = f"channel_groups = {{'a': {{'channels': range(3, 0, -1), 'geometry': {geometry}}}}}"
    probe = read_probe(prb(tmp_path, text))
    assert (probe.channels.tolist(), probe.positions_um[:, 1].tolist()) == ([3, 2, 1], [0, 20, 40])


def test_spikeinterface_and_we_read_the_same_prb(tmp_path):
    group = probeinterface.ProbeGroup()
    for index in range(2):
        probe = probeinterface.generate_tetrode()
        probe.move([index * 300.0, 0])
        probe.set_device_channel_indices(np.arange(4) + 4 * index)
        group.add_probe(probe)
    probeinterface.write_prb(tmp_path / "probe.prb", group)
    found = read_probe(tmp_path / "probe.prb")
    positions = np.concatenate([probe.contact_positions for probe in group.probes])
    assert np.allclose(found.positions_um, positions)
    assert found.shanks.tolist() == [0] * 4 + [1] * 4


HOSTILE = [
    "__import__('os').system('touch {mark}')",
    "x = __import__('os').system('touch {mark}')",
    "import os\nos.system('touch {mark}')",
    "x = [c for c in ().__class__.__base__.__subclasses__()]",
    "x = open('{mark}', 'w')",
    "x = eval('1')",
    "x = (lambda: 1)()",
    "x = list.__class__",
    "x = f'{{1}}'",
    "x = range(1, key=1)",
    "def f():\n    pass",
    "for i in range(3):\n    x = i",
    "x = 'a' * 1000000000",
    "x = [0] * 1000000000",
    "x = list(range(10 ** 10))",
    "x = list(range(10000000000))",
    "x = [[i for i in range(100000)] for j in range(100000)]",
    "x = 999999999\n" + "x = x * x\n" * 50,
    "x = [1] + [1]\n" + "x = x + x\n" * 50,
    "x = {{**y}}",
    "x = unknown",
    "x = [i for i in range(3) if i]",
    "x.y = 1",
]


def test_a_prb_file_may_call_dict(tmp_path):
    text = "channel_groups = {0: dict(channels=[0, 1], geometry=dict([(0, (0, 0)), (1, (0, 20))]))}"
    (tmp_path / "a.prb").write_text(text)
    assert read_probe(tmp_path / "a.prb").positions_um.tolist() == [[0, 0], [0, 20]]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_prb_file_is_never_executed(tmp_path, text):
    mark = tmp_path / "executed"
    good = "channel_groups = {0: {'channels': [0], 'geometry': {0: (0, 0)}}}\n"
    with pytest.raises(InputError, match=r"line \d+: this is not a plain value.* never executed"):
        read_probe(prb(tmp_path, good + text.format(mark=mark)))
    assert not mark.exists()


def test_the_line_that_is_not_a_value_is_named(tmp_path):
    with pytest.raises(InputError, match="line 3"):
        read_probe(prb(tmp_path, "channel_groups = {}\n\nimport os\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [1, 2", "line 1: this is not a .prb file"),
        ("print 'python 2'", "line 1: this is not a .prb file"),
        ("x = \0", "not a .prb file"),
        ("(" * 5000, "not a .prb file"),
        ("x = " + "-" * 50_000 + "1", "probe.prb"),
        ("a = 1 / 0", "line 1: division by zero"),
        ("a = [1][5]", "line 1: list index out of range"),
        ("a, b = 1, 2, 3", "line 1: .*zip"),
        ("radius = 3", "assigns no channel_groups"),
        ("channel_groups = []", "assigns no channel_groups"),
        ("channel_groups = {0: {'channels': [0, 1]}}", "no geometry for group 0"),
        ("channel_groups = {0: 5}", "no geometry for group 0"),
        ("channel_groups = {0: {'channels': [0, 7], 'geometry': {0: (0, 0)}}}", r"no position for channels \[7\]"),
        ("channel_groups = {0: {'channels': [0, 7], 'geometry': [(0, 0)]}}", r"no position for channels \[7\]"),
        ("channel_groups = {0: {'channels': [0], 'geometry': {0: (0, 0, 0)}}}", "not .x_um, y_um."),
        ("channel_groups = {0: {'channels': ['a'], 'geometry': {'a': (0, 0)}}}", "not a whole number"),
        ("channel_groups = {0: {'channels': [0.5], 'geometry': {0.5: (0, 0)}}}", "not a whole number"),
        ("channel_groups = {0: {'channels': [[0]], 'geometry': [(0, 0)]}}", "not a whole number"),
        (f"channel_groups = {{0: {{'geometry': {{{10**30}: (0, 0)}}}}}}", "huge channel"),
        ("channel_groups = {0: {'channels': [0], 'geometry': 5}}", "no dict or list as geometry"),
        ("channel_groups = {0: {'channels': 5, 'geometry': {0: (0, 0)}}}", "no list of channels"),
    ],
)
def test_a_damaged_prb_file_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_probe(prb(tmp_path, text))


# fit and warnings


def test_a_probe_with_more_contacts_than_channels_does_not_fit():
    require_fits(make_probe(4), 4, "a.bin")
    with pytest.raises(InputError, match=r"5 contacts, more than the 4 channels of a\.bin"):
        require_fits(make_probe(5), 4, "a.bin")


def test_a_probe_that_names_a_later_channel_does_not_fit():
    with pytest.raises(InputError, match=r"uses channel 9, but a\.bin has channels 0 to 3"):
        require_fits(make_probe(2, [0, 9]), 4, "a.bin")


def test_channels_counted_from_1_are_recognised():
    with pytest.raises(InputError, match="count from 1"):
        require_fits(make_probe(4, [1, 2, 3, 4]), 4, "a.bin")


@pytest.mark.parametrize(("scale", "words"), [(1e-3, "look like mm"), (1e-6, "look like m."), (100.0, "too far")])
def test_positions_in_other_units_are_noticed(scale, words):
    probe = read_probe("neuropixels1:64")
    (warning,) = probe_warnings(Probe(probe.positions_um * scale, probe.channels, probe.shanks))
    assert words in warning


@pytest.mark.parametrize("spec", ["neuropixels1:384", "neuropixels2:96", "tetrode:4", "linear:1:25", "grid:16x16:6"])
def test_real_probes_raise_no_warning(spec):
    assert probe_warnings(read_probe(spec)) == []
