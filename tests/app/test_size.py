"""What the app adds to an installation stays small."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import spikesieve

PARTS = ("app", "views", "draw", "curation", "io/curations", "jupyter")
MOST_MB = 3.0


def test_the_app_and_what_it_needs_are_small() -> None:
    package = Path(spikesieve.__file__).parent
    own = [path for part in PARTS for path in (package / part).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    api = [
        path
        for name in ("app", "*_to_show", "curation_of_result", "kept_index")
        for path in package.glob(f"api/{name}.py")
    ]
    theirs = [Path(str(path.locate())) for path in files("tornado") or () if path.suffix != ".pyc"]
    sizes_mb = {
        name: sum(path.stat().st_size for path in some if path.is_file()) / 1e6
        for name, some in {"spikesieve": [*own, *api], "tornado": theirs}.items()
    }
    assert min(sizes_mb.values()) > 0.1, sizes_mb
    assert sum(sizes_mb.values()) < MOST_MB, sizes_mb


def test_the_page_is_text_and_nothing_else() -> None:
    page = Path(spikesieve.__file__).parent / "app" / "page"
    assert {path.suffix for path in page.rglob("*") if path.is_file()} == {".js", ".css", ".html"}
