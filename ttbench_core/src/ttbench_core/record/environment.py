"""Facts about host, software and source code for the record.

The process environment is not recorded, except for an allow-list of variables
that change speed: the rest may hold secrets.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import importlib_metadata

from ttbench_core.measure.cgroup import CpuGroup
from ttbench_core.request.credentials import names_secret

__all__ = [
    "Checkout",
    "checkout_of",
    "cpu_name",
    "host_facts",
    "is_recorded",
    "machine_name",
    "recorded_environment",
    "software_versions",
    "source_file",
    "total_memory_bytes",
    "usable_cores",
]

#: Variables that concern every engine of the host; backends declare those of their own.
_RECORDED_VARIABLES: Final = frozenset(
    {
        "CUDA_DEVICE_ORDER",
        "CUDA_VISIBLE_DEVICES",
        "GOMP_CPU_AFFINITY",
        "GOMP_SPINCOUNT",
        "KMP_AFFINITY",
        "KMP_BLOCKTIME",
        "LD_PRELOAD",
        "MALLOC_ARENA_MAX",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TOP_PAD_",
        "MALLOC_TRIM_THRESHOLD_",
        "MKL_ENABLE_INSTRUCTIONS",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OMP_PLACES",
        "OMP_PROC_BIND",
        "OMP_WAIT_POLICY",
        "ONEDNN_MAX_CPU_ISA",
        "OPENBLAS_NUM_THREADS",
        "PYTHONHASHSEED",
    }
)
_GIT_TIMEOUT_S: Final = 10


@dataclass(frozen=True)
class Checkout:
    """The git commit that a piece of code was run from."""

    #: Abbreviated hash of HEAD.
    hash: str
    #: Commit date, `yy-mm-dd` as in the original script.
    date: str
    #: Whether tracked files differ from that commit.
    dirty: bool


def host_facts() -> dict[str, object]:
    """Give facts about the host: system, processor, cores that this process may use, memory."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu_name(),
        "logical_cores": psutil.cpu_count(logical=True),
        "physical_cores": psutil.cpu_count(logical=False),
        "usable_cores": usable_cores(),
        "cpu_quota_cores": CpuGroup().quota_cores(),
        "governors": _governors(),
        "memory_bytes": total_memory_bytes(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def machine_name() -> str:
    """Give the host's name: `machine_name` of the original script."""
    return socket.gethostname()


@functools.cache
def cpu_name() -> str:
    """Give the processor's name where the system has one, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def total_memory_bytes() -> int:
    """Give the host's memory."""
    import psutil  # here, because a listing imports this module too

    return int(psutil.virtual_memory().total)


def software_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Give the versions of Python and of those distributions that are installed."""
    versions = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    for name in distributions:
        try:
            versions[name] = importlib_metadata.version(name)
        except importlib_metadata.PackageNotFoundError:
            continue
    return versions


def recorded_environment(
    environment: Mapping[str, str], also: Iterable[str] = ()
) -> dict[str, str]:
    """Give the variables of an environment that go into a record.

    Args:
        environment: all of them.
        also: further names, or prefixes with a `*`, as backends declare them.
    """
    patterns = tuple(also)
    return {
        name: value for name, value in sorted(environment.items()) if is_recorded(name, patterns)
    }


def is_recorded(name: str, also: Iterable[str] = ()) -> bool:
    """Return whether a variable's value may be in a record.

    Args:
        name: of the variable.
        also: as for `recorded_environment`.
    """
    if name in _RECORDED_VARIABLES:
        return True
    if names_secret(name):  # a backend may declare a prefix that such a name has
        return False
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in also)


def checkout_of(files: Iterable[str | None]) -> Checkout | None:
    """Give the git checkout of the first file that is tracked by one, or None.

    A file inside a checkout that is not tracked, such as an installed package in
    a virtual environment, has none.
    """
    for file in files:
        if file is not None and (found := _checkout(Path(file))) is not None:
            return found
    return None


def source_file(module_name: str) -> str | None:
    """Give the file that an imported module was loaded from."""
    return getattr(sys.modules.get(module_name), "__file__", None)


def _checkout(file: Path) -> Checkout | None:
    folder = file.resolve().parent
    if _git(folder, "ls-files", "--error-unmatch", file.name) is None:
        return None
    head = _git(folder, "log", "-1", "--format=%h %cd", "--date=format:%y-%m-%d")
    if not head:
        return None
    commit, _, date = head.partition(" ")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Checkout(commit, date, dirty=bool(changes))


def _git(folder: Path, *arguments: str) -> str | None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        completed = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            env=variables,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout.strip() if completed.returncode == 0 else None


def _governors() -> list[str]:
    """Give the frequency governors of the cores; empty where the system has none."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    governors = set()
    for file in files:
        with contextlib.suppress(OSError):
            governors.add(file.read_text(encoding="ascii", errors="replace").strip())
    return sorted(governors)


def usable_cores() -> int:
    """Give how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
