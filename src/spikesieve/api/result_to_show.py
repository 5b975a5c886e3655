"""Reads a result of spikesieve, or any folder for Phy, for the views."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.finished import read_finished
from spikesieve.api.kept_index import kept_index
from spikesieve.api.phy_to_show import read_phy_to_show
from spikesieve.curation.actions import Membership, as_sorted
from spikesieve.curation.recompute import CurationParams
from spikesieve.curation.spike_index import SpikeIndex
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.curations.kept import Kept, stamp
from spikesieve.io.results.folder import RESULT_MARKER
from spikesieve.io.results.for_the_page import read_overview, read_preprocessing
from spikesieve.model import Recording, Sorting
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.sort import Settings
from spikesieve.settings.units import UnitsParams
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.views.result import Result, SpikeFeatures


def read_result_to_show(folder: Path, kept: Kept | None = None) -> Result:
    """Read a result.

    Parameters
    ----------
    folder : Path
        A result of spikesieve, or any folder that a sorter wrote for Phy.
    kept : Kept, optional
        Where it is kept which spikes each unit has. Default: nowhere.

    Returns
    -------
    Result
        For the views.

    Raises
    ------
    InputError
        The folder is no result, or is damaged.
    """
    kept = kept or Kept(folder, False)
    has_spikes = (folder / "spike_times.npy").is_file()
    if (folder / RESULT_MARKER).is_file():
        try:
            return _own_result(folder, kept)
        except InputError as error:
            if not has_spikes:
                raise
            # Written by an earlier version, or not whole: what Phy needs of it may be there.
            read = read_phy_to_show(folder, kept)
            return replace(read, missing=(f"It is shown as a folder for Phy: {error}", *read.missing))
    if has_spikes:
        return read_phy_to_show(folder, kept)
    raise InputError(
        f"{folder} is no result: it has neither {RESULT_MARKER} nor spike_times.npy. Give the folder that "
        "`spikesieve sort --out` made, or one that another sorter wrote for Phy."
    )


def _own_result(folder: Path, kept: Kept) -> Result:
    whole = read_finished(folder, is_mapped=True)
    settings = whole.facts["settings"]
    params = CurationParams(UnitsParams(**settings.get("units", {})), CurateParams(**settings.get("curate", {})))
    there = bool(whole.raw_files) and all(Path(path).is_file() for path in whole.raw_files)
    missing = () if there else ("The raw file is not where it was: spikes are shown as mean waveforms only.",)
    unit = "µV" if whole.facts["recording"]["gain_is_known"] else "raw"
    read_from = stamp(folder / f"{name}.npy" for name in ("spike_times", "spike_templates"))
    result = of_sorting(
        whole.sorting,
        folder.resolve().name,
        unit,
        params,
        whole.recording if there else None,
        kept_index(whole.sorting.spikes.unit, kept, read_from),
    )
    result = replace(result, overview=read_overview(folder), preprocessing=preprocessing_of(folder))
    return replace(result, missing=missing, read_from=read_from, settings=_settings(settings))


def preprocessing_of(folder: Path) -> Preprocessing | None:
    """Read the preprocessing with which a result was sorted.

    Parameters
    ----------
    folder : Path
        The result.

    Returns
    -------
    Preprocessing or None
        None if the sort wrote none, or an earlier version did.
    """
    found = read_preprocessing(folder)
    return found if isinstance(found, Preprocessing) else None


def _settings(found: dict[str, Any]) -> Settings | None:
    """The settings of the sort; None if an earlier version had others."""
    try:
        return Settings(**found)
    except (SettingsError, ValueError):
        return None


def of_sorting(
    sorting: Sorting,
    name: str,
    unit: str = "µV",
    params: CurationParams | None = None,
    recording: Recording | None = None,
    index: SpikeIndex | None = None,
) -> Result:
    """Make a sorting ready for the views.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    name : str
        What it is called.
    unit : str, optional
        Unit of its waveforms and amplitudes.
    params : CurationParams, optional
        Criteria of the labels.
    recording : Recording or None, optional
        The raw recording, where it is there.
    index : SpikeIndex or None, optional
        The spikes of each row of the unit table that has spikes, where that is known.

    Returns
    -------
    Result
        For the views.
    """
    units: Membership = as_sorted(sorting, index)
    return Result(
        name=name,
        kind="spikesieve",
        probe=sorting.probe,
        time=sorting.sorted_time,
        sample=sorting.spikes.sample,
        template=np.asarray(sorting.spikes.unit, np.int32),
        templates=sorting.templates,
        waveform_unit=unit,
        units=units,
        noise_sd_uv=sorting.noise_sd_uv,
        amplitude=sorting.spikes.amplitude_uv,
        amplitude_unit=unit,
        position_um=sorting.spikes.position_um,
        features=SpikeFeatures(sorting.spikes.features, sorting.feature_contacts),
        described={one.unit: one for one in sorting.units},
        labels={one.unit: one.label for one in sorting.units},
        sorting=sorting,
        recording=recording,
        params=params or CurationParams(),
    )
