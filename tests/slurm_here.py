"""A real SLURM on this machine, started by hand without systemd: munged, slurmctld and a slurmd for each node."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "scontrol")
CONF = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,requeue_delay=0
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 Port={node} CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start SLURM in a folder; yields the environment of its commands. Skips with a reason where that is impossible."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"SLURM needs {', '.join(missing) or 'root'} (Debian: apt-get install slurm-wlm munge)")
    controller, node = _free_ports(2)
    (folder / "munge").mkdir(parents=True)
    key = folder / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    memory_mb, cpus = psutil.virtual_memory().total // 2**20, os.cpu_count()
    facts = {"host": socket.gethostname(), "folder": folder, "controller": controller, "node": node}
    (folder / "slurm.conf").write_text(CONF.format(**facts, cpus=cpus, memory_mb=int(0.9 * memory_mb)))
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    names = {"key-file": key, "socket": folder / "munge" / "socket", "pid-file": folder / "munged.pid"}
    names |= {"log-file": folder / "munged.log", "seed-file": folder / "munge" / "seed"}
    try:
        for words in (
            ["munged", "--force", *(f"--{option}={path}" for option, path in names.items())],
            ["slurmctld", "-c"],
            ["slurmd", "-N", str(facts["host"])],
        ):
            done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
            if done.returncode:
                pytest.skip(f"{words[0]} does not start here: {done.stderr.strip()}")
        if not _waited(lambda: "idle" in _said(["sinfo", "-h", "-o", "%T"], environment), 60):
            pytest.skip(f"SLURM has no node here: {(folder / 'slurmd.log').read_text()[-500:]}")
        yield environment
    finally:
        subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True, timeout=60)
        for name in ("slurmd", "slurmctld", "munged"):
            _end(folder / f"{name}.pid")


def wait_until_empty(environment: dict[str, str], seconds: float) -> None:
    """Wait until no job is left."""
    assert _waited(lambda: not _said(["squeue", "-h"], environment), seconds), _said(["squeue"], environment)


def _said(words: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60).stdout.strip()


def _waited(condition, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def _end(pid_file: Path) -> None:
    """End a daemon that was started here, by its number."""
    if pid_file.is_file():
        process = psutil.Process(int(pid_file.read_text()))
        process.terminate()
        try:
            process.wait(30)
        except psutil.TimeoutExpired:
            process.kill()
