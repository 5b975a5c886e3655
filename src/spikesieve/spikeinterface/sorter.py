"""The sorter that SpikeInterface runs."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from spikeinterface.core import NumpySorting
from spikeinterface.sorters import BaseSorter

from spikesieve.errors import InputError
from spikesieve.io.recordings.spikeinterface import from_spikeinterface, probe_of_spikeinterface
from spikesieve.spikeinterface.params import SorterParams, params_description
from spikesieve.spikeinterface.sort_folder import sort_folder
from spikesieve.spikeinterface.sorting import to_sorting


class SpikesieveSorter(BaseSorter):  # type: ignore[misc]  # SpikeInterface has no types
    """spikesieve as a sorter of SpikeInterface. `register` makes it known under the name "spikesieve".

    Parameters are all settings of a sort, nested by stage (`detect={"threshold": 8}`) or with full names
    (`**{"detect.threshold": 8}`), Kilosort's names, and `n_jobs`, `memory` and `known_motion`. The folder
    `sorter_output` is a whole result folder: open it in Phy, or read its `report.html`.
    """

    sorter_name = "spikesieve"
    requires_locations = False  # the recording's probe is checked when the folder is made: shanks may overlap
    gpu_capability = "not-supported"
    requires_binary_data = False
    handle_multi_segment = True
    sorter_description = (
        "spikesieve sorts on ordinary processors. It follows drift per shank, resolves overlapping spikes by matching "
        "templates in tissue coordinates, and gives each unit a label with a reason."
    )
    installation_mesg = "\nTo use spikesieve run:\n\n   >>> pip install spikesieve\n"

    @classmethod
    def is_installed(cls) -> bool:
        """Tell that the sorter can run.

        Returns
        -------
        bool
            True.
        """
        return True

    @classmethod
    def get_sorter_version(cls) -> str:
        """Return the version of spikesieve.

        Returns
        -------
        str
            Such as "0.1.0".
        """
        return metadata.version("spikesieve")

    @classmethod
    def default_params(cls) -> dict[str, Any]:
        """Return all parameters with their defaults.

        Returns
        -------
        dict
            Settings nested by stage, then the resources.
        """
        return SorterParams.of({}).as_dict()

    @classmethod
    def params_description(cls) -> dict[str, str]:
        """Describe every parameter in a line.

        Returns
        -------
        dict of str to str
            By group ("detect") and by full name ("detect.threshold").
        """
        return params_description()

    @classmethod
    def initialize_folder(
        cls, recording: Any, output_folder: Path | str | None, verbose: bool, remove_existing_folder: bool
    ) -> Path:
        """Make the folder of a sort, after a look at whether the recording can be sorted.

        Parameters
        ----------
        recording : spikeinterface.BaseRecording
            What to sort.
        output_folder : Path, str or None
            The folder; None: spikesieve_output.
        verbose : bool
            Not used here.
        remove_existing_folder : bool
            Replace an older folder.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            The recording has no probe, is empty or is of a type that cannot be sorted, or exists in memory alone. The
            older folder is still there then.
        """
        found = from_spikeinterface(recording)
        if probe_of_spikeinterface(recording, found.name) is None:
            raise InputError(
                f"The recording {found.name!r} does not say where its contacts are. Set its probe: "
                "recording.set_probe(probe)."
            )
        if not any(recording.check_serializability(kind) for kind in ("json", "pickle")):
            raise InputError(
                f"{type(recording).__name__} exists in the memory of this process alone, but SpikeInterface runs "
                "sorters on recordings that it can open again. Save it first, recording = recording.save(folder=...), "
                "or sort it without a folder: spikesieve.spikeinterface.to_sorting(spikesieve.sort(recording))."
            )
        made: Path = super().initialize_folder(recording, output_folder, verbose, remove_existing_folder)
        return made

    @classmethod
    def set_params_to_folder(
        cls, recording: Any, output_folder: Path, new_params: dict[str, Any], verbose: bool
    ) -> dict[str, Any]:
        """Check the parameters of a sort and keep all of them in its folder.

        Parameters
        ----------
        recording : spikeinterface.BaseRecording
            What to sort.
        output_folder : Path
            The folder.
        new_params : dict
            Parameters that differ from the defaults.
        verbose : bool
            Not used here.

        Returns
        -------
        dict
            All parameters.

        Raises
        ------
        SettingsError
            A name is unknown, or a value is wrong, given twice or without effect.
        """
        checked = SorterParams.of(new_params).as_dict()
        made: dict[str, Any] = super().set_params_to_folder(recording, output_folder, checked, verbose)
        return made

    @classmethod
    def _setup_recording(
        cls, recording: Any, sorter_output_folder: Path, params: dict[str, Any], verbose: bool
    ) -> None:
        """Nothing to prepare: the recording is read where it is."""

    @classmethod
    def _run_from_folder(cls, sorter_output_folder: Path, params: dict[str, Any], verbose: bool) -> None:
        recording = cls.load_recording_from_folder(sorter_output_folder.parent, with_warnings=False)
        sort_folder(recording, Path(sorter_output_folder), params, verbose)

    @classmethod
    def _get_result_from_folder(cls, sorter_output_folder: Path) -> NumpySorting:
        folder = Path(sorter_output_folder)
        try:
            recording = cls.load_recording_from_folder(folder.parent, with_warnings=False)
        # Its files may have been moved, and each reader says that in its own way.
        except Exception:  # noqa: BLE001  a reader of another library may raise anything
            recording = None
        return to_sorting(folder, recording)
