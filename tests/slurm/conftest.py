"""A real Slurm on this machine: a controller and two nodes, for as long as the tests run."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from slurm_jobs import jobs

#: Set by the session that installs Slurm: then a missing one is a failure.
REQUIRED = "TTBENCH_REQUIRE_SLURM"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "scontrol")
NODES = ("node1", "node2")
# nothing is authenticated: all daemons are of this user, on loopback
CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
TaskProlog={folder}/prolog
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=30
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1
NodeName=node2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""
# the nodes are one machine, whose locks let only one cell run at a time
PROLOG = """#!/bin/sh
mkdir -p {folder}/tmp-$SLURMD_NODENAME
echo export TMPDIR={folder}/tmp-$SLURMD_NODENAME
"""


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start a controller and two nodes; gives their folder. Clients find them by SLURM_CONF."""
    missing = [one for one in PROGRAMS if _program(one) is None]
    if missing:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{missing} are not installed, and this session wants them")
        pytest.skip(f"{missing} are not installed")
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    prolog = folder / "prolog"
    prolog.write_text(PROLOG.format(folder=folder))
    prolog.chmod(0o755)
    conf = folder / "slurm.conf"
    conf.write_text(
        CONFIGURATION.format(folder=folder, ports=_free_ports(3), user=getpass.getuser())
    )
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    with ExitStack() as started, pytest.MonkeyPatch.context() as patch:
        daemons = [["slurmctld", "-D"], *(["slurmd", "-D", "-N", one] for one in NODES)]
        for words in daemons:
            log = started.enter_context((folder / f"{'-'.join(words)}.log").open("wb"))
            command = [str(_program(words[0])), *words[1:]]
            process = started.enter_context(
                subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            )
            started.callback(process.terminate)
        patch.setenv("SLURM_CONF", str(conf))
        for name in [one for one in os.environ if one.startswith(("SLURM_J", "SLURM_A", "SBATCH"))]:
            patch.delenv(name)
        _wait(lambda: _state("%T") == ["idle"], "two idle nodes", folder)
        yield folder
        subprocess.run(["scancel", "--user", getpass.getuser()], check=False)
        _wait(lambda: not jobs(), "the end of all jobs", folder)


@pytest.fixture
def wait_for(slurm: Path) -> Callable[[Callable[[], bool], str], None]:
    """Wait until something is so; a failure has the logs of the daemons."""
    return lambda condition, what: _wait(condition, what, slurm)


def _wait(condition: Callable[[], bool], what: str, folder: Path, limit_s: float = 90.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            logs = "\n".join(one.read_text(errors="replace") for one in folder.glob("*.log"))
            pytest.fail(f"{what}: not within {limit_s:g} s\n{logs[-6000:]}")
        time.sleep(0.2)


def _state(form: str) -> list[str]:
    command = ["sinfo", "--noheader", f"--format={form}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split()


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@pytest.fixture
def command(slurm: Path, fake_engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `ttbench` in a process of its own, in a folder of its own, with the fake engine."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin")

    def run(*words: str, folder: Path = folder) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ttbench_core", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    run.folder = folder
    return run
