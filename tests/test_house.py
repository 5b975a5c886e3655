"""The rules of the house that a machine can check. They hold for every file in src/, whoever wrote it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
import reference
from house_code import MODULES, TREES, part
from paths import DOCS, PAGES
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import spikesieve
from spikesieve import kernels
from spikesieve.settings.params import Params

UNITS = ("_um", "_ms", "_s", "seconds", "_hz", "_uv", "_sd", "_samples")
IN_NOISE_SD = {
    "DetectParams.threshold",
    "Kilosort2Params.learn_threshold",
    "Kilosort2Params.order_threshold",
    "Kilosort2Params.threshold",
    "MatchParams.threshold",
}
"""Settings in noise SD whose names do not say so: Kilosort's names, and what is derived from them."""

PURE_NUMBERS = {
    "ClusterParams.min_bimodality",
    "ClusterParams.min_bimodality_if_not_refractory",
    "ClusterParams.resolution",
    "ClusterParams.min_link_ratio",
    "CurateParams.acg_probability",
    "CurateParams.acg_threshold",
    "CurateParams.ccg_probability",
    "CurateParams.ccg_threshold",
    "CurateParams.max_coincident_share",
    "CurateParams.merge_norm_ratio",
    "CurateParams.merge_similarity",
    "CurateParams.near_identical_norm_difference",
    "FaultParams.rails_per_min",
    "FaultParams.silences_per_min",
    "CurateParams.near_identical_similarity",
    "DriftParams.drift_events_per_min",
    "DriftParams.drift_step_at",
    "DriftParams.nonrigid",
    "FaultParams.artifacts_per_min",
    "FitParams.amplitude_cv",
    "FitParams.detection_threshold_ratio",
    "FitParams.final_log_odds",
    "FitParams.min_amplitude_ratio",
    "FitParams.min_log_odds",
    "FitParams.min_membership_odds",
    "Kilosort2Params.amplitude_penalty",
    "Kilosort2Params.first_momentum",
    "Kilosort2Params.last_momentum",
    "Kilosort2Params.split_posterior",
    "NoiseParams.channel_gain_spread",
    "NoiseParams.sensor_share",
    "NoiseParams.shared_share",
    "PopulationParams.background_per_unit",
    "PreprocessParams.dead_ratio",
    "PreprocessParams.noisy_ratio",
    "PreprocessParams.whitening_shrinkage",
    "RefineParams.phase_fragment_similarity",
    "RefineParams.merge_similarity_across_drift",
    "RefineParams.split_log_likelihood_gain",
    "RefineParams.split_separation",
    "RefineParams.refractory_log_odds",
    "TemplatesParams.duplicate_correlation",
    "TemplatesParams.duplicate_norm_difference",
    "TissueParams.noise_variance_ratio",
    "TrainParams.burst_drop",
    "TrainParams.bursting_share",
    "TrainParams.interval_shape",
    "TrainParams.shared_rate_spread",
    "TrainParams.slow_rate_spread",
    "TrainParams.spike_spread",
    "UnitsParams.max_missed_share",
    "UnitsParams.min_snr",
}
"""Real settings without a unit: shares, ratios, probabilities, counts. Add a new one after a decision."""

# What each part may import from the package, besides itself: one way, from the top (last) to the bottom (first).
MAY_IMPORT = {
    "__main__": {"cli"},
    "errors": set(),
    "settings": {"errors"},
    "kernels": set(),
    "model": {"errors", "api"},  # api: Sorting.save writes the result folder; imported only when it is called
    "geometry": {"model"},
    "metrics": {"kernels", "model"},
    "stages": {"kernels", "metrics", "geometry", "model", "errors", "settings"},
    "engine": {"stages", "kernels", "settings", "model", "errors"},
    "simulation": {"kernels", "geometry", "model", "errors", "settings"},
    "comparison": {"kernels", "model", "errors"},
    "curation": {"stages", "kernels", "metrics", "settings", "model", "errors"},
    "io": {"curation", "simulation", "engine", "kernels", "geometry", "model", "errors"},
    "draw": set(),
    "report": {"draw", "comparison", "kernels", "metrics", "geometry", "model", "errors"},
    "views": {"curation", "engine", "stages", "metrics", "geometry", "kernels", "settings", "model", "errors"},
    "app": {"draw", "views", "curation", "model", "errors"},
    "passes": {"settings", "stages", "engine", "kernels", "geometry", "model"},
    "methods": {"passes", "settings", "stages", "engine", "model"},
    "api": {
        *("methods", "passes", "settings", "stages", "kernels", "simulation", "comparison", "curation"),
        *("io", "report", "views", "app"),
        *("engine", "model", "errors"),
    },
    "batch": {"api", "report", "io", "engine", "settings", "model", "errors"},
    "spikeinterface": {"api", "io", "engine", "geometry", "model", "errors", "settings"},
    "cli": {"batch", "api", "settings", "comparison", "io", "engine", "model", "errors"},
    "jupyter": {"batch", "api", "app", "io"},
    "kilosort": {"api", "passes", "settings", "stages", "engine", "kernels", "io", "report", "model", "errors"},
}


def calls(tree: ast.Module) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return not node.name.startswith("_")


def imported_parts(tree: ast.Module) -> set[str]:
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    inner = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "spikesieve"
        for alias in node.names
    }
    return {part(name.removeprefix("spikesieve.")) for name in names | inner if name.startswith("spikesieve.")}


def all_params() -> list[type[Params]]:
    for module in pkgutil.walk_packages(spikesieve.__path__, "spikesieve."):
        importlib.import_module(module.name)

    def below(kind: type[Params]) -> Iterator[type[Params]]:
        for child in kind.__subclasses__():
            if child.__module__.startswith("spikesieve."):
                yield child
                yield from below(child)

    return list(dict.fromkeys(below(Params)))


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_imports_point_one_way(module):
    assert part(module) in MAY_IMPORT, f"say in MAY_IMPORT what {part(module)} may import"
    forbidden = imported_parts(TREES[module]) - MAY_IMPORT[part(module)] - {part(module)}
    assert not forbidden, f"{part(module)} must not import {forbidden}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_printed_outside_the_command_line(module):
    assert part(module) == "cli" or not {"print", "typer.echo"} & set(calls(TREES[module]))


@pytest.mark.parametrize("module", MODULES)
def test_no_assert_bare_except_or_global(module):
    for node in ast.walk(TREES[module]):
        assert not isinstance(node, ast.Assert | ast.Global), f"line {node.lineno}"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"line {node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_randomness_comes_from_a_generator(module):
    fine = {"default_rng", "Generator", "SeedSequence"}
    used = {call for call in calls(TREES[module]) if re.match(r"(np|numpy)\.random\.|random\.", call)}
    assert {call.rpartition(".")[2] for call in used} <= fine


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_left_to_do(module):
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_has_a_docstring(module):
    tree = TREES[module]
    assert ast.get_docstring(tree)
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node)]
    for scope in (tree, *(node for node in public if isinstance(node, ast.ClassDef))):
        for node in scope.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node):
                assert ast.get_docstring(node), f"{module}.{node.name}"


@pytest.mark.parametrize("params", all_params(), ids=lambda params: params.__name__)
def test_every_parameter_is_described_and_bounded(params):
    assert params.model_config["frozen"]
    assert params.model_config["extra"] == "forbid"
    for name, field in params.model_fields.items():
        assert field.description, name
        assert "\n" not in field.description
        assert not field.description.endswith("."), name
        if {int, float} & set(kinds(field.annotation)):
            assert field.metadata, f"{name} has no bounds"
        if not (inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)):
            assert params(**{name: field.default}), name


def kinds(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__args__", (annotation,))


def own_numbers() -> Iterator[tuple[str, FieldInfo]]:
    """Every numeric setting where it is declared, as Model.name."""
    for params in all_params():
        for name in params.__annotations__:
            field = params.model_fields.get(name)
            if field is not None and {int, float} & set(kinds(field.annotation)):
                yield f"{params.__name__}.{name}", field


def test_a_real_number_carries_its_unit_in_its_name_or_has_none():
    real = {name for name, field in own_numbers() if float in kinds(field.annotation)}
    assert {name for name in real if not name.endswith(UNITS)} == PURE_NUMBERS | IN_NOISE_SD


@pytest.mark.parametrize(
    ("words", "suffix", "others"),
    [(r"in s|length of recording", "_s", set()), (r"samples", "_samples", set()), (r"in noise SD", "_sd", IN_NOISE_SD)],
)
def test_a_unit_that_the_description_says_is_in_the_name(words, suffix, others):
    said = {name for name, field in own_numbers() if re.search(rf"\b({words})\b", field.description)}
    assert said, "no description says this: take it out"
    assert {name for name in said if not name.endswith(suffix)} <= others


ENDLESS_JUDGES = {"pursue": ["max_rounds"]}
"""What a judge does not take because it goes on to the end."""


@pytest.mark.parametrize("name", [name for name in kernels.__all__ if name.islower()])
def test_every_kernel_has_a_judge_with_the_same_arguments(name):
    kernel = getattr(kernels, name)
    judge = getattr(reference, name)
    wanted = list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)
    required = [p.name for p in inspect.signature(judge).parameters.values() if p.default is p.empty]
    assert required + ENDLESS_JUDGES.get(name, []) == wanted


def test_the_door_shows_exactly_what_it_says():
    shown = {name for name in dir(spikesieve) if not name.startswith("__")}
    assert shown == set(spikesieve.__all__) == set(spikesieve.HOMES)
    for name in spikesieve.__all__:
        thing = getattr(spikesieve, name)
        assert thing.__module__ == f"spikesieve.{spikesieve.HOMES[name]}", name
        assert thing.__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        spikesieve.nonsense  # noqa: B018


@pytest.mark.parametrize("package", [spikesieve, kernels])
def test_a_door_tells_type_checkers_the_same(package):
    module = f"{package.__name__}.__init__".removeprefix("spikesieve.")
    (block,) = (node for node in TREES[module].body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names if alias.name != "Any"}
    assert typed == {name: f"{package.__name__}.{home}" for name, home in package.HOMES.items()}
    assert set(typed) == set(package.__all__)


def test_every_page_of_the_docs_is_in_one_list_of_pages():
    listed = [
        (page.parent / name).resolve().relative_to(DOCS).as_posix()
        for page in PAGES
        for toctree in re.findall(
            r"^```\{toctree\}\n:hidden:\n\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
        )
        for name in toctree.split()
    ]
    pages = {page.with_suffix("").relative_to(DOCS).as_posix() for page in PAGES if page.parent != DOCS.parent}
    assert len(listed) == len(set(listed))
    assert set(listed) == (pages | {"reference/api", "notebooks/compare"}) - {"index"}
