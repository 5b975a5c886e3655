"""Kernels on `vector_plain` agree with the judge, are chosen where llvmlite fails, and share no compiled code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spikesieve.kernels.cpu.vector as vector

TESTS = Path(__file__).parents[1]
WITH_VECTORS = (
    "median or extremes or mix or microvolts or butterworth or delay or project or pick"
    " or template_scores or waveforms or universal"
)
# Kernels that only move numbers: the same bits with either set of operations.
ONLY_MOVES = {"microvolts"}

RUN_PYTEST = """
import sys
import pytest
from spikesieve.kernels.cpu.vector import IS_PLAIN
sys.exit(pytest.main(sys.argv[1:]) if IS_PLAIN else "vector_plain was not chosen")
"""
# (97 * 257) * 673 = 2^24 + 1: the product lies half way between two float32, and 2^-80 decides.
# One rounding sees the 2^-80, two do not.
ROUNDED_ONCE_OR_TWICE = """
import numpy as np
from spikesieve import kernels
traces, waveforms = np.full((1, 1), 2.0**-80, np.float32), np.full((1, 1, 1), 673 / 2.0**10, np.float32)
one, zero = np.full(1, -97 * 257 / 2.0**14, np.float32), np.zeros(1, np.int64)
kernels.subtract_waveforms(traces, zero, zero, one, np.zeros((1, 1), np.int64), waveforms, 0)
print(int((traces[0, 0] - 1) * 2**23))
"""
SHUFFLE, SEVEN_BITS = "llvmlite.ir.IRBuilder.shuffle_vector", "llvmlite.ir.IntType(7)"
BROKEN = {
    "a name is gone": "del llvmlite.ir.VectorType",
    "an operation is gone": "del llvmlite.ir.IRBuilder.shuffle_vector",
    "an operation gives another type": f"{SHUFFLE} = lambda builder, a, b, lanes: builder.bitcast(a, {SEVEN_BITS})",
    "LLVM cannot read what llvmlite writes": (
        f"{SHUFFLE} = lambda builder, a, b, lanes: builder.bitcast(builder.bitcast(a, {SEVEN_BITS}), a.type)"
    ),
}
CHOOSE = """
import warnings
import llvmlite.ir
import numba.extending
{broken}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from spikesieve.kernels.cpu.vector import IS_PLAIN
print(IS_PLAIN, *(str(warning.message) for warning in caught if warning.category is RuntimeWarning))
"""


def run(code: str, *arguments: str, plain: bool = False, cache: Path | None = None) -> str:
    environment = {**os.environ, "SPIKESIEVE_PLAIN_NUMBA": str(int(plain))}
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(vector.IS_PLAIN, reason="the tests themselves run with plain Numba")
def test_plain_kernels_agree_with_the_judge():
    files = (str(TESTS / "kernels" / name) for name in ("test_kernels.py", "test_kernel_universal.py"))
    said = run(RUN_PYTEST, "-x", "-k", WITH_VECTORS, "-p", "no:cacheprovider", *files, plain=True)
    assert int(re.search(r"(\d+) passed", said)[1]) > 150, said


def test_compiled_code_of_one_kind_is_never_taken_for_the_other(tmp_path):
    if run(ROUNDED_ONCE_OR_TWICE, cache=tmp_path / "alone") == "0":
        pytest.skip("this processor rounds a product before it adds, so both kinds give the same bits")
    said = [run(ROUNDED_ONCE_OR_TWICE, plain=plain, cache=tmp_path / "shared") for plain in (True, False, True, False)]
    assert said == ["0", "1", "0", "1"]


def test_kernels_with_vectors_are_compiled_under_a_name_for_each_kind():
    folder = Path(vector.__file__).parent
    users = {path.stem: path.read_text() for path in folder.glob("*.py") if "cpu.vector import" in path.read_text()}
    named = {"project", "match", "median", "magnitudes", "extremes", "mix", "butterworth", "delay", "universal"}
    assert named <= set(users)
    assert {name for name, text in users.items() if "njit" in text} <= ONLY_MOVES


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_where_llvmlite_fails_plain_numba_takes_over_with_a_warning(broken, tmp_path):
    said = run(CHOOSE.format(broken=broken), cache=tmp_path)
    assert re.match(r"True The vector operations do not compile with the installed llvmlite \(\w+: .*slower", said), (
        said
    )


def test_plain_numba_is_chosen_only_when_asked():
    assert run(CHOOSE.format(broken="")) == "False"
    assert run(CHOOSE.format(broken=""), plain=True) == "True"
