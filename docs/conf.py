"""How Sphinx builds the site: `sphinx-build -W -b html docs docs/_build/html`. Nothing is taken from the network."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import myst_nb.core.render

import spikesieve

HERE = Path(__file__).parent

project = "spikesieve"
author = "the spikesieve developers"
project_copyright = author
release = version = spikesieve.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "reference/generated/*.md"]
templates_path = ["_templates"]
highlight_language = "none"

# Pages
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

# Tutorials are executed when the site is built. SPIKESIEVE_DOCS_EXECUTE=off shows them without results.
nb_execution_mode = os.environ.get("SPIKESIEVE_DOCS_EXECUTE", "cache")
if nb_execution_mode == "off":
    suppress_warnings = ["myst-nb.lexer"]  # only an executed notebook says its language
nb_execution_cache_path = str(HERE / "_build" / "executed")
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True
# The notebook that compares two methods takes 20 s of a recording here instead of ten minutes.
os.environ |= {
    "SPIKESIEVE_SIMULATE_S": "20",
    "SPIKESIEVE_COMPARE_ORACLE": "false",
    "SPIKESIEVE_COMPARE_MOST_PAIRS": "3",
}
# The kernel asks all programs for colours, which a page would show as control codes.
os.environ["TTY_COMPATIBLE"] = "0"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # with tables


def _one_text(outputs: list[Any]) -> list[Any]:
    """Join what a program printed in pieces. myst-nb ends a line after each of them, in the middle of a word."""
    joined: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined[f"output {len(joined)}"] = output
        elif output["name"] in joined:
            joined[output["name"]]["text"] += output["text"]
        else:
            joined[output["name"]] = output
    return list(joined.values())


myst_nb.core.render.coalesce_streams = _one_text

# Reference
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections have them
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = {
    "ndarray": "numpy.ndarray",
    "Path": "pathlib.Path",
    **{name: f"spikesieve.{name}" for name in spikesieve.__all__ if name[0].isupper()},
}
numpydoc_xref_ignore = {"of", "shape", "optional", "or", "default", "None"}
intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable/", "inventories/numpy.inv"),
    "spikeinterface": ("https://spikeinterface.readthedocs.io/en/stable/", "inventories/spikeinterface.inv"),
    "python": ("https://docs.python.org/3/", "inventories/python.inv"),
}

# Appearance
html_theme = "pydata_sphinx_theme"
html_title = "spikesieve"
# MathJax from its package: as an extension, that package would stop Sphinx from reading pages side by side.
html_static_path = ["_static", str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static")]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_depth": 2,
    "navigation_with_keys": False,
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
