"""Settings of Kilosort4: each one means something, or a note says that it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikesieve import SettingsError
from spikesieve.kilosort import DEFAULT_SETTINGS
from spikesieve.kilosort.translate import DEFAULTS, OF_THE_RECORDING, WrongSettingsError, complete, translated
from spikesieve.settings.sort import Settings

ARGUMENTS = {"do_CAR": True, "invert_sign": False, "bad_channels": None, "shank_idx": ()}
OTHER = {
    "batch_size": 30_000,
    "nblocks": 5,
    "Th_universal": 8,
    "Th_learned": 7,
    "nt": 71,
    "batch_downsampling": 2,
    "artifact_threshold": 900.0,
    "nskip": 10,
    "whitening_range": 20,
    "highpass_cutoff": 200,
    "binning_depth": 4,
    "sig_interp": 30,
    "drift_smoothing": [1, 1, 1],
    "nt0min": 15,
    "dmin": 20,
    "dminx": 16,
    "min_template_size": 8,
    "template_sizes": 4,
    "nearest_chans": 8,
    "nearest_templates": 50,
    "max_channel_distance": 40,
    "max_peels": 50,
    "templates_from_data": False,
    "n_templates": 5,
    "n_pcs": 5,
    "Th_single_ch": 5,
    "acg_threshold": 0.1,
    "ccg_threshold": 0.2,
    "cluster_neighbors": 8,
    "cluster_downsampling": 10,
    "max_cluster_subset": 9000,
    "x_centers": 4,
    "cluster_init_seed": 1,
    "duplicate_spike_ms": 0.2,
    "position_limit": 50,
}
"""Another value than the default for each setting that is not one of the recording."""


def of(given, **arguments):
    return translated(complete({"n_chan_bin": 64, **given}), {**ARGUMENTS, **arguments})


def test_there_are_the_41_settings_of_kilosort4():
    assert len(DEFAULT_SETTINGS) == 41
    assert {*OTHER, *OF_THE_RECORDING} == set(DEFAULT_SETTINGS)
    assert DEFAULT_SETTINGS["n_chan_bin"] is None


@pytest.mark.parametrize("method", ["sieve", "kilosort4"])
@pytest.mark.parametrize("name", OTHER)
def test_a_setting_means_something_or_a_note_says_that_it_does_not(name, method):
    plain, none = of({"method": method})
    settings, notes = of({"method": method, name: OTHER[name]})
    assert none == ()
    assert (settings == plain) == bool(notes)
    assert all(note.startswith(f"{name}=") and "changes nothing." in note for note in notes)


def test_all_defaults_leave_sieve_as_it_is():
    assert of(DEFAULTS | {"n_chan_bin": 64}) == (Settings(), ())


def test_the_method_kilosort4_has_the_defaults_of_kilosort4():
    settings, _ = of({"method": "kilosort4"})
    assert (settings.method, settings.motion.n_sections, settings.detect.threshold) == ("kilosort4", 1, 9.0)
    assert settings.preprocess.artifact_threshold_uv is None
    assert settings == of(DEFAULTS | {"n_chan_bin": 64, "method": "kilosort4"})[0]


def test_arguments_and_full_names_are_settings():
    settings, notes = of({"motion.mode": "traces", "sig_interp": 30}, do_CAR=False, invert_sign=True, bad_channels=[3])
    assert settings.preprocess.reference == "none"
    assert settings.input.invert_sign
    assert settings.input.bad_channels == (3,)
    assert (settings.motion.mode, settings.tissue.traces_length_scale_um) == ("traces", 30.0)
    assert notes == ()


def test_numbers_may_be_numpys_or_floats():
    settings, _ = of({"batch_size": 3e4, "Th_universal": np.float64(8), "nblocks": np.int64(0)})
    assert (settings.engine.block_samples, settings.detect.threshold, settings.motion.n_sections) == (30_000, 8.0, 0)


@pytest.mark.parametrize("given", [{}, {"n_chan_bin": None}, {"n_chan_bin": 4, "Th_unversal": 8}])
def test_what_kilosort4_refuses_is_a_value_error(given):
    with pytest.raises(ValueError, match=r"n_chan_bin|detect\.threshold") as raised:
        complete(given)
    assert isinstance(raised.value, WrongSettingsError)


def test_a_value_out_of_range_is_an_error():
    with pytest.raises(SettingsError, match=r"match\.threshold|detect\.threshold"):
        of({"Th_universal": -1})


def test_infinite_artifact_threshold_is_none():
    assert of({"artifact_threshold": math.inf, "method": "kilosort4"})[0].preprocess.artifact_threshold_uv is None
