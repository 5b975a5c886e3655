"""All settings of a sort and of a comparison, one model for each stage; quick to import.

Examples
--------
>>> Settings().with_overrides(["detect.threshold=8"]).detect.threshold
8.0
"""

from spikesieve.settings.sort import Settings

__all__ = ["Settings"]
