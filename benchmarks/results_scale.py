"""What reading 1,000, 10,000 and 100,000 results costs, by the place that they are kept in.

    python benchmarks/results_scale.py [COUNT ...] [--targets json,jsonl,csv,parquet,sqlite]
        [--url postgresql://...]

Makes records like those of a short run, and runs `load`, `ttbench show --filter` and `ttbench
report` on them, each in a process of its own. Prints seconds, the peak of memory, and how both
grow from one count to the next; for the report the size of the page as well.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import COLUMNS, row_of
from ttbench_core.record.tables.writing import as_csv
from ttbench_core.testing import example_result

MODELS = ("bert", "resnet", "gpt2", "whisper", "unet")
PASSES, INPUTS = 5, 5
BATCH = 1000
TTBENCH = [sys.executable, "-m", "ttbench_core"]


def records(count: int) -> Iterator[dict[str, Any]]:
    """Make records: a few models and sizes, over and over again, a minute apart."""
    template = example_result().to_record()
    for number in range(count):
        record = copy.copy(template)
        name, microbatch = MODELS[number % len(MODELS)], 2 ** (number // 5 % 4)
        pass_ns = 10_000_000 + number * 7919 % 1_000_000
        push_ns = [pass_ns // INPUTS * one for one in range(INPUTS)]
        pop_ns = [pass_ns // INPUTS * (one + 1) for one in range(INPUTS)]
        rate = microbatch * INPUTS * 1e9 / pass_ns
        record.update(
            run_id=f"{number:032x}",
            started_at=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(1.7e9 + 60 * number)),
            args={**template["args"], "model": name, "config": "small", "microbatch": microbatch},
            model={"name": name, "config": "small", "unit": "sample", "parameters": 10**8},
            backend="torch",
            devices=[{"kind": "cpu", "index": 0, "name": "example", "arch": "x86_64"}],
            host={"cpu": "example", "system": "Linux", "usable_cores": 8},
            versions={"python": "3.11", "torch": "2.13.0", "ttbench-core": "0.1.0"},
            passes=[
                {"process": 0, "e2e_ns": pass_ns + one * 1000, "push_ns": push_ns, "pop_ns": pop_ns}
                for one in range(PASSES)
            ],
            samples_per_sec=rate,
            total_samples=microbatch * INPUTS,
            total_time=pass_ns / 1e9,
            confidence={
                "level": 0.95,
                "estimate": rate,
                "low": rate * 0.99,
                "high": rate * 1.01,
                "half_width": 0.01,
                "over": "passes",
                "replicates": PASSES,
                "scope": "95 % interval over 5 passes of one process",
            },
            verdict={"verdict": "stable", "findings": []},
        )
        yield record


def texts(count: int) -> Iterator[str]:
    """Give the same as lines of JSON."""
    return (Result.from_record(record).to_json() for record in records(count))


def made(kind: str, count: int, folder: Path, url: str | None) -> str:
    """Keep so many records in a place of a kind, all at once; gives the target.

    In a process of its own: what a child is charged for begins with its parent's memory.
    """
    path = folder / f"{count}.{kind}"
    target = url or f"sqlite:///{path}" if kind in ("sqlite", "postgresql") else str(path)
    maker = multiprocessing.get_context("fork").Process(target=make, args=(kind, count, target))
    maker.start()
    maker.join()
    if maker.exitcode != 0:
        raise SystemExit(f"could not make {target}")
    return target


def make(kind: str, count: int, target: str) -> None:
    """Keep so many records in a target."""
    path = Path(target)
    if kind == "json":
        with path.open("w") as file:
            file.write("[\n")
            for number, text in enumerate(texts(count)):
                file.write(f"{',' if number else ''}{text}\n")
            file.write("]\n")
    elif kind == "jsonl":
        with path.open("w") as file:
            file.writelines(f"{text}\n" for text in texts(count))
    elif kind == "csv":
        path.write_text(as_csv(map(row_of, records(count)), [one.name for one in COLUMNS]))
    elif kind == "parquet":
        _make_parquet(path, count)
    else:
        _make_table(target, count)


def _make_parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ttbench_core.sinks.parquet import _schema

    with pq.ParquetWriter(path, _schema(pa), compression="zstd") as writer:
        for batch in _batches(count):
            writer.write_table(pa.Table.from_pylist(batch, schema=_schema(pa)))


def _make_table(url: str, count: int) -> None:
    from sqlalchemy import insert

    from ttbench_core.sinks.sql.schema import RESULTS, upgrade
    from ttbench_core.sinks.sql.sink import SqlSink

    with SqlSink(url) as sink, sink._engine.begin() as connection:  # noqa: SLF001
        upgrade(connection)
        connection.execute(RESULTS.delete())
        for batch in _batches(count):
            connection.execute(insert(RESULTS), batch)


def _batches(count: int) -> Iterator[list[dict[str, Any]]]:
    rows = (
        {**row_of(record), "record": Result.from_record(record).to_json()}
        for record in records(count)
    )
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; gives its seconds and its peak of memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def commands(target: str, count: int, page: Path) -> dict[str, list[str]]:
    """Give what is measured of a target; the filter finds the last of its results alone."""
    load = "import sys, ttbench_core; ttbench_core.load(sys.argv[1])"
    return {
        "load": [sys.executable, "-c", load, target],
        "show --filter": [*TTBENCH, "show", target, "--filter", f"run_id={count - 1:032x}"],
        "report": [*TTBENCH, "report", target, "-o", str(page)],
    }


def main(counts: list[int], kinds: list[str], url: str | None) -> None:
    """Print a line for each kind, count and command."""
    print(f"{'target':<12}{'results':>9}  {'command':<14}{'s':>8}{'MiB':>8}{'x s':>7}{'x MiB':>7}")
    for kind in kinds:
        before: dict[str, tuple[float, float]] = {}
        for count in counts:
            with tempfile.TemporaryDirectory() as place:
                target = made(kind, count, Path(place), url)
                page = Path(place) / "report.html"
                for name, command in commands(target, count, page).items():
                    seconds, mebibytes = measured(command)
                    growth = ""
                    if name in before:
                        then = before[name]
                        growth = f"{seconds / then[0]:>7.1f}{mebibytes / then[1]:>7.1f}"
                    before[name] = seconds, mebibytes
                    size = f"  page {page.stat().st_size / 1e6:.2f} MB" if name == "report" else ""
                    print(
                        f"{kind:<12}{count:>9}  {name:<14}{seconds:>8.2f}{mebibytes:>8.0f}"
                        f"{growth:>14}{size}",
                        flush=True,
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--targets", default="json,jsonl,csv,parquet,sqlite")
    parser.add_argument("--url", help="a database to fill and empty, for the target `postgresql`")
    given = parser.parse_args()
    main(given.counts, given.targets.split(","), given.url)
