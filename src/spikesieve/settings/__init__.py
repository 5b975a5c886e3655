"""All settings of a sort and of a comparison: one model for each stage. Importing them is cheap."""

from spikesieve.settings.sort import Settings

__all__ = ["Settings"]
