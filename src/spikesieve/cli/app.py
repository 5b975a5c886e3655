"""Entry point of the command `spikesieve`.

Commands import what they need when they run, so that --help is quick.
"""

from __future__ import annotations

from importlib import import_module

from spikesieve.cli.root import app

# Each module registers its command when it is imported; --help lists them in this order.
for _command in (
    "sort",
    "batch",
    "info",
    "demo",
    "compare",
    "browser_app",
    "curate",
    "split",
    "export",
    "simulate",
    "report",
    "settings",
    "doctor",
):
    import_module(f"spikesieve.cli.{_command}")


def main() -> None:
    """Run the command line."""
    from spikesieve.engine.heap import share_one_heap

    # Before any thread starts. Only here: a library must not change the memory of the whole process.
    share_one_heap()
    app()
