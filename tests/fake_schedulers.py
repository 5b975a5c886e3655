"""Commands that stand in for PBS, LSF and SGE: a job is a process of this machine, in a group of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# By the scheduler: how a job is submitted and ended, what is said of it, and the variable that has its number.
COMMANDS = {
    "pbs": ("qsub", "qdel", "{}.here", "PBS_JOBID"),
    "lsf": ("bsub", "bkill", "Job <{}> is submitted to queue <normal>.", "LSB_JOBID"),
    "sge": ("qsub", "qdel", 'Your job {} ("worker") has been submitted', "JOB_ID"),
}
SUBMIT = """#!{python}
import os, pathlib, subprocess, sys
script = pathlib.Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else sys.stdin.read()
folder = pathlib.Path({folder!r})
number = len(list(folder.glob("*.job"))) + 1
job = folder / f"{{number}}.job"
job.write_text(script)
with open(folder / f"{{number}}.txt", "w") as printed:
    started = subprocess.Popen(
        ["bash", str(job)], stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, start_new_session=True,
        env=os.environ | {{{variable!r}: {said!r}.format(number) if {variable!r} == "PBS_JOBID" else str(number)}},
    )
(folder / f"{{number}}.pid").write_text(str(started.pid))
print({said!r}.format(number))
"""
END = """#!{python}
import os, pathlib, signal, sys
number = sys.argv[1].partition(".")[0]
try:
    os.killpg(int((pathlib.Path({folder!r}) / (number + ".pid")).read_text()), signal.SIGKILL)
except ProcessLookupError:
    sys.exit(1)
"""


def put_commands(scheduler: str, folder: Path) -> Path:
    """Write the commands of a scheduler; returns their folder. Scripts, numbers and what is printed are in `folder`."""
    submit, end, said, variable = COMMANDS[scheduler]
    commands = folder / "bin"
    commands.mkdir(parents=True)
    facts = {"python": sys.executable, "folder": str(folder), "said": said, "variable": variable}
    for name, text in ((submit, SUBMIT), (end, END)):
        (commands / name).write_text(text.format(**facts))
        (commands / name).chmod(0o755)
    if scheduler == "lsf":
        # dask-jobqueue asks for the version, and reads the job from the standard input since version 10.
        (commands / "lsid").write_text("#!/bin/sh\necho 'IBM Spectrum LSF Standard 10.1.0.0'\n")
        (commands / "lsid").chmod(0o755)
    return commands


def path_with(commands: Path) -> str:
    """PATH with the commands first."""
    return os.pathsep.join((str(commands), os.environ["PATH"]))
