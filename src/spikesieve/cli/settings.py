"""The command `spikesieve settings`."""

from __future__ import annotations

import typer

from spikesieve.cli.root import app


@app.command("settings")
def print_settings() -> None:
    """Print all settings with defaults, bounds and Kilosort4's names, as a TOML file to edit."""
    from spikesieve.settings.toml import settings_toml

    typer.echo(settings_toml(), nl=False)
