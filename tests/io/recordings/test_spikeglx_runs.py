"""Run folders of SpikeGLX: gates, triggers, probes, compressed files, clocks."""

from __future__ import annotations

import json
import pickle
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from needed import needed_module
from spikeglx_files import compress, nidq_tags, np1_tags, np2_tags, record

from spikesieve.errors import InputError
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.registry import recognise
from spikesieve.passes.demand import demand
from spikesieve.settings.sort import Settings

HZ = 30_000


def samples_of(n_samples: int, n_channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-500, 500, (n_samples, n_channels)).astype(np.int16)


def run_folder(folder: Path, probes: tuple[str, ...] = ("imec0", "imec1")) -> dict[str, np.ndarray]:
    """Two gates of two triggers each in a folder for each probe, as SpikeGLX writes them; numbers of each probe."""
    numbers = {}
    for probe in probes:
        parts = []
        for number, (gate, trigger) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
            place = folder / f"run_g{gate}" / f"run_g{gate}_{probe}"
            place.mkdir(parents=True, exist_ok=True)
            name = f"run_g{gate}_t{trigger}.{probe}"
            tags = np2_tags(8, firstSample=str(1000 * number), fileSizeBytes="180")
            path = record(place, tags, 10, f"{name}.ap.bin")
            parts.append(samples_of(10, 9, seed=number))
            parts[-1].tofile(path)
            record(place, np2_tags(8, snsApLfSy="0,8,1"), 1, f"{name}.lf.bin")
        numbers[probe] = np.concatenate(parts)
    record(folder / "run_g0", nidq_tags(), 10, "run_g0_t0.nidq.bin")
    return numbers


# run folders


def test_a_run_folder_is_one_recording_of_all_gates_and_triggers(tmp_path):
    numbers = run_folder(tmp_path, ("imec0",))["imec0"]
    recording, probe, notes = open_input(tmp_path, RawOptions())
    assert np.array_equal(recording.read(0, 40), numbers)
    assert recording.segments == ((0, 10), (10, 20), (20, 30), (30, 40))
    assert [Path(path).name for path in recording.paths] == [
        *("run_g0_t0.imec0.ap.bin", "run_g0_t1.imec0.ap.bin"),
        *("run_g1_t0.imec0.ap.bin", "run_g1_t1.imec0.ap.bin"),
    ]
    assert (probe.n_contacts, notes) == (8, ())


def test_triggers_are_in_order_of_their_numbers(tmp_path):
    for trigger in (10, 2, 1):
        record(tmp_path, np2_tags(), trigger, f"run_g0_t{trigger}.imec0.ap.bin")
    assert open_input(tmp_path, RawOptions())[0].segments == ((0, 1), (1, 3), (3, 13))


def test_gates_are_in_order_of_their_numbers_whatever_their_folders_are_called(tmp_path):
    for gate, folder in ((0, "second"), (1, "first")):
        (tmp_path / folder).mkdir()
        record(tmp_path / folder, np2_tags(), 1 + gate, f"run_g{gate}_t0.imec0.ap.bin")
    assert open_input(tmp_path, RawOptions())[0].segments == ((0, 1), (1, 3))


def test_the_clock_is_that_of_the_run(tmp_path):
    run_folder(tmp_path, ("imec0",))
    recording, _, _ = open_input(tmp_path, RawOptions())
    assert recording.clock.starts == (0, 10, 20, 30)
    assert recording.seconds(np.array([0, 9, 10, 39])) == pytest.approx(np.array([0, 9, 1000, 3009]) / HZ)
    assert recording.clock.gaps_s(HZ) == pytest.approx([990 / HZ] * 3)


def test_times_of_two_runs_are_not_compared(tmp_path):
    files = [record(tmp_path, np2_tags(firstSample="100"), 10, f"{run}_g0_t0.imec0.ap.bin") for run in ("a", "b")]
    assert files is not None
    recording, _, notes = open_input(sorted(tmp_path.glob("*.bin")), RawOptions())
    assert recording.clock is None
    assert "not of one session" in notes[0]
    assert recording.seconds(np.array([0, 10])).tolist() == [0.0, 10 / HZ]


def test_times_that_overlap_are_not_used(tmp_path):
    for trigger in (0, 1):
        record(tmp_path, np2_tags(firstSample="100"), 10, f"run_g0_t{trigger}.imec0.ap.bin")
    recording, _, notes = open_input(tmp_path, RawOptions())
    assert recording.clock is None
    assert "overlap" in notes[0]


def test_several_probes_are_listed_with_the_command_for_each(tmp_path):
    numbers = run_folder(tmp_path)
    with pytest.raises(InputError) as error:
        open_input(tmp_path, RawOptions())
    assert "2 streams that can be sorted" in str(error.value)
    for stream in ("imec0.ap", "imec1.ap"):
        assert f"spikesieve sort {tmp_path} --stream {stream} --out" in str(error.value)
    recording, _, _ = open_input(tmp_path, RawOptions(stream="imec1.ap"))
    assert np.array_equal(recording.read(0, 40), numbers["imec1"])
    assert "imec1" in recording.name


def test_a_probe_folder_or_a_file_is_enough(tmp_path):
    run_folder(tmp_path)
    folder = tmp_path / "run_g1" / "run_g1_imec1"
    assert open_input(folder, RawOptions())[0].n_samples == 20
    assert open_input(folder / "run_g1_t0.imec1.ap.bin", RawOptions())[0].n_samples == 10
    assert open_input(folder / "run_g1_t0.imec1.ap.meta", RawOptions())[0].n_samples == 10


def test_a_stream_that_is_not_there_is_told(tmp_path):
    run_folder(tmp_path)
    with pytest.raises(InputError, match=r"no stream 'imec7.ap'. It has: imec0.ap, imec0.lf, imec1.ap, imec1.lf, nidq"):
        open_input(tmp_path, RawOptions(stream="imec7.ap"))


def test_field_potentials_are_not_sorted(tmp_path):
    run_folder(tmp_path)
    with pytest.raises(InputError, match=r"LFP only"):
        open_input(tmp_path, RawOptions(stream="imec0.lf"))


def test_two_runs_in_a_folder_are_two_streams(tmp_path):
    for run in ("a", "b"):
        record(tmp_path, np2_tags(), 10, f"{run}_g0_t0.imec0.ap.bin")
    with pytest.raises(InputError, match=r"a\.imec0\.ap(.|\n)*b\.imec0\.ap"):
        open_input(tmp_path, RawOptions())
    assert open_input(tmp_path, RawOptions(stream="b.imec0.ap"))[0].name == "b_g0_t0.imec0.ap.bin"


def test_a_copy_of_the_same_run_is_another_stream(tmp_path):
    for folder in ("raw", "copy"):
        (tmp_path / folder).mkdir()
        record(tmp_path / folder, np2_tags(), 10, "a_g0_t0.imec0.ap.bin")
    assert open_input(tmp_path, RawOptions(stream="copy/imec0.ap"))[0].n_samples == 10


def test_what_catgt_joined_is_not_joined_again(tmp_path):
    for trigger in ("0", "1", "cat"):
        record(tmp_path, np2_tags(), 10, f"a_g0_t{trigger}.imec0.ap.bin")
    assert open_input(tmp_path, RawOptions(stream="a_tcat.imec0.ap"))[0].n_samples == 10
    assert open_input(tmp_path, RawOptions(stream="a.imec0.ap"))[0].n_samples == 20


def test_gates_that_disagree_are_refused(tmp_path):
    record(tmp_path, np2_tags(), 10, "a_g0_t0.imec0.ap.bin")
    record(tmp_path, np2_tags(imSampRate="20000"), 10, "a_g1_t0.imec0.ap.bin")
    with pytest.raises(InputError, match=r"g0.*g1.*disagree about the sampling rate"):
        open_input(tmp_path, RawOptions())
    assert open_input(tmp_path, RawOptions(sampling_hz=20000))[0].n_samples == 20


def test_what_was_found_is_said(tmp_path):
    run_folder(tmp_path)
    found = recognise(tmp_path)
    assert found.format.title == "SpikeGLX"
    assert found.found.why == "run_g0_t0.imec0.ap.meta says typeThis, and 16 more .meta files"


def test_neo_reads_the_same_numbers_and_times(tmp_path):
    rawio = needed_module("neo.rawio", "packages")
    for trigger, first in ((0, 3000), (1, 9000)):
        imro = "".join(f"({c} 0 0 {(250, 500)[c % 2]} 250 1)" for c in range(384))
        tags = np1_tags(
            **{"~imroTbl": f"(0,384){imro}"}, firstSample=str(first), fileName=f"D:/run_g0_t{trigger}.imec0.ap.bin"
        )
        tags["~snsChanMap"] = "(384,0,1)" + "".join(f"(AP{c};{c}:{c})" for c in range(384)) + "(SY0;384:384)"
        path = record(tmp_path, tags, 30, f"run_g0_t{trigger}.imec0.ap.bin")
        samples_of(30, 385, trigger).tofile(path)
    recording, _, _ = open_input(tmp_path, RawOptions())
    reader = rawio.SpikeGLXRawIO(str(tmp_path))
    reader.parse_header()
    channels = reader.header["signal_channels"]
    for segment, start in ((0, 0), (1, 30)):
        theirs = reader.get_analogsignal_chunk(seg_index=segment, stream_index=0)
        assert np.array_equal(recording.read(start, start + 30)[:, :384], theirs)
        times_s = recording.seconds(np.array([start]))
        assert times_s == pytest.approx(reader.get_signal_t_start(0, segment, 0))
    per_unit = {"uV": 1.0, "V": 1e6}[str(channels["units"][0])]
    assert recording.gain_uv[:384] == pytest.approx(channels["gain"][:384].astype(float) * per_unit)


# compressed files


@pytest.mark.parametrize("options", [{}, {"do_spatial_diff": True}, {"do_time_diff": False}, {"chunk_order": "C"}])
def test_a_compressed_file_gives_the_numbers_that_were_compressed(tmp_path, options):
    numbers = samples_of(3 * HZ + 1000, 9)
    path = compress(record(tmp_path, np2_tags(fileSizeBytes=str(numbers.nbytes))), numbers, **options)
    recording, probe, notes = open_input(path, RawOptions())
    assert (recording.n_samples, recording.n_channels, notes) == (*numbers.shape, ())
    for start, stop in ((0, 5), (HZ - 3, HZ + 3), (HZ, 2 * HZ), (10, len(numbers)), (7, 7)):
        assert np.array_equal(recording.read(start, stop), numbers[start:stop])
    assert recording.gain_uv == pytest.approx(0.5 / 8192 / 80 * 1e6)
    assert probe.n_contacts == 8


def test_compressed_and_plain_files_follow_one_another(tmp_path):
    numbers = samples_of(100, 9)
    compress(record(tmp_path, np2_tags(), name="a_g0_t0.imec0.ap.bin"), numbers)
    numbers.tofile(record(tmp_path, np2_tags(fileSizeBytes=None), name="a_g0_t1.imec0.ap.bin"))
    recording, _, _ = open_input(tmp_path, RawOptions())
    assert np.array_equal(recording.read(90, 110), np.concatenate([numbers, numbers])[90:110])
    assert recording.fingerprint() == open_input(tmp_path, RawOptions())[0].fingerprint()


def test_all_compressed_files_of_a_run_keep_their_chunks_in_one_place(tmp_path):
    for trigger in range(3):
        compress(
            record(tmp_path, np2_tags(fileSizeBytes=None), name=f"a_g0_t{trigger}.imec0.ap.bin"), samples_of(HZ, 9)
        )
    recording, probe, _ = open_input(tmp_path, RawOptions())
    alone, _, _ = open_input(tmp_path / "a_g0_t0.imec0.ap.cbin", RawOptions())
    assert recording.read.held_bytes == alone.read.held_bytes == alone.read.cache.n_kept * HZ * 9 * 2
    assert len({id(part.cache) for part in recording.read.parts}) == 1
    assert np.array_equal(recording.read(HZ - 5, HZ), recording.read(2 * HZ - 5, 2 * HZ))
    assert demand(recording, probe, Settings()).held_bytes == alone.read.held_bytes


def test_names_of_the_international_brain_laboratory_are_understood(tmp_path):
    path = record(tmp_path, np2_tags(fileSizeBytes=None), name="_spikeglx_ephysData_g0_t0.imec0.ap.bin")
    numbers = samples_of(50, 9)
    cbin = compress(path, numbers)
    for number, file in enumerate([cbin, cbin.with_suffix(".ch"), cbin.with_suffix(".meta")]):
        identifier = f"1a2b3c4{number}-0000-4111-8222-123456789abc"
        file.rename(file.with_name(f"{file.stem}.{identifier}{file.suffix}"))
    recording, probe, _ = open_input(tmp_path, RawOptions())
    assert np.array_equal(recording.read(0, 50), numbers)
    assert probe.n_contacts == 8


def test_a_compressed_file_without_meta_needs_a_probe_only(tmp_path):
    path = compress(record(tmp_path, np2_tags()), samples_of(50, 9))
    path.with_suffix(".meta").unlink()
    recording, _, notes = open_input(path, RawOptions(), "linear:9:20")
    assert (recording.n_channels, recording.sampling_hz) == (9, HZ)
    assert "No gain is known" in notes[0]


def test_a_reader_of_a_compressed_file_pickles_without_its_chunks(tmp_path):
    numbers = samples_of(HZ, 9)
    recording, _, _ = open_input(compress(record(tmp_path, np2_tags()), numbers), RawOptions())
    recording.read(0, HZ)
    sent = pickle.dumps(recording)
    assert len(sent) < 10_000
    assert np.array_equal(pickle.loads(sent).read(5, 9), numbers[5:9])  # noqa: S301


# what is missing or damaged


def test_a_run_without_data_is_refused(tmp_path):
    record(tmp_path, np2_tags()).unlink()
    with pytest.raises(InputError, match=r"no \.bin or \.cbin file beside it"):
        open_input(tmp_path, RawOptions())


def test_a_missing_header_of_mtscomp_is_told(tmp_path):
    path = compress(record(tmp_path, np2_tags()), samples_of(50, 9))
    path.with_suffix(".ch").unlink()
    with pytest.raises(InputError, match=r"compressed by mtscomp, and its run_g0_t0\.imec0\.ap\.ch is missing"):
        open_input(path, RawOptions())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_channels": 8}, "8 channels by its .ch file, but 9 by its .meta"),
        ({"algorithm": "lzma"}, "algorithm lzma"),
        ({"chunk_bounds": [0]}, "do not fit each other"),
        ({"dtype": "nonsense"}, "nonsense"),
    ],
)
def test_a_damaged_header_of_mtscomp_is_told(tmp_path, changes, words):
    path = compress(record(tmp_path, np2_tags()), samples_of(50, 9))
    header = path.with_suffix(".ch")
    header.write_text(json.dumps(json.loads(header.read_text()) | changes))
    with pytest.raises(InputError, match=words):
        open_input(path, RawOptions())


def test_a_compressed_file_cut_short_is_told(tmp_path):
    path = compress(record(tmp_path, np2_tags()), samples_of(50, 9))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"cut short. Copy it again"):
        open_input(path, RawOptions())


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path):
    path = compress(record(tmp_path, np2_tags()), samples_of(50, 9))
    path.write_bytes(zlib.compress(b"x").ljust(path.stat().st_size, b"x"))
    recording, _, _ = open_input(path, RawOptions())
    for _ in range(2):
        with pytest.raises(InputError, match=r"cannot be decompressed at sample 0.*Copy it again"):
            recording.read(0, 10)


def test_a_folder_without_a_recording_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"no recording was recognised. Looked for: .*typeThis"):
        open_input(tmp_path, RawOptions())


def test_an_unknown_format_is_told(tmp_path):
    with pytest.raises(InputError, match=r"'spikegl' is unknown. Did you mean spikeglx"):
        open_input(record(tmp_path, np2_tags()), RawOptions(format="spikegl"))


def test_a_format_that_the_path_does_not_hold_is_told(tmp_path):
    np.zeros(10, np.int16).tofile(tmp_path / "a.bin")
    with pytest.raises(InputError, match=r"a\.bin is not SpikeGLX: there is not a \.meta file"):
        open_input(tmp_path / "a.bin", RawOptions(format="spikeglx"))


def test_known_and_plain_files_are_not_mixed(tmp_path):
    known = record(tmp_path, np2_tags())
    plain = shutil.copy(known, tmp_path / "plain.bin")
    with pytest.raises(InputError, match=r"is SpikeGLX, but the format of .*plain.bin was not recognised"):
        open_input([known, plain], RawOptions())
