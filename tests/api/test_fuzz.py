"""Damaged inputs of every kind give a result or a sentence, run no code, and write nothing but their output.

benchmarks/fuzz.py does the same for thousands of them; what it found is a test of its own beside the reader.
"""

from __future__ import annotations

import sys

import pytest
from fuzzing import GROUPS, Fuzzer
from needed import needed_module

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarm for what takes too long"),
    pytest.mark.filterwarnings("ignore"),
]

INPUTS = {"raw": 25, "probes": 90, "spikeglx": 50, "settings": 60, "motions": 30, "sortings": 40, "results": 6}


@pytest.mark.parametrize("group", GROUPS)
def test_a_damaged_input_gives_a_result_or_a_sentence(group, tmp_path):
    if group in ("settings", "sortings"):
        needed_module("h5py", "packages")
    (tmp_path / group).mkdir()
    fuzzer = Fuzzer(group, tmp_path / group)
    assert [wrong for number in range(INPUTS[group]) if (wrong := fuzzer.try_one(number))] == []
