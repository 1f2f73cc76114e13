"""A sweep as a job of Slurm: an array with a task for each shard, and its submission."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ttbench_core.errors import OptionError, RequestError, exit_text
from ttbench_core.sweeps.planning.cell import Cell

__all__ = ["SlurmError", "SlurmJob", "gpus_of", "read_slurm_options", "safe_name", "submit"]

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_NOT_SAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME: Final = 80
#: What the script says itself, with what the user has to write instead.
_OWN: Final = {"array": "--shards N", "chdir": "the folder that you submit from", "wrap": "FILE"}
#: The value that leaves out an option that the script has by default.
_LEFT_OUT: Final = "no"
_SUBMIT_S: Final = 120
_PREFIX: Final = re.compile(r"^sbatch: (error: )?")
_JOB: Final = re.compile(r"^([0-9]+)(;\S+)?$", re.MULTILINE)
_MAX_SAID: Final = 1000


class SlurmError(RequestError):
    """A job cannot be submitted; the message is that of `sbatch`."""


@dataclass(frozen=True)
class SlurmJob:
    """What the script of a sweep says."""

    #: Of the sweep.
    name: str
    shards: int
    #: Where it is submitted, which relative paths are relative to.
    folder: Path
    #: The words after `ttbench sweep`, without those about submitting.
    words: Sequence[str]
    #: What `--slurm` says, which wins: a value; None for an option without one.
    options: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    #: Of NVIDIA, that a task needs; 0 asks for none.
    gpus: int = 0
    #: The file of frozen times, in the folder; None deals cells out evenly.
    times: str | None = None

    def script(self) -> str:
        """Give the script; raises `SlurmError` for a folder that no script can name."""
        if not str(self.folder).isprintable():
            raise SlurmError(f"the folder {str(self.folder)!r} cannot be named in a script: move")
        name = safe_name(self.name)
        lines = [
            "#!/bin/bash",
            f"# The sweep {name}: each task of the array runs one of {self.shards} shards.",
            "# Written by ttbench sweep --on slurm. Submit it again to go on where it ended.",
            *self._directives(name),
            "",
            "# exec: the signals of Slurm reach the sweep, which ends as after Ctrl-C, with its",
            "# records, and goes on when the task is queued again.",
            *self._command(),
        ]
        return "\n".join(lines) + "\n"

    def _directives(self, name: str) -> Iterator[str]:
        known: dict[str, str | None] = {
            "job-name": name,
            "array": f"1-{self.shards}",
            "chdir": str(self.folder),
            "output": f"{name}-%A_%a.log",
            "open-mode": "append",
            # other jobs on the same node would be measured, too
            "exclusive": None,
            "requeue": None,
        }
        if self.gpus:
            known["gres"] = f"gpu:{self.gpus}"
        for option, value in {**known, **self.options}.items():
            if value != _LEFT_OUT:
                yield f"#SBATCH --{option}{'' if value is None else f'={shlex.quote(value)}'}"

    def _command(self) -> Iterator[str]:
        yield f"exec {shlex.quote(sys.executable)} -m ttbench_core sweep \\"
        yield f'    --shard "$SLURM_ARRAY_TASK_ID/{self.shards}" \\'
        if self.times is not None:
            yield f"    --times {shlex.quote(self.times)} \\"
        yield f"    {shlex.join(self.words)}"


def safe_name(name: str) -> str:
    """Give a name of a sweep as a name of a file, and of a job."""
    return _NOT_SAFE.sub("_", name).lstrip("._-")[:_MAX_NAME] or "sweep"


def read_slurm_options(words: Iterable[str]) -> dict[str, str | None]:
    """Read `NAME=VALUE`, and `NAME` for an option of sbatch without a value.

    Raises `OptionError` for a name that is none, for a value that no line can hold, and for an
    option that the script has to say itself.
    """
    found: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            raise OptionError(
                f"--slurm {word!r} must be NAME=VALUE with a long option of sbatch, such as"
                " partition=gpu"
            )
        if name in _OWN:
            raise OptionError(f"--slurm {name}: the script says it itself, by {_OWN[name]}")
        if equals and not (value and value.isprintable()):
            raise OptionError(f"--slurm {name}: its value must be one line of text")
        found[name] = value if equals else None
    return found


def gpus_of(cells: Iterable[Cell], jobs: int) -> int:
    """Give how many NVIDIA GPUs a task needs for the cells that name `cuda`; 0 for none.

    Args:
        cells: that it may run.
        jobs: how many run at once, each on a GPU of its own.
    """
    wanted = [0]
    for cell in cells:
        options = cell.request.options
        kind, _, index = (options.device or "").partition(":")
        if kind == "cuda":
            several = jobs if options.chips == 1 and not index else 1
            wanted.append(max(options.chips, several, int(index) + 1 if index.isdecimal() else 1))
    return max(wanted)


def submit(script: Path) -> str:
    """Submit a script; give the number of its job. Raises `SlurmError` with what sbatch says."""
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SUBMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no answer in {_SUBMIT_S} s"
        raise SlurmError(
            f"sbatch cannot submit {script.name}: {reason}; is this a machine of the cluster?"
        ) from error
    found = _JOB.search(done.stdout)
    if done.returncode or found is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        text = "; ".join(" ".join(_PREFIX.sub("", line).split()) for line in said)
        raise SlurmError(
            f"sbatch refuses {script.name}: {text[:_MAX_SAID] or exit_text(done.returncode)}"
        )
    return found[1]
