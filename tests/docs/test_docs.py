"""Each page in docs/ has the parameters of its stage. This writes them from the models:

PYTHONPATH=tests python tests/docs/test_docs.py
"""

from __future__ import annotations

import inspect
import re

import pytest
from paths import DOCS, page_name
from paths import PAGES as ALL_PAGES

from spikesieve.model import UnitMetrics
from spikesieve.settings.input import InputParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.settings.params import Params
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.cluster import ClusterParams
from spikesieve.stages.curate import CurateParams
from spikesieve.stages.detect import DetectParams
from spikesieve.stages.features import FeaturesParams
from spikesieve.stages.match import MatchParams
from spikesieve.stages.motion.estimate import MotionParams
from spikesieve.stages.preprocess import PreprocessParams
from spikesieve.stages.shapes import ShapesParams
from spikesieve.stages.sieve.fit import FitParams
from spikesieve.stages.tissue import TissueParams
from spikesieve.stages.units import UnitsParams

PAGES: dict[str, tuple[type[Params], ...]] = {
    "input": (InputParams,),
    "preprocess": (PreprocessParams,),
    "shapes": (ShapesParams,),
    "detect": (DetectParams,),
    "motion": (MotionParams,),
    "tissue": (TissueParams,),
    "features": (FeaturesParams,),
    "cluster": (ClusterParams,),
    "templates": (TemplatesParams,),
    "match": (MatchParams,),
    "sieve": (FitParams, RefineParams),
    "kilosort2": (Kilosort2Params,),
    "curate": (CurateParams, UnitsParams),
}
# Pages with a part of a table: what a step beside it is about.
PARTS: dict[str, tuple[str, ...]] = {
    "bad_contacts": ("bad_contacts", "dead_ratio", "noisy_ratio"),
    "artifacts": (
        "artifacts",
        "artifact_threshold_uv",
        "artifact_margin_ms",
        "artifact_before_ms",
        "artifact_after_ms",
    ),
}
UNITS = {"um": "µm", "ms": "ms", "hz": "Hz", "uv": "µV", "sd": "noise SD", "samples": "samples"}
MARKED = "<!-- {name}: written by tests/docs/test_docs.py -->\n{table}<!-- end -->"


def table(params: type[Params], names: tuple[str, ...] = ()) -> str:
    """A Markdown table: name, default, unit, name in Kilosort4 (or 2, in its own stages), meaning. No name is all."""
    sorter = "Kilosort2" if params is Kilosort2Params else "Kilosort4"
    rows = [f"| name | default | unit | {sorter} | meaning |", "|---|---|---|---|---|"]
    for name in names or params.model_fields:
        field = params.model_fields[name]
        default = "–" if field.default is None else str(field.default)
        unit = UNITS.get(name.rsplit("_", 1)[-1], "")
        extra = field.json_schema_extra
        theirs = extra.get(sorter.lower()) if isinstance(extra, dict) else None
        rows.append(f"| `{name}` | {default} | {unit} | {f'`{theirs}`' if theirs else ''} | {field.description} |")
    return "\n".join(rows) + "\n"


def marked(params: type[Params]) -> str:
    return MARKED.format(name=params.__name__, table=table(params))


def marked_part(page: str) -> str:
    return MARKED.format(name=f"PreprocessParams of {page}", table=table(PreprocessParams, PARTS[page]))


def columns() -> str:
    """A Markdown table of the columns of metrics.csv, as the docstring of the model describes them."""
    attributes = inspect.cleandoc(UnitMetrics.__doc__ or "").partition("Attributes\n----------\n")[2]
    found = re.findall(r"^(\S.*?) : .*\n((?:    .*\n?)+)", attributes, re.MULTILINE)
    rows = ["| `{}` | {} |".format(names.replace(", ", "`, `"), " ".join(text.split())) for names, text in found]
    text = "\n".join(["| column | meaning |", "|---|---|", *rows]) + "\n"
    return MARKED.format(name="UnitMetrics", table=re.sub(r"\bu(?=[mV]\b)", "µ", text))


def test_the_columns_of_metrics_are_those_of_the_model():
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert columns() in page, "run `PYTHONPATH=tests python tests/docs/test_docs.py`: docs/metrics.md is old"
    assert [name for name in vars(UnitMetrics)["__dataclass_fields__"] if f"`{name}`" not in columns()] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_parameters_is_that_of_the_model(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for params in PAGES[page]:
        assert marked(params) in text, f"run `PYTHONPATH=tests python tests/docs/test_docs.py`: docs/{page}.md is old"


@pytest.mark.parametrize("page", PARTS)
def test_a_part_of_a_table_is_that_of_the_model(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert marked_part(page) in text, f"run `PYTHONPATH=tests python tests/docs/test_docs.py`: docs/{page}.md is old"


STEPS = set(re.findall(r"\((\w+)\.md\)", (DOCS / "how_it_works.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", sorted(STEPS - {"limits", "glossary"}))
def test_a_page_of_a_step_has_idea_picture_equation_parameters_and_where_it_is(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [
        head for head in ("Idea", "Parameters", "In the code") if not any(found.startswith(head) for found in heads)
    ] == []
    assert "![" in text
    assert re.search(r"^ {4,}\S.*[=<>≤∝]", text, re.MULTILINE), "no equation"


def test_every_parameter_model_of_a_stage_has_a_page():
    from spikesieve.settings.sort import Settings

    shown = {params for models in PAGES.values() for params in models}
    stages = {field.annotation for name, field in Settings.model_fields.items() if name not in ("engine", "method")}
    assert stages == shown


@pytest.mark.parametrize("page", ALL_PAGES, ids=page_name)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_pages_that_the_code_speaks_of_exist():
    sources = [path for folder in ("src", "benchmarks") for path in (DOCS.parent / folder).rglob("*.py")]
    named = {
        page for path in sources for page in re.findall(r"docs/(?:\w+/)*\w+\.md", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [page for page in sorted(named) if not (DOCS.parent / page).exists()] == []


def write() -> None:
    """Replace the tables in docs/ by those of the models."""
    for page, models in PAGES.items():
        path = DOCS / f"{page}.md"
        text = path.read_text(encoding="utf-8")
        for params in models:
            start = re.escape(f"<!-- {params.__name__}:")
            text = re.sub(f"{start}.*?<!-- end -->", lambda _, p=params: marked(p), text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")
    for page in PARTS:
        path = DOCS / f"{page}.md"
        start, text = re.escape(f"<!-- PreprocessParams of {page}:"), path.read_text(encoding="utf-8")
        text = re.sub(f"{start}.*?<!-- end -->", lambda _, p=page: marked_part(p), text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")
    path = DOCS / "metrics.md"
    text = path.read_text(encoding="utf-8")
    text = re.sub("<!-- UnitMetrics:.*?<!-- end -->", lambda _: columns(), text, flags=re.DOTALL)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
