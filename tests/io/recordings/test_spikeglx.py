"""SpikeGLX metadata, and opening an input with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from spikeglx_files import REFERENCE, nidq_tags, np1_tags, np2_tags, record

from spikesieve.errors import InputError
from spikesieve.io.probes.read import read_probe, write_probe_json
from spikesieve.io.recordings.formats.spikeglx_meta import SpikeGlxMeta, read_spikeglx_meta
from spikesieve.io.recordings.open_input import RawOptions, open_input


def meta_of(path: Path) -> SpikeGlxMeta | None:
    return read_spikeglx_meta(path.with_suffix(".meta"))


def relative(positions_um: np.ndarray) -> np.ndarray:
    """Positions without the origin, which differs between the sources of a layout."""
    return positions_um - positions_um.min(axis=0)


# Neuropixels 1.0


def test_neuropixels_1_gives_channels_rate_gain_and_converter_limits(tmp_path):
    meta = meta_of(record(tmp_path, np1_tags()))
    assert (meta.n_channels, meta.sampling_hz) == (385, 30000.1234)
    assert meta.gain_uv == pytest.approx(0.6 / 512 / 500 * 1e6)
    assert meta.range_raw == (-512, 511)


@pytest.mark.parametrize("part", ["PRB_1_4_0480_1_C", "NP1000", None])
def test_neuropixels_1_contacts_are_those_of_the_probe_without_the_reference(tmp_path, part):
    probe = meta_of(record(tmp_path, np1_tags(imDatPrb_pn=part))).probe
    expected = np.delete(np.arange(384), REFERENCE)
    assert probe.channels.tolist() == expected.tolist()
    row, column = np.divmod(expected, 2)
    x_um = np.where(row % 2 == 0, 27, 11) + 32 * column
    assert np.allclose(relative(probe.positions_um), relative(np.stack([x_um, row * 20], axis=1)))
    assert set(probe.shanks.tolist()) == {0}


def test_phase_3a_is_read(tmp_path):
    imro = "".join(f"({c} 0 0 250 125)" for c in range(384))
    tags = np1_tags(**{"~imroTbl": f"(641251510,3,384){imro}"}, imDatPrb_pn=None, imDatPrb_type=None, imProbeOpt="3")
    meta = meta_of(record(tmp_path, tags))
    assert meta.gain_uv == pytest.approx(0.6 / 512 / 250 * 1e6)
    assert meta.probe.n_contacts == 383


@pytest.mark.parametrize("part", ["NP1000", None])
def test_only_saved_channels_are_contacts(tmp_path, part):
    tags = np1_tags(nSavedChans="12", snsApLfSy="11,0,1", snsSaveChanSubset="10:19,383,768", imDatPrb_pn=part)
    probe = meta_of(record(tmp_path, tags)).probe
    saved = np.array([*range(10, 20), 383])
    assert probe.channels.tolist() == list(range(11))
    assert relative(probe.positions_um)[:, 1].tolist() == (20 * (saved // 2 - 5)).tolist()


def test_a_map_of_saved_channels_only_is_understood(tmp_path):
    shank_map = "".join(f"(0:{c % 2}:{c // 2}:1)" for c in range(10, 20))
    tags = np1_tags(nSavedChans="11", snsApLfSy="10,0,1", snsSaveChanSubset="10:19,768", imDatPrb_pn=None)
    probe = meta_of(record(tmp_path, tags | {"~snsShankMap": f"(1,2,480){shank_map}"})).probe
    assert probe.positions_um[:, 1].tolist() == [20.0 * (c // 2) for c in range(10, 20)]


def test_each_channel_has_its_own_gain(tmp_path):
    imro = "".join(f"({c} 0 0 {1000 if c < 9 else 500} 250 1)" for c in range(384))
    recording, _, notes = open_input(record(tmp_path, np1_tags(**{"~imroTbl": f"(0,384){imro}"})), RawOptions())
    assert recording.gain_uv[:9] == pytest.approx(0.6 / 512 / 1000 * 1e6)
    assert recording.gain_uv[9:] == pytest.approx(0.6 / 512 / 500 * 1e6)  # the sync channel has the most common one
    assert notes == ()


def test_gains_are_those_of_the_saved_channels(tmp_path):
    imro = "".join(f"({c} 0 0 {1000 if c < 12 else 500} 250 1)" for c in range(384))
    tags = np1_tags(nSavedChans="12", snsApLfSy="11,0,1", snsSaveChanSubset="10:19,383,768", imDatPrb_pn=None)
    meta = meta_of(record(tmp_path, tags | {"~imroTbl": f"(0,384){imro}"}))
    assert meta.gain_uv[:2] == pytest.approx(0.6 / 512 / 1000 * 1e6)
    assert meta.gain_uv[2:] == pytest.approx(0.6 / 512 / 500 * 1e6)


def test_channels_that_were_numbered_anew_keep_their_places(tmp_path):
    sites = [(c // 48 % 4, c % 2, c // 192 * 24 + c // 2 % 24) for c in range(384)]  # 48 of each shank in turn
    shank_map = "".join(f"({shank}:{column}:{row}:1)" for shank, column, row in sites)
    tags = np2_tags(384, nSavedChans="97", snsApLfSy="96,0,1", snsSaveChanSubset="0:96")
    tags |= {"~snsGeomMap": None, "~snsShankMap": f"(4,2,640){shank_map}"}
    probe = meta_of(record(tmp_path, tags | {"snsSaveChanSubset_orig": "48:95,240:287,384"})).probe
    assert set(probe.shanks.tolist()) == {1}
    assert set(meta_of(record(tmp_path, tags)).probe.shanks.tolist()) == {0, 1}


# Neuropixels 2.0 and others


def test_neuropixels_2_four_shanks_stand_side_by_side(tmp_path):
    meta = meta_of(record(tmp_path, np2_tags()))
    assert meta.gain_uv == pytest.approx(0.5 / 8192 / 80 * 1e6)
    assert meta.range_raw == (-8192, 8191)
    assert meta.probe.shanks.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert meta.probe.positions_um[:, 0].tolist() == [27, 59, 277, 309, 527, 559, 777, 809]


@pytest.mark.parametrize("part", ["NP2010", None])
def test_older_files_without_a_geometry_map_give_the_same_probe(tmp_path, part):
    with_map = meta_of(record(tmp_path, np2_tags(24))).probe
    shank_map = "".join(f"({(c // 2) % 4}:{c % 2}:{c // 8}:1)" for c in range(24))
    tags = np2_tags(24, imDatPrb_pn=part) | {"~snsGeomMap": None, "~snsShankMap": f"(4,2,640){shank_map}"}
    without_map = meta_of(record(tmp_path, tags)).probe
    assert np.allclose(relative(without_map.positions_um), relative(with_map.positions_um))
    assert np.array_equal(without_map.shanks, with_map.shanks)


def test_contacts_marked_as_not_used_are_left_out(tmp_path):
    geom = "(NP2000,1,0,70)(0:27:0:1)(0:59:0:0)(0:27:15:1)"
    tags = np2_tags(3) | {"~imroTbl": "(21,3)(0 1 0 0)(1 1 0 1)(2 1 0 2)", "~snsGeomMap": geom}
    assert meta_of(record(tmp_path, tags)).probe.channels.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("head", "extra", "gain"),
    [
        ("(21,1)(0 1 0 0)", {}, 80),
        ("(2003,1)(0 1 0 0)", {}, 100),
        ("(2013,1)(0 0 0 0 0)", {}, 100),
        ("(NP2010,1)(0 0 0 0 0)", {}, 80),
        ("(NP2020,1)(0 0 0 0 0)", {}, 100),
        ("(PRB2_1_2_0640_0,1)(0 1 0 0)", {}, 80),
        ("(2013,1)(0 0 0 0 0)", {"imChan0apGain": "125"}, 125),
        ("(1030,1)(0 0 0 750 250 1)", {}, 750),
        ("(NP3000,1)(0 0 0 1500 250 1)", {}, 1500),
        ("(PRB_1_4_0480_1,1)(0 0 0 1000 250 1)", {}, 1000),
        ("(1110,2,0,2000,250,1)(0 0 0)", {}, 2000),
    ],
)
def test_the_gain_of_each_probe_type(tmp_path, head, extra, gain):
    tags = np2_tags(1) | {"~imroTbl": head, "imMaxInt": "2048"} | extra
    assert meta_of(record(tmp_path, tags)).gain_uv == pytest.approx(0.5 / 2048 / gain * 1e6)


def test_a_nidq_stream_gives_all_but_the_probe(tmp_path):
    meta = meta_of(record(tmp_path, nidq_tags(), name="run_g0_t0.nidq.bin"))
    assert (meta.n_channels, meta.sampling_hz, meta.probe) == (17, 25000, None)
    assert meta.gain_uv == pytest.approx(5 / 32768 / 200 * 1e6)
    assert meta.range_raw == (-32768, 32767)


def test_only_multiplexed_nidq_channels_are_amplified(tmp_path):
    meta = meta_of(record(tmp_path, nidq_tags(snsMnMaXaDw="4,2,10,1", niMAGain="50"), name="run.nidq.bin"))
    gains = np.array([200] * 4 + [50] * 2 + [1] * 11)
    assert meta.gain_uv == pytest.approx(5 / 32768 / gains * 1e6)


def test_analog_nidq_channels_are_not_amplified(tmp_path):
    meta = meta_of(record(tmp_path, nidq_tags(snsMnMaXaDw="0,0,16,1"), name="run.nidq.bin"))
    assert meta.gain_uv == pytest.approx(5 / 32768 * 1e6)


# odd metadata


def test_without_a_meta_a_file_is_plain_numbers(tmp_path):
    path = record(tmp_path, np2_tags())
    path.with_suffix(".meta").unlink()
    with pytest.raises(InputError, match="needs the number of channels"):
        open_input(path, RawOptions())


def test_the_meta_of_another_program_is_none(tmp_path):
    path = record(tmp_path, np2_tags())
    path.with_suffix(".meta").write_text("title=holiday\n")
    assert meta_of(path) is None


def test_a_file_of_another_name_is_not_taken_for_one_of_spikeglx(tmp_path):
    with pytest.raises(InputError, match="needs the number of channels"):
        open_input(record(tmp_path, np2_tags(), name="run.dat"), RawOptions())


def test_a_copy_cut_short_is_noticed(tmp_path):
    _, _, notes = open_input(record(tmp_path, np2_tags(fileSizeBytes="360")), RawOptions())
    assert "has 180 bytes of samples, but its .meta file says 360: the copy may be incomplete" in notes[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"snsApLfSy": "0,384,1"}, "LFP only.*ap.bin"),
        ({"typeThis": "obx"}, "type 'obx'; only imec and nidq"),
        ({"nSavedChans": None}, "damaged.*nSavedChans"),
        ({"imSampRate": "fast"}, "damaged.*fast"),
        ({"imMaxInt": "0"}, "damaged.*division by zero"),
        ({"~imroTbl": ""}, "damaged"),
        ({"~imroTbl": "(0,384)(0 0"}, "damaged"),
        ({"~snsGeomMap": "(NP2010,4,250,70)(0:27)"}, "damaged"),
        ({"~snsGeomMap": "(NP2010,4,250,70)" + "(0:27:0:0)" * 8}, "no contact is in use"),
        ({"snsSaveChanSubset": "a:b"}, "damaged"),
    ],
)
def test_a_damaged_meta_is_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        meta_of(record(tmp_path, np2_tags() | changes))


def test_a_meta_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = record(tmp_path, np2_tags())

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        meta_of(path)


# open_input


def raw_file(folder: Path, name: str = "a.raw", n_channels: int = 4) -> Path:
    np.arange(100 * n_channels, dtype="<i2").tofile(folder / name)
    return folder / name


def test_a_spikeglx_file_needs_no_option(tmp_path):
    recording, probe, notes = open_input(record(tmp_path, np2_tags()), RawOptions())
    assert (recording.n_channels, recording.sampling_hz, recording.n_samples) == (9, 30000, 10)
    assert recording.gain_uv == pytest.approx(0.5 / 8192 / 80 * 1e6)
    assert recording.range_raw == (-8192, 8191)
    assert probe.n_contacts == 8
    assert notes == ()


def test_a_given_rate_gain_and_probe_win_over_the_meta(tmp_path):
    options = RawOptions(n_channels=9, sampling_hz=20000, gain_uv=2.0, time_range_s=(0, 5 / 20000))
    recording, probe, _ = open_input(record(tmp_path, np2_tags()), options, "linear:3:20")
    assert (recording.n_channels, recording.sampling_hz, set(recording.gain_uv)) == (9, 20000, {2.0})
    assert recording.range_raw == (-8192, 8191)
    assert recording.segments == ((0, 5),)
    assert probe.name == "linear:3:20"


@pytest.mark.parametrize("layout", [{"n_channels": 3}, {"dtype": "uint16"}, {"header_bytes": 18}])
def test_the_layout_of_a_known_format_is_not_up_to_choice(tmp_path, layout):
    path = record(tmp_path, np2_tags())
    with pytest.raises(InputError, match=r"has 9 channels.*--format raw"):
        open_input(path, RawOptions(sampling_hz=20000, **layout), "linear:3:20")
    options = RawOptions(**({"n_channels": 9, "sampling_hz": 20000, "format": "raw"} | layout))
    recording, _, _ = open_input(path, options, "linear:3:20")
    assert recording.n_channels == options.n_channels
    assert not recording.has_gain


def test_a_raw_file_is_opened_with_its_options_and_probe(tmp_path):
    write_probe_json(tmp_path / "probe.json", read_probe("linear:3:20"))
    options = RawOptions(n_channels=4, sampling_hz=1000, gain_uv=0.5, exclude_s=((0.01, 0.02),))
    recording, probe, notes = open_input([raw_file(tmp_path)], options, tmp_path / "probe.json")
    assert recording.segments == ((0, 10), (20, 100))
    assert recording.read_uv(1, 2, probe.channels).tolist() == [[2.0, 2.5, 3.0]]
    assert notes == ()


def test_several_files_are_one_recording(tmp_path):
    names = ("run_t0.bin", "run_t1.bin")
    paths = [record(tmp_path, np2_tags(), n, name) for n, name in zip((10, 20), names, strict=True)]
    recording, _, _ = open_input(paths, RawOptions())
    assert recording.segments == ((0, 10), (10, 30))


@pytest.mark.parametrize(
    ("options", "probe", "missing"),
    [
        (RawOptions(), None, ["--channels", "--sampling-hz", "--probe"]),
        (RawOptions(n_channels=4), None, ["--sampling-hz", "--probe"]),
        (RawOptions(n_channels=4, sampling_hz=1000), None, ["--probe"]),
        (RawOptions(), "linear:4:20", ["--channels", "--sampling-hz"]),
    ],
)
def test_all_that_is_missing_is_named_at_once(tmp_path, options: RawOptions, probe: str | None, missing: Sequence[str]):
    with pytest.raises(InputError) as error:
        open_input(raw_file(tmp_path), options, probe)
    flags = ("--channels", "--sampling-hz", "--probe")
    assert [flag for flag in flags if flag in str(error.value)] == list(missing)


def test_a_wrong_name_is_told_before_missing_options(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_input(tmp_path / "nowhere.bin", RawOptions())


def test_an_impossible_number_is_not_taken_for_a_missing_one(tmp_path):
    with pytest.raises(InputError, match="number of channels is 0"):
        open_input(raw_file(tmp_path), RawOptions(n_channels=0, sampling_hz=1000), "linear:4:20")


def test_a_probe_larger_than_the_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"5 contacts, more than the 4 channels of a\.raw"):
        open_input(raw_file(tmp_path), RawOptions(n_channels=4, sampling_hz=1000), "linear:5:20")


def test_a_missing_gain_and_an_odd_probe_are_told(tmp_path):
    _, _, notes = open_input(raw_file(tmp_path), RawOptions(n_channels=4, sampling_hz=1000), "linear:4:0.02")
    assert "look like mm" in notes[0]
    assert "raw numbers, not µV" in notes[1]


@pytest.mark.parametrize(
    ("changes", "options", "probe", "words"),
    [
        ({"imSampRate": "2500"}, RawOptions(sampling_hz=30000), None, "--sampling-hz"),
        ({"~imroTbl": "(2013,8)(0 0 0 0 0)"}, RawOptions(gain_uv=1.0), None, "--gain-uv"),
        (
            {"~snsGeomMap": "(NP2010,4,250,70)" + "".join(f"(0:27:{c}:1)" for c in range(8))},
            RawOptions(),
            "linear:8:20",
            "--probe",
        ),
    ],
)
def test_files_that_disagree_are_refused_unless_the_user_decides(tmp_path, changes, options, probe, words):
    paths = [record(tmp_path, np2_tags(), name="a.bin"), record(tmp_path, np2_tags() | changes, name="b.bin")]
    with pytest.raises(InputError, match=f"disagree about .*{words}"):
        open_input(paths, RawOptions())
    assert open_input(paths, options, probe)[0].n_samples == 20


def test_files_of_different_channel_counts_are_refused(tmp_path):
    paths = [record(tmp_path, np2_tags(8), name="a.bin"), record(tmp_path, np2_tags(4), name="b.bin")]
    with pytest.raises(InputError, match=r"disagree about the number of channels.*the probe"):
        open_input(paths, RawOptions())
