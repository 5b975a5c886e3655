"""The memory plan keeps its limit, shrinks the right thing, and is near what a block really takes."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import spiking, write_raw
from tiny import BACKEND, HZ, line_probe

from spikesieve.engine.blocks import longest_block, plan_blocks
from spikesieve.engine.machine import machine_bytes
from spikesieve.engine.memory import Demand, bytes_of, plan_memory
from spikesieve.errors import SettingsError
from spikesieve.stages import bad_contacts, preprocess, whitening
from spikesieve.stages.contact_statistics import contact_statistics
from spikesieve.stages.preprocess import PreprocessParams

GB = 1_000_000_000
NEUROPIXELS = Demand(384, 385, 3600.0, 60_000, 10_000, 1_505, 300, 25_000)

DEMANDS = st.builds(
    Demand,
    n_contacts=st.integers(1, 4_000),
    n_channels=st.integers(1, 5_000),
    duration_s=st.floats(1, 1e5),
    block_samples=st.integers(1_000, 1_000_000),
    sample_samples=st.integers(1_000, 30_000),
    halo_samples=st.integers(0, 10_000),
    n_templates=st.integers(0, 2_000),
    max_clustered_spikes=st.none() | st.integers(1_000, 100_000),
)


@settings(max_examples=100, deadline=None)
@given(DEMANDS, st.integers(1, 64), st.integers(GB // 4, 64 * GB))
def test_a_plan_stays_below_its_limit_or_says_what_it_needs(demand, n_workers, limit):
    try:
        plan = plan_memory(demand, n_workers, limit)
    except SettingsError as error:
        needed = bytes_of(str(error).rpartition("--memory ")[2].rstrip("."))
        assert needed > limit
        plan = plan_memory(demand, n_workers, needed)
        limit = needed
    assert plan.total_bytes <= limit
    assert 1 <= plan.n_workers <= n_workers
    assert 1 <= plan.block_samples <= demand.block_samples


@settings(max_examples=100, deadline=None)
@given(DEMANDS, st.integers(1, 64), st.integers(GB // 2, 64 * GB))
def test_the_block_does_not_depend_on_the_workers_and_more_memory_never_means_less_work(demand, n_workers, limit):
    limit = max(limit, round(plan_memory(demand, 1).total_bytes))
    plan, one = plan_memory(demand, n_workers, limit), plan_memory(demand, 1, limit)
    assert plan.block_samples == one.block_samples
    more = plan_memory(demand, n_workers, 2 * limit)
    assert more.n_workers >= plan.n_workers
    assert more.block_samples >= plan.block_samples


def test_workers_go_before_blocks_do():
    minute = replace(NEUROPIXELS, duration_s=60.0)
    one, four = plan_memory(minute, 1, 64 * GB), plan_memory(minute, 4, 64 * GB)
    roomy = plan_memory(minute, 8, 64 * GB)
    assert (roomy.n_workers, roomy.block_samples) == (8, longest_block(60_000, 384))
    tight = plan_memory(minute, 8, four.total_bytes)
    assert (tight.n_workers, tight.block_samples) == (4, roomy.block_samples)
    tighter = plan_memory(minute, 8, one.total_bytes - 1)
    assert (tighter.n_workers, tighter.block_samples) == (1, roomy.block_samples // 2)


def test_the_longest_block_is_the_one_that_is_cut():
    for n_contacts in (1, 16, 64, 384, 4_000):
        (first, *_) = plan_blocks(((0, 10_000_000),), longest_block(60_000, n_contacts))
        longest = longest_block(60_000, n_contacts)
        assert longest * 0.9 < first.n_samples <= longest


def test_without_a_limit_a_quarter_of_the_machine_is_planned_or_what_is_needed():
    small = replace(NEUROPIXELS, n_contacts=4, n_channels=4, duration_s=10.0, n_templates=4)
    assert plan_memory(small, 1).limit_bytes == max(round(machine_bytes() / 4), plan_memory(small, 1).total_bytes)
    huge = replace(NEUROPIXELS, n_contacts=1_000_000)
    plan = plan_memory(huge, 4)
    assert plan.n_workers == 1
    assert plan.total_bytes <= plan.limit_bytes


def test_of_a_longer_recording_only_the_times_of_its_spikes_take_more():
    one, ten = (plan_memory(replace(NEUROPIXELS, duration_s=hours * 3600.0), 2, 64 * GB) for hours in (1, 10))
    grew = [b.n * b.bytes_each - a.n * a.bytes_each for a, b in zip(one.parts, ten.parts, strict=True)]
    assert [part.what.split()[0] for part, more in zip(ten.parts, grew, strict=True) if more] == ["times"]
    everything = replace(NEUROPIXELS, max_clustered_spikes=None, duration_s=36_000.0)
    assert plan_memory(everything, 2, 64 * GB).total_bytes > ten.total_bytes + 2 * GB


def test_the_plan_can_be_read():
    first, *parts = plan_memory(NEUROPIXELS, 2, 4 * GB).lines()
    assert first.startswith("Memory: about ")
    assert "of 4.00 GB, 2 workers, blocks of 15000 samples" in first
    assert all("MB" in line for line in parts)
    assert sum(int(line.split()[0]) for line in parts) == pytest.approx(
        plan_memory(NEUROPIXELS, 2, 4 * GB).total_bytes / 1e6, abs=4
    )
    assert "1 worker," in plan_memory(NEUROPIXELS, 1, 4 * GB).lines()[0]


def test_a_plan_warns_of_a_machine_that_allows_less(monkeypatch):
    assert "MB" in plan_memory(NEUROPIXELS, 2).lines()[-1]
    monkeypatch.setattr("spikesieve.engine.memory.machine_bytes", lambda: GB // 4)
    plan = plan_memory(NEUROPIXELS, 2)
    assert plan.n_workers == 1
    assert plan.lines()[-1].startswith("Only 0.25 GB are allowed here, so that the system may end the sort.")


def test_a_limit_that_cannot_be_kept_says_which_can():
    with pytest.raises(SettingsError, match=r"384 contacts and 60 minutes need about .* Give at least --memory .*GB"):
        plan_memory(NEUROPIXELS, 2, GB // 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("4GB", 4e9), ("4", 4e9), ("4.", 4e9), (" 500 mb ", 5e8), ("1.5GiB", 1.5 * 2**30), (".5gb", 5e8)],
        *[
            ("2000000 kB", 2e9),
            ("0.29GB", 290_000_000),
            ("3b", 3),
            ("1 TB", 1e12),
            ("5KiB", 5120),
            ("7 MiB", 7 * 2**20),
        ],
    ],
)
def test_amounts(text, expected):
    assert bytes_of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "GB", "0GB", "-1GB", "4 gigs", "1e3", "4GB!", "nan", "4PB", "4 TiB", "4G", "8 bit", "4 GB 2"]
)
def test_what_is_no_amount(text):
    with pytest.raises(SettingsError, match="is no amount of memory"):
        bytes_of(text)


def test_the_traces_of_a_block_take_what_is_planned():
    """Measured with what NumPy and Numba tell tracemalloc; the raw file's own numbers are not counted here."""
    probe, n = line_probe(48), 20_000
    raw = 10 * np.random.default_rng(0).standard_normal((48, n)).astype(np.float32)
    measured = contact_statistics(raw, HZ)
    draft = bad_contacts.without_bad_contacts(measured, probe, HZ, None, PreprocessParams())
    still = whitening.fit_whitening(draft, [whitening.block_statistics(raw)])
    fitted = replace(still, interpolation=np.eye(48, dtype=np.float32))
    preprocess.apply(preprocess.RawTraces(raw, halo=500), fitted, BACKEND)
    tracemalloc.start()
    preprocess.apply(preprocess.RawTraces(raw, halo=500), fitted, BACKEND)
    peak = tracemalloc.get_traced_memory()[1] + raw.nbytes
    tracemalloc.stop()
    demand = Demand(48, 0, 1.0, n - 1_400, 1, 700, 0, None)
    (planned,) = (p.bytes_each for p in plan_memory(demand, 1, 64 * GB).parts if p.what.startswith("traces"))
    assert 0.6 * planned < peak < 1.05 * planned


def test_a_sort_takes_less_than_was_planned(tmp_path):
    """In a process of its own, as a user's: this one has taken memory for other tests.

    It is the second sort: compiling the kernels takes memory once after an installation, and that of the compiler is
    not planned.
    """
    write_raw(tmp_path, spiking(n_channels=16))
    words = ["raw.bin", "--probe", "linear:16:25", "--channels", "16", "--sampling-hz", str(HZ), "--gain-uv", "1"]
    command = [sys.executable, "-m", "spikesieve", "sort", *words, "--memory", "1GB", "--jobs", "2", "--out"]
    for out in ("first", "second"):
        said = subprocess.run([*command, out], cwd=tmp_path, check=True, capture_output=True, text=True).stderr
    (planned,) = re.findall(r"Memory: about ([\d.]+) of 1.00 GB", said)
    log = (tmp_path / "second" / "spikesieve.log").read_text()
    taken = [float(mb) / 1e3 for mb in re.findall(r"peak memory (\d+) MB", log)]
    assert 0.1 < max(taken) < float(planned), (taken, planned)


def test_decoded_samples_that_are_kept_count():
    kept = replace(NEUROPIXELS, held_bytes=200_000_000)
    without, plan = (plan_memory(each, 1, bytes_of("8GB")) for each in (NEUROPIXELS, kept))
    assert plan.total_bytes - without.total_bytes == 200_000_000
    assert any("decoded samples" in line for line in plan.lines())
