"""What results of a large fleet cost to read: status, a table, the report.

A database is filled with copies of one record, as cells of one sweep on many machines. Each command
runs in a process of its own. Printed: its time, and the most memory of it or a
process that it starts.

    python benchmarks/fleet_results.py [--machines 100] [SIZES...]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ttbench_core.sinks.sql.schema import RESULTS
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.definition.definition_checks import sweep_from
from ttbench_core.sweeps.definition.toml_file import read_draft
from ttbench_core.sweeps.planning.identity import identity_of
from ttbench_core.testing import example_result

_SIZES = (10_000, 100_000)
_AT_ONCE = 1_000
_MICROBATCHES = 100
_MIB = 1 << 20
_KIB = 1024
_DEFINITION = """
[sweep]
name = "fleet"
[settings]
backend = "torch"
[grid]
model = ["bert"]
microbatch = "1..100"
seed = "0..{last_seed}"
"""
_COMMANDS = {
    "status": ["sweep", "fleet.toml", "-o", "sqlite:///perf.db", "--status", "--json"],
    "show": ["show", "sqlite:///perf.db", "--pivot", "machine,dataformat"],
    "report": ["report", "sqlite:///perf.db", "-o", "report.html"],
}


def _fill(place: str, identity: str, count: int, machines: int) -> None:
    """Fill a database with copies of a record."""
    store_result(example_result(), *check_targets(place))
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        row = connection.execute(sa.select(RESULTS)).mappings().one()
        connection.execute(sa.delete(RESULTS))
        first = {name: value for name, value in row.items() if name != "id"}
        record = {**json.loads(first["record"]), "sweep": {"name": "fleet", "identity": identity}}
        copies = (_copy(first, record, one, machines) for one in range(count))
        while several := list(itertools.islice(copies, _AT_ONCE)):
            connection.execute(sa.insert(RESULTS), several)
    engine.dispose()


def _copy(
    first: Mapping[str, Any], record: Mapping[str, Any], number: int, machines: int
) -> dict[str, Any]:
    seed, batch = divmod(number, _MICROBATCHES)
    stamp = {
        **record["sweep"],
        "cell": f"{number:064x}",
        "label": f"seed={number}",
        "round": 1,
        "scenario": None,
        "settings": {"model": "bert", "microbatch": batch + 1, "seed": seed},
    }
    own = {"run_id": uuid.uuid4().hex, "machine_name": f"node-{number % machines}"}
    return {**first, **own, "record": json.dumps({**record, **own, "sweep": stamp})}


def _cost(words: list[str], folder: Path) -> tuple[float, float, int]:
    """Give seconds, mebibytes and exit code of a command."""
    began_s = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "ttbench_core", *words],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(folder / "out.txt"), os.O_WRONLY | os.O_CREAT, 0o600)
        ],
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began_s
    return seconds, usage.ru_maxrss * _KIB / _MIB, os.waitstatus_to_exitcode(status)


def main() -> None:
    """Run each size, and print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=list(_SIZES))
    parser.add_argument("--machines", type=int, default=100)
    asked = parser.parse_args()
    for count in asked.sizes:
        with tempfile.TemporaryDirectory(prefix="ttbench-results-") as name:
            folder = Path(name)
            os.chdir(folder)
            definition = folder / "fleet.toml"
            definition.write_text(_DEFINITION.format(last_seed=count // _MICROBATCHES - 1))
            identity = identity_of(sweep_from(read_draft(definition)))
            _fill(f"sqlite:///{folder}/perf.db", identity, count, asked.machines)
            size_mib = (folder / "perf.db").stat().st_size / _MIB
            print(
                f"{count:,} records of {asked.machines} machines: {size_mib:,.0f} MiB", flush=True
            )
            for command, words in _COMMANDS.items():
                seconds, mib, code = _cost(words, folder)
                print(
                    f"  {command}: {seconds:,.1f} s, {mib:,.0f} MiB, exit code {code}", flush=True
                )
            os.chdir(ROOT)


ROOT = Path(__file__).parent.parent

if __name__ == "__main__":
    main()
