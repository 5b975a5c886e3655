"""Sorts a recording while the system itself fails: each time a sentence and status 2, or the right result.

    python benchmarks/real_faults.py WORKDIR [--rounds 8] [--methods sieve kilosort4 kilosort2]
        [--kinds full permission recording flipped clock worker]

full        the results are on a file system in memory that is too small, and gets a little larger after each failure
permission  the sort runs as the user nobody, and its folders are taken from it at a random moment
recording   at a random moment the file gets shorter or longer, other samples, another name, or is removed
flipped     a sort is killed at a random moment, and one bit of one stored file is flipped
clock       the clock jumps by days and years in both directions, all the time (libfaketime)
worker      one of two worker processes is killed at a random moment

After each fault the same sort is given once more, and its result is compared with that of an undisturbed one. Linux
only; `full` and `permission` need root. Sorts are forked from this process, those under `clock` are commands.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from killing import unlike
from small_files import METHODS, spiking, write_raw

import spikesieve
from spikesieve.cli.app import app

NOBODY = 65534
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
JUMPS = ("+0", "-400d", "+3000d", "-1h", "+2h", "-20d")
# What depends on the name and the time of the recording.
OF_FILE = {"params.py", "segments.csv"}


@dataclass
class Tally:
    """What happened in the rounds of one kind of fault."""

    n_sentences: int = 0
    n_results: int = 0
    wrong: list[str] = field(default_factory=list)
    where: Counter[str] = field(default_factory=Counter)

    def ended(self, status: int, said: str) -> bool:
        """Note how a sort ended; returns whether there is a result."""
        if status == 0:
            self.n_results += 1
        elif status == 2 and said.count("Error: ") == 1 and "Traceback" not in said:
            self.n_sentences += 1
        else:
            self.wrong.append(f"status {status}: {said[-800:]}")
        return status == 0

    def same(self, wholes: list[Path], out: Path) -> None:
        """Note whether a result is one of the right ones."""
        differ = [set(unlike(whole, out)) - OF_FILE for whole in wholes]
        if all(differ):
            self.wrong.append(f"other bytes: {differ}")


@dataclass(frozen=True)
class Bench:
    """A recording, a method, and where the sorts are."""

    raw: Path
    method: str
    folder: Path
    seconds: float
    chance: random.Random

    def command(self, out: Path) -> list[str]:
        """Arguments of `spikesieve`."""
        words = ["sort", str(self.raw), "--channels", "4", "--sampling-hz", "30000", "--gain-uv", "1", "--jobs", "1"]
        chosen = [word for override in METHODS[self.method] for word in ("--set", override)]
        return [*words, "--probe", "linear:4:25", "--out", str(out), *chosen]

    def whole(self, name: str) -> Path:
        """The result of an undisturbed sort of the recording as it is now."""
        out = self.folder / name
        shutil.rmtree(out, ignore_errors=True)
        status, said = finish(*fork(lambda: app(self.command(out)), self.folder / "log"))
        if status:
            raise SystemExit(said)
        return out

    def moment_s(self) -> float:
        """A random moment of a sort."""
        return self.chance.uniform(0.0, self.seconds)


def fork(work: Callable[[], object], log: Path, user: int | None = None) -> tuple[int, Path]:
    """Fork a process that does some work; returns its number and what it says."""
    sys.stdout.flush()
    log.unlink(missing_ok=True)
    with log.open("w") as said:
        pid = os.fork()
        if pid:
            return pid, log
        os.setpgid(0, 0)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    status = 1
    try:
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  this process must not go on as its parent
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def finish(pid: int, log: Path) -> tuple[int, str]:
    """Wait for a process; returns its status and what it said."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), " ".join(log.read_text(errors="replace").split())


def full(bench: Bench, rounds: int, tally: Tally) -> None:
    """A file system that is too small."""
    whole = bench.whole("whole")
    for _ in range(max(1, rounds // 4)):
        disk, n_kb = bench.folder / "disk", bench.chance.randrange(8, 64)
        disk.mkdir(exist_ok=True)
        command = bench.command(disk / "out")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={n_kb}k", "tmpfs", str(disk)], check=True)
        try:
            while True:
                status, said = finish(*fork(partial(app, command), bench.folder / "log"))
                if tally.ended(status, said) or status != 2:
                    break
                if "The disk is full" not in said or str(disk) not in said or "MB left" not in said:
                    tally.wrong.append(said)
                n_kb += bench.chance.randrange(24, 160)
                subprocess.run(["mount", "-o", f"remount,size={n_kb}k", str(disk)], check=True)
            tally.same([whole], disk / "out")
            tally.where["left over"] += len(list(disk.glob(".*")))
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def permission(bench: Bench, rounds: int, tally: Tally) -> None:
    """Folders that are taken from the user."""
    whole, home = bench.whole("whole"), bench.folder / "nobody"
    bench.raw.chmod(0o644)
    for _ in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        pid, log = fork(lambda: app(bench.command(home / "out")), bench.folder / "log", NOBODY)
        time.sleep(bench.moment_s())
        for path in [home, *(path for path in home.rglob("*") if path.is_dir())]:
            os.chown(path, 0, 0)
        tally.ended(*finish(pid, log))
        for path in [home, *home.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        if not (home / "out").exists():
            ended = finish(*fork(lambda: app(bench.command(home / "out")), bench.folder / "log", NOBODY))
            tally.ended(*ended)
        tally.same([whole], home / "out")


def spoil(raw: Path, how: str, chance: random.Random) -> None:
    """Change a recording."""
    n_bytes = raw.stat().st_size
    if how == "shorter":
        os.truncate(raw, chance.randrange(n_bytes // 2, n_bytes) // 8 * 8)
    elif how == "longer":
        with raw.open("ab") as file:
            file.write(bytes(80_000))
    elif how == "other samples":
        with raw.open("rb+") as file:
            file.seek(chance.randrange(n_bytes - 80_000))
            file.write(chance.randbytes(4_000))
    elif how == "another name":
        raw.rename(raw.with_suffix(".moved"))
    else:
        raw.unlink()


def recording(bench: Bench, rounds: int, tally: Tally) -> None:
    """A recording that changes."""
    data, out = bench.raw.read_bytes(), bench.folder / "out"
    whole = bench.whole("whole")
    for number in range(rounds):
        how = ("shorter", "longer", "other samples", "another name", "removed")[number % 5]
        shutil.rmtree(out, ignore_errors=True)
        pid, log = fork(lambda: app(bench.command(out)), bench.folder / "log")
        time.sleep(bench.moment_s())
        spoil(bench.raw, how, bench.chance)
        has_result = tally.ended(*finish(pid, log))
        tally.where[f"{how}: {'result' if has_result else 'sentence'}"] += 1
        if has_result:
            # The change came before the file was opened, or when the result was there.
            later = [bench.whole("later")] if bench.raw.exists() else []
            tally.same([whole, *later], out)
        bench.raw.write_bytes(data)
        shutil.rmtree(out, ignore_errors=True)
        if tally.ended(*finish(*fork(lambda: app(bench.command(out)), bench.folder / "log"))):
            tally.same([whole], out)


def kind_of(path: Path, steps: Path) -> str:
    """What kind of stored file this is."""
    where = path.relative_to(steps).as_posix()
    unfinished = "of an unfinished step" if ".unfinished" in where else "of a step"
    if "/" not in where:
        return where
    if re.search(r"checkpoint-\d|results-\d", where):
        inner = "checkpoint" if "checkpoint" in where else "results"
        return f"{path.suffix.lstrip('.')} of {inner}"
    return f"{path.suffix.lstrip('.') or path.name} {unfinished}"


def flipped(bench: Bench, rounds: int, tally: Tally) -> None:
    """A bit of a stored file."""
    whole, out, steps = bench.whole("whole"), bench.folder / "out", bench.folder / ".out.steps"
    for _ in range(3 * rounds):
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(steps, ignore_errors=True)
        pid, log = fork(lambda: app(bench.command(out)), bench.folder / "log")
        time.sleep(bench.moment_s())
        os.killpg(pid, signal.SIGKILL)
        finish(pid, log)
        files = [path for path in steps.rglob("*") if path.is_file() and path.stat().st_size] if steps.exists() else []
        if files and not out.exists():
            kinds = {kind_of(path, steps): path for path in bench.chance.sample(files, len(files))}
            kind = min(kinds, key=lambda kind: tally.where[kind])
            data = bytearray(kinds[kind].read_bytes())
            data[bench.chance.randrange(len(data))] ^= 1 << bench.chance.randrange(8)
            kinds[kind].write_bytes(data)
            tally.where[kind] += 1
        if not out.exists():
            tally.ended(*finish(*fork(lambda: app(bench.command(out)), bench.folder / "log")))
        tally.same([whole], out)


def clock(bench: Bench, rounds: int, tally: Tally) -> None:
    """A clock that jumps, while a sort is killed once and goes on."""
    whole, out, now = bench.whole("whole"), bench.folder / "out", bench.folder / "clock"
    asks = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_NO_CACHE": "1"}
    env = os.environ | asks | {"DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    for _ in range(max(1, rounds // 4)):
        shutil.rmtree(out, ignore_errors=True)
        for is_killed in (True, False):
            now.write_text(bench.chance.choice(JUMPS))
            begun, words = time.monotonic(), [sys.executable, "-m", "spikesieve", *bench.command(out)]
            process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            lasts_s = bench.chance.uniform(5.0, 5.0 + bench.seconds) if is_killed else 1e9
            while process.poll() is None and time.monotonic() < begun + lasts_s:
                time.sleep(0.1)
                now.write_text(bench.chance.choice(JUMPS))
                tally.where["jumps"] += 1
            if process.poll() is None:
                process.kill()
                process.communicate()
            else:
                said = " ".join(process.communicate()[0].split())
                tally.ended(process.returncode, said)
                if re.search(r"-\d[\d.]* (s|min|h|days)", said):
                    tally.wrong.append(f"a negative time: {said}")
        tally.same([whole], out)


def worker(bench: Bench, rounds: int, tally: Tally) -> None:
    """One of two worker processes is killed."""
    recording = spikesieve.read_recording(bench.raw, 4, 30_000.0, gain_uv=1.0)
    settings = spikesieve.Settings().with_overrides(METHODS[bench.method])

    def sort(name: str) -> None:
        out = bench.folder / name
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            resources = spikesieve.Resources(n_jobs=2, executor=pool, folder=bench.folder / f"{name}-steps")
            try:
                sorting = spikesieve.sort(recording, "linear:4:25", settings, resources=resources)
            except (spikesieve.SpikesieveError, BrokenProcessPool) as error:
                print(f"Error: {error}")
                raise SystemExit(2 if isinstance(error, spikesieve.SpikesieveError) else 1) from error
        sorting.save(out)

    for name in ("whole", "out"):
        for path in (bench.folder / name, bench.folder / f"{name}-steps"):
            shutil.rmtree(path, ignore_errors=True)
    whole, out = bench.folder / "whole", bench.folder / "out"
    finish(*fork(lambda: sort("whole"), bench.folder / "log"))
    for _ in range(rounds):
        pid, log = fork(lambda: sort("out"), bench.folder / "log")
        time.sleep(bench.moment_s())
        children = psutil.Process(pid).children() if psutil.pid_exists(pid) else []
        for child in children[:1]:
            child.kill()
        tally.where["killed"] += len(children[:1])
        tally.ended(*finish(pid, log))
        if not out.exists():
            tally.ended(*finish(*fork(lambda: sort("out"), bench.folder / "log")))
        tally.same([whole], out)
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(bench.folder / "out-steps", ignore_errors=True)


KINDS: dict[str, Callable[[Bench, int, Tally], None]] = {
    each.__name__: each for each in (full, permission, recording, flipped, clock, worker)
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=["sieve", "kilosort4", "kilosort2"])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder = args.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    raw = write_raw(folder, spiking(2.0))
    print("| fault | method | sentences | results | wrong | where |\n|---|---|---|---|---|---|", flush=True)
    for method in args.methods:
        bench = Bench(raw, method, folder, 0.0, random.Random(f"{args.seed} {method}"))
        app(bench.command(folder / "warm"), standalone_mode=False)
        begun = time.monotonic()
        bench.whole("timed")
        bench = Bench(raw, method, folder, time.monotonic() - begun, bench.chance)
        for path in (folder / "warm", folder / "timed"):
            shutil.rmtree(path)
        for kind in args.kinds:
            tally = Tally()
            KINDS[kind](bench, args.rounds, tally)
            where = ", ".join(f"{name} {n}" for name, n in sorted(tally.where.items()) if n)
            row = (kind, method, tally.n_sentences, tally.n_results, len(tally.wrong), where)
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            for text in tally.wrong:
                print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
