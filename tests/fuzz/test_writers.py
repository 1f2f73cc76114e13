"""Writers that are killed, get no locks or no space lose no result that was acknowledged."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.reading import load
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

FORK = multiprocessing.get_context("fork")
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO, errno.ENOSYS)
WRITERS = 5
PATIENCE_S = 90
real_flock, real_fsync = fcntl.flock, os.fsync


def fail_locking(rng: random.Random) -> None:
    share, number = rng.choice((1.0, 0.3)), rng.choice(NO_LOCKS)

    def flock(descriptor, operation):
        if rng.random() < share:
            raise OSError(number, os.strerror(number))
        return real_flock(descriptor, operation)

    fcntl.flock = flock


def fail_flushing(rng: random.Random) -> None:
    def fsync(descriptor):
        if rng.random() < 0.2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_fsync(descriptor)

    os.fsync = fsync


def limit_file_size(rng: random.Random) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    most = rng.randrange(1000, 40_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def fail_in_nothing(_: random.Random) -> None:
    """Write as always."""


FAULTS: tuple[Callable[[random.Random], None], ...] = (
    *(fail_in_nothing, fail_in_nothing, fail_locking, fail_locking, fail_flushing, limit_file_size),
)


def write_many(target: str, writer: int, pipe: int, seed: str, fault) -> None:
    """Append results; tell of each that it was stored or rescued, as soon as that is certain."""
    rng = random.Random(seed)
    fault(rng)
    for number in range(rng.randint(1, 12)):
        run_id = f"{writer}-{number}"
        result = example_result(run_id=run_id, notes=["x" * rng.choice((0, 10, 3000))])
        try:
            store_result(result, check_target(target))
        except ResultNotStoredError as lost:
            if lost.rescued is None:
                continue
        os.write(pipe, f"{run_id}\n".encode())


def acknowledged(pipe: int) -> list[str]:
    text = b""
    while chunk := os.read(pipe, 65536):
        text += chunk
    os.close(pipe)
    return text.decode().split("\n")[:-1]


def place_of(rng: random.Random, folder: Path) -> tuple[Path, str]:
    path = folder / rng.choice(["perf.json", "perf.json", "perf.jsonl", "perf.csv", "perf.db"])
    if path.suffix != ".db":
        return path, str(path)
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("alembic")
    return path, f"sqlite:///{path}"


@pytest.mark.fuzz_weight(0.4)
def test_no_acknowledged_result_is_lost(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path, target = place_of(rng, tmp_path)
    store_result(example_result(run_id="first"), check_target(target))
    faults = [rng.choice(FAULTS) for _ in range(WRITERS)]
    writers, pipes = [], []
    for at, fault in enumerate(faults):
        reading, writing = os.pipe()
        arguments = (target, at, writing, f"{rng.random()}", fault)
        writers.append(FORK.Process(target=write_many, args=arguments))
        writers[-1].start()
        os.close(writing)
        pipes.append(reading)
    for at in rng.sample(range(WRITERS), rng.randint(0, 3)):
        time.sleep(rng.uniform(0, 0.15))
        os.kill(writers[at].pid, signal.SIGKILL)
    for writer in writers:
        writer.join(PATIENCE_S)
        assert writer.exitcode in (0, -signal.SIGKILL), faults
    told = [run_id for pipe in pipes for run_id in acknowledged(pipe)]
    store_result(example_result(run_id="last"), check_target(target))
    found = [one.run_id for one in load(target)]
    rescued = [one.run_id for file in tmp_path.glob("post_error_*") for one in load(file)]
    assert len(set(found)) == len(found)
    assert {"first", "last", *told} - {*found, *rescued} == set(), faults
    if path.suffix == ".db":
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    else:
        assert {one.name for one in tmp_path.glob(".perf*")} <= {f".{path.name}.lock"}
