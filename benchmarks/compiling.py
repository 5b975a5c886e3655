"""What a first run compiles, and how long each kernel takes: prints a tree, the longest first in each place.

    python benchmarks/compiling.py [--least 0.3] COMMAND...     # such as: sort recording.bin --probe probe.json ...

Runs a command of spikesieve with an empty cache of compiled code, in this process, and adds up processor time. Give
`--jobs 1`, or another process compiles the largest kernels. What stands below a kernel was compiled for it first; names
with `<locals>` are Numba's own: a tenth of a second each, but 2 s for NumPy's messages about shapes.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from numba.core import config, event


@dataclass
class Compiled:
    """What was compiled, its processor time, and what was compiled for it."""

    name: str
    seconds: float = 0.0
    parts: list[Compiled] = field(default_factory=list)


class Watch(event.Listener):
    """Keeps a tree of all that Numba compiles."""

    def __init__(self) -> None:
        self.open = [Compiled("all")]

    def on_start(self, event: Any) -> None:
        """Begin with a function."""
        self.open.append(Compiled(event.data["dispatcher"].py_func.__qualname__, -time.process_time()))
        self.open[-2].parts.append(self.open[-1])

    def on_end(self, event: Any) -> None:
        """End with the function that was begun last."""
        self.open.pop().seconds += time.process_time()


def show(compiled: Compiled, least: float, depth: int = 0) -> None:
    """Print what took at least some seconds."""
    for part in sorted(compiled.parts, key=lambda part: -part.seconds):
        if part.seconds >= least:
            own = part.seconds - sum(each.seconds for each in part.parts)
            print(f"{'  ' * depth}{part.name}: {part.seconds:.2f} s, of which itself {own:.2f}")
            show(part, least, depth + 1)


def main() -> None:
    """Run the command and print the tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--least", type=float, default=0.3, help="seconds of what is shown")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    watch = Watch()
    event.register("numba:compile", watch)
    sys.argv = ["spikesieve", *options.command]
    with tempfile.TemporaryDirectory() as folder:
        config.CACHE_DIR = folder
        try:
            runpy.run_module("spikesieve", run_name="__main__")
        except SystemExit as end:
            print(f"ended with {end.code}")
    everything = watch.open[0]
    print(f"compiled: {sum(part.seconds for part in everything.parts):.1f} s")
    show(everything, options.least)


if __name__ == "__main__":
    main()
