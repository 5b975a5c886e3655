"""What a test needs beside the packages of spikesieve: without it the test is skipped, or fails where it ought to run.

SPIKESIEVE_REQUIRE names what must be there, with commas: browser, benchmarks, packages (those of the extra `test`), phy
(SPIKESIEVE_PHY is a Python that has it). Where CI is set and SPIKESIEVE_REQUIRE is not, everything but phy must be
there. `.ci/run` sets it, without the browser on a machine that cannot have one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from types import ModuleType

import pytest

EVERYTHING = ("benchmarks", "browser", "packages")
KNOWN = (*EVERYTHING, "phy")


def required(environment: Mapping[str, str] = os.environ) -> set[str]:
    """What must be there; ValueError for names that mean nothing."""
    default = ",".join(EVERYTHING) if environment.get("CI") else ""
    names = {name.strip() for name in environment.get("SPIKESIEVE_REQUIRE", default).split(",")} - {""}
    if unknown := names - set(KNOWN):
        raise ValueError(f"SPIKESIEVE_REQUIRE names {sorted(unknown)}. Known: {', '.join(KNOWN)}.")
    return names


def missing(what: str, reason: str, environment: Mapping[str, str] = os.environ) -> None:
    """Skip the test or the module that needs `what`; fail where it is required."""
    if what in required(environment):
        pytest.fail(f"{reason}, but SPIKESIEVE_REQUIRE or CI asks for {what}")
    pytest.skip(reason, allow_module_level=True)


def needed_module(name: str, what: str) -> ModuleType:
    """The module, imported, or see `missing`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing(what, f"{name} cannot be imported: {error}")
        raise
