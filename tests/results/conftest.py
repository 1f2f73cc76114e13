"""A real PostgreSQL server on loopback, for as long as the tests run."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Set by the session that installs the server: then a missing one is a failure.
REQUIRED = "TTBENCH_REQUIRE_POSTGRESQL"


def programs() -> Path | None:
    """Find where PostgreSQL's own programs are: Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found += [Path(one) for one in [shutil.which("initdb")] if one]
    return found[-1].resolve().parent if found else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a server; gives the URL of an empty database."""
    folder = programs()
    if folder is None:
        if os.environ.get(REQUIRED):
            pytest.fail("PostgreSQL is not installed, and this session wants it")
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="ttbench-pg-") as place:
        yield from _served(folder, Path(place))


def _served(folder: Path, place: Path) -> Iterator[str]:
    # the server refuses to run as root
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(place, user)
    secret = place / "secret"
    secret.write_text(secrets.token_hex(8))
    if user is not None:
        shutil.chown(secret, user)
    data, port = place / "data", _free_port()

    def do(*words):
        subprocess.run(words, user=user, cwd=place, check=True, capture_output=True)

    do(folder / "initdb", "-D", data, "-U", "tester", "--auth=scram-sha-256", f"--pwfile={secret}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place}"
    server = [folder / "pg_ctl", "-D", data, "-w", "-l", place / "log"]
    do(*server, "-o", options, "start")
    try:
        yield f"postgresql://tester:{secret.read_text()}@127.0.0.1:{port}/postgres"
    finally:
        do(*server, "-m", "immediate", "stop")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
