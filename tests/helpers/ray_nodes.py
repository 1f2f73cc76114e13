"""Nodes of Ray on this machine, on loopback addresses of their own; started and ended by us."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_START_S = 60.0
#: Other addresses of loopback than the first: Ray replaces that by one that others can reach.
_ADDRESS = "127.0.0.{}"
_FIRST = 2


@dataclass
class RayNode:
    """A node: the process of `ray start --block`, and what it has started."""

    process: subprocess.Popen[bytes]
    address: str

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def workers(self) -> list[psutil.Process]:
        """Give the processes that run tasks."""
        return [one for one in self.processes() if _title(one).startswith("ray::ttbench number")]

    def kill(self) -> None:
        """End it as if its machine had lost power."""
        for one in [psutil.Process(self.process.pid), *self.processes()]:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.process.wait()

    def end(self) -> None:
        """End it, and everything that it has started."""
        ours = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        for one in ours:
            with contextlib.suppress(psutil.Error):
                one.kill()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def ray_nodes(
    folder: Path,
    variables: Sequence[Mapping[str, str]],
    cpus: int = 2,
    resources: str = "{}",
) -> Iterator[tuple[str, list[RayNode]]]:
    """Start a node for each mapping of variables; give the address of the first and all nodes."""
    port = _free_port(_ADDRESS.format(_FIRST))
    head = f"{_ADDRESS.format(_FIRST)}:{port}"
    nodes: list[RayNode] = []
    try:
        for number, own in enumerate(variables):
            address = _ADDRESS.format(_FIRST + number)
            place = (
                ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
                if number == 0
                else [f"--address={head}"]
            )
            words = [
                *(str(Path(sys.executable).with_name("ray")), "start", "--block", *place),
                *(f"--node-ip-address={address}", f"--num-cpus={cpus}"),
                *(f"--resources={resources}", "--disable-usage-stats"),
                "--object-store-memory=100000000",
            ]
            log = (folder / f"node-{number}.log").open("wb")
            with log:
                process = subprocess.Popen(
                    words,
                    env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **own},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            nodes.append(RayNode(process, address))
            _wait_until_started(process, folder / f"node-{number}.log")
        yield head, nodes
    finally:
        for node in reversed(nodes):
            node.end()


def _wait_until_started(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while b"Ray runtime started" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"Ray did not start: {log.read_text()}")
        time.sleep(0.1)


def _free_port(address: str) -> int:
    with socket.socket() as one:
        one.bind((address, 0))
        return int(one.getsockname()[1])


def _title(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
