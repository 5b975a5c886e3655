"""Extension of the Jupyter server: the pages of spikesieve below `spikesieve/`, behind Jupyter's own login.

`spikesieve/` opens the page for sorting. `spikesieve/PORT/` leads to a page that a notebook opened with
`spikesieve.view`. Jupyter loads it only where it is installed; nothing else of spikesieve imports it.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter what to load."""
    return [{"module": "spikesieve.jupyter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add the addresses to a Jupyter server."""
    from jupyter_server.base.handlers import JupyterHandler

    from spikesieve.jupyter.handlers import addresses

    server.web_app.add_handlers(".*$", addresses(JupyterHandler, server.web_app.settings["base_url"], server.root_dir))
