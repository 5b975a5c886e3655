"""The verbs of the sorting page: a dictionary in, a dictionary out. Each checks what it is given."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikesieve.api.info import RecordingInfo, recording_info
from spikesieve.api.kept_steps import steps_folder
from spikesieve.api.save import LOG_NAME
from spikesieve.api.sort_queue import start_queue
from spikesieve.api.sorting_page.asked import RecordingAsked, SortAsked, arguments, placed, settings_of, valid
from spikesieve.api.sorting_page.pictures import Pictures
from spikesieve.api.sorting_page.preview import Previews
from spikesieve.api.sorting_page.preview_verbs import PreviewVerbs
from spikesieve.api.sorting_page.time_left import seconds_left
from spikesieve.api.sorting_page.together import TogetherVerbs
from spikesieve.app.wire import message
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.finished_folder import numbered
from spikesieve.io.jobs import PAUSED, RUNNING, WAITING, Jobs
from spikesieve.io.roots import Roots
from spikesieve.io.tail import tail
from spikesieve.model import Probe
from spikesieve.settings.form import changed, changed_toml, checked, kilosort4_json, settings_form
from spikesieve.settings.sort import Settings

Verb = Callable[[Mapping[str, Any]], dict[str, Any] | bytes]


class Desk:
    """What the sorting page works with.

    Parameters
    ----------
    roots : Roots
        The folders that may be looked into.
    state : Path
        Folder of what must be found again: sorts, and probes that were given as tables.
    """

    def __init__(self, roots: Roots, state: Path) -> None:
        self.roots = roots
        self.jobs = Jobs(state / "sorts")
        self.probes = state / "probes"
        previews = Previews()
        self.previews, self.pictures_of = PreviewVerbs(roots, self.probes, previews), Pictures()
        self.together = TogetherVerbs(roots, self.probes, self.jobs, previews)

    def looking(self) -> dict[str, Verb]:
        """List what changes nothing.

        Returns
        -------
        dict of str to callable
            Verbs by name.
        """
        return {
            "start": self.start,
            "browse": self.browse,
            "describe": self.describe,
            "check": self.check,
            "import": self.take_in,
            "command": self.command,
            "log": self.log,
            "pictures": self.pictures,
            **self.previews.looking(),
            **self.together.looking(),
        }

    def acting(self) -> dict[str, Verb]:
        """List what starts or stops something.

        Returns
        -------
        dict of str to callable
            Verbs by name.
        """
        own = {"sort": self.sort, "stop": self.stop, "pause": self.pause, "go-on": self.go_on}
        own["forget"] = self.forget
        return {**own, **self.together.acting()}

    def start(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Collect what the page begins with.

        Parameters
        ----------
        asked : mapping
            Nothing.

        Returns
        -------
        dict
            The `roots`, and the `form` of the settings.
        """
        return {"roots": list(map(str, self.roots.folders)), "form": settings_form()}

    def browse(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """List a folder.

        Parameters
        ----------
        asked : mapping
            `path`.

        Returns
        -------
        dict
            A `Listing`.
        """
        return asdict(self.roots.listing(str(asked.get("path", ""))))

    def describe(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Say what a recording is, as `spikesieve info` does.

        Parameters
        ----------
        asked : mapping
            A `RecordingAsked`.

        Returns
        -------
        dict
            The facts of `spikesieve info`, the contacts of the probe, and a free name for the result.
        """
        recording = valid(RecordingAsked, asked)
        files = placed(recording, self.roots, self.probes)
        found = recording_info(files.files, files.options, files.probe)
        return {**found.facts(), "contacts": _contacts(found), "out": str(self._free_place(files.files[0]))}

    def check(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Check the settings that were filled in.

        Parameters
        ----------
        asked : mapping
            `values` by full name.

        Returns
        -------
        dict
            `wrong`: sentences by name; `unused`: a sentence on settings that the method does not use; `values` that are
            not default, the same as `toml`, and as `kilosort4` writes them; `only_here` are not in the latter.
        """
        settings, wrong = checked(dict(asked.get("values", {})))
        unused = ""
        try:
            settings.require_used()
        except SettingsError as error:
            unused = str(error)
        kilosort4, only_here = kilosort4_json(settings)
        written = {"toml": changed_toml(settings), "kilosort4": kilosort4, "only_here": only_here}
        return {"wrong": wrong, "unused": unused, "values": changed(settings), **written}

    def take_in(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Read a file of settings: TOML, or the JSON that Kilosort4 exports.

        Parameters
        ----------
        asked : mapping
            `name` of the file and its `text`.

        Returns
        -------
        dict
            `values` that are not default.
        """
        suffix = ".json" if str(asked.get("name", "")).lower().endswith(".json") else ".toml"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"settings{suffix}"
            path.write_text(str(asked.get("text", "")), encoding="utf-8")
            return {"values": changed(Settings.from_file(path))}

    def command(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Write the command line that does the same.

        Parameters
        ----------
        asked : mapping
            A `SortAsked`.

        Returns
        -------
        dict
            `command`.
        """
        return {"command": _line(self._arguments(valid(SortAsked, asked)))}

    def sort(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let a sort wait for its turn, which comes at once if none runs.

        Parameters
        ----------
        asked : mapping
            A `SortAsked`.

        Returns
        -------
        dict
            `key` of the sort.
        """
        sort = valid(SortAsked, asked)
        words, out = self._arguments(sort), self.roots.inside(sort.out)
        key = self.jobs.add(Path(sort.recording.paths[0]).name, sort.recording.paths, str(out), words)
        start_queue(self.jobs.folder)
        return {"key": key}

    def stop(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Stop a sort. What is finished stays.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        dict
            All sorts.
        """
        self.jobs.stop(self._key(asked))
        return self.sorts()

    def pause(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let a sort rest, with all its memory, until it goes on.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        dict
            All sorts.
        """
        self.jobs.pause(self._key(asked))
        return self.sorts()

    def go_on(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let a sort that was paused or stopped go on where it was.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        dict
            All sorts.
        """
        key = self._key(asked)
        if self.jobs.state(key) == PAUSED:
            self.jobs.resume(key)
        else:
            self.jobs.wait_again(key)
            start_queue(self.jobs.folder)
        return self.sorts()

    def forget(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a sort out of the list.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        dict
            All sorts.
        """
        self.jobs.forget(self._key(asked))
        return self.sorts()

    def log(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Read the log of a sort.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        dict
            `text`: what the command printed, and the end of its log.
        """
        key = self._key(asked)
        out = Path(self.jobs.read(key).out)
        log = tail(steps_folder(out) / LOG_NAME) or tail(out / LOG_NAME)
        return {"text": f"{self.jobs.output(key)}\n{log}".strip()}

    def pictures(self, asked: Mapping[str, Any]) -> bytes:
        """Show what a sort has found so far.

        Parameters
        ----------
        asked : mapping
            `key` of the sort.

        Returns
        -------
        bytes
            See `Pictures.of`.
        """
        return message(*self.pictures_of.of(Path(self.jobs.read(self._key(asked)).out)))

    def sorts(self) -> dict[str, Any]:
        """List all sorts whose results may be looked at.

        Returns
        -------
        dict
            `sorts`, the first added first, each with its state and progress.
        """
        states = {key: state for key, state in self.jobs.states().items() if self._is_mine(key)}
        if WAITING in states.values() and self.jobs.running() is None:
            start_queue(self.jobs.folder)
        return {"sorts": [self._sort_facts(key, state) for key, state in states.items()]}

    def _sort_facts(self, key: str, state: str) -> dict[str, Any]:
        job, progress = self.jobs.read(key), self.jobs.progress(key) or {}
        is_sort = job.arguments[0] == "sort"
        known = {name: progress.get(name) for name in ("stages", "memory_mb", "peak_memory_mb")}
        known["left_s"] = seconds_left(progress["stages"]) if is_sort and state == RUNNING else None
        known["pictures"] = self.pictures_of.finished(Path(job.out)) if is_sort else ""
        known["seconds"] = progress["at_s"] - progress["began_s"] if "at_s" in progress else None
        said = "" if state not in ("failed", "ended") else _last_sentence(self.jobs.output(key))
        facts = {"key": key, "state": state, "said": said, "what": job.arguments[0], "command": _line(job.arguments)}
        return {**facts, "name": job.name, "inputs": job.inputs, "out": job.out, "added": job.added, **known}

    def _key(self, asked: Mapping[str, Any]) -> str:
        key = str(asked.get("key", ""))
        if not self._is_mine(key):
            raise InputError("There is no such sort here.")
        return key

    def _is_mine(self, key: str) -> bool:
        """Whether a sort is known, and its result lies where this page may look."""
        try:
            self.roots.inside(self.jobs.read(key).out)
        except InputError:
            return False
        return True

    def _arguments(self, sort: SortAsked) -> tuple[str, ...]:
        settings = settings_of(sort.settings)
        recording = placed(sort.recording, self.roots, self.probes)
        return arguments(sort, recording, self.roots.inside(sort.out), settings)

    def _free_place(self, file: Path) -> Path:
        """A name for the result that is not taken: beside the recording, or in it where nothing else may be seen."""
        may_look_beside = any(file.parent.is_relative_to(root) for root in self.roots.folders)
        wanted = file.with_name(f"{file.stem}_sorted") if may_look_beside else file / "sorted"
        taken = self.jobs.outs()
        return next(each for each in numbered(wanted) if not each.exists() and str(each) not in taken)


def _line(words: tuple[str, ...]) -> str:
    return shlex.join(["spikesieve", *words])


def _last_sentence(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("Error: ", "Interrupted"))]
    return (errors or lines or [""])[-1]


def _contacts(found: RecordingInfo) -> dict[str, list[float]] | None:
    probe = found.probe
    return None if probe is None else contacts_of(probe)


def contacts_of(probe: Probe) -> dict[str, list[float]]:
    """List the contacts of a probe for drawing.

    Parameters
    ----------
    probe : Probe
        The probe.

    Returns
    -------
    dict
        `x` and `y` in um, `channel` and `shank` of each contact.
    """
    return {
        "x": probe.positions_um[:, 0].tolist(),
        "y": probe.positions_um[:, 1].tolist(),
        "channel": probe.channels.tolist(),
        "shank": probe.shanks.tolist(),
    }
