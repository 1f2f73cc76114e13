"""Whether two checkouts of ttbench write equal records, but for times and identities.

Runs the same commands with the sources of each checkout, in this interpreter, and compares
the records key by key. What is measured or identifies a run is compared by its presence and
type alone: times, rates, counters, intervals, findings about noise, identities, hashes.

    python benchmarks/record_equality.py BEFORE AFTER

BEFORE and AFTER are folders of checkouts. Needs the libraries of all three distributions, and
the packs in `tests/packs`. Exit code 1 where a record differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

FEW: Final = ("--loop_count", "5", "--passes", "3", "--warmup", "4")
#: With a fixed number of passes and of inputs, which would else depend on the machine.
RUNS: Final[Mapping[str, tuple[str, ...]]] = {
    "bert tiny": ("-m", "bert", "-c", "tiny", *FEW),
    "bert tiny, two processes": ("-m", "bert", "-c", "tiny", "--processes", "2", *FEW),
    "resnet18 -t": ("-m", "resnet", "-c", "resnet18", "-mb", "4", "-t", *FEW),
    "gpt2": ("-m", "gpt2", "-c", "distil", "--seq_len", "16", "--new_tokens", "4", *FEW),
    "bert tiny on the stand-in for PyBuda": (
        *("-m", "bert", "-c", "tiny", "--backend", "pybuda", "--layers", "1", "-mb", "1"),
        *FEW,
    ),
    "a model that fails": ("-m", "compile_fails", "--backend", "fake", *FEW),
    "a model that loses an output": ("-m", "loses_output", "--backend", "fake", *FEW),
}
SOURCES: Final = ("ttbench_core/src", "ttbench_models_nlp/src", "ttbench_models_vision/src")
#: Keys, at any depth, whose values are measured or identify a run.
MEASURED: Final = frozenset(
    {
        *("total_time", "samples_per_sec", "run_id", "started_at", "hash", "date", "paired_with"),
        *("confidence", "phases_ns", "latency_ns", "latency", "output_interval", "steady"),
        *("littles_law", "overhead", "host_during", "energy", "memory", "findings", "verdict"),
        *("ttft", "tpot", "itl", "prefill_tokens_per_s", "decode_tokens_per_s", "git", "settled"),
        *("e2e_ns", "push_ns", "pop_ns", "token_ns", "load_1min", "peak_flops_per_s", "share"),
        *("peak_bytes_per_s", "flops_per_s", "kernel", "pcc", "relative_l2", "max_abs_error"),
    }
)


def main(before: Path, after: Path) -> int:
    """Compare both checkouts run by run; give 1 where a record differs."""
    different = 0
    for name, words in RUNS.items():
        old, new = (record_of(checkout, words) for checkout in (before, after))
        found = list(differences("", masked(old), masked(new)))
        print(f"{name:40} {'equal' if not found else f'{len(found)} differences'}")
        for line in found:
            print(f"    {line}")
        different += bool(found)
    return int(different > 0)


def record_of(checkout: Path, words: tuple[str, ...]) -> dict[str, Any]:
    """Run a command with the sources of a checkout and give the record that it stores."""
    tests = checkout.resolve() / "tests" / "packs"
    paths = [*(checkout.resolve() / source for source in SOURCES), tests / "engine"]
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if "pybuda" in words:
            paths.append(tests / "pybuda")
            environment["PYBUDA_STANDIN"] = "{}"
        environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
        script = Path(folder) / "start.py"
        script.write_text(START, encoding="utf-8")
        command = [sys.executable, str(script), *words, "-o", "record.json"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        stored = Path(folder) / "record.json"
        if not stored.exists():
            raise SystemExit(f"{' '.join(command)} stored nothing: {done.stderr}")
        text = stored.read_text(encoding="utf-8").replace(str(checkout.resolve()), "<checkout>")
    (record,) = json.loads(text)
    return {**record, "exit code": done.returncode}


#: Lets the backend for PyBuda find the node of one card.
START: Final = """
import pathlib, sys
from ttbench_core.backends.pybuda import cards
from ttbench_core.cli import main
nodes = pathlib.Path("nodes")
nodes.mkdir()
(nodes / "0").touch()
for name in {"NODES", "DRIVER_NODES"} & set(vars(cards)):
    setattr(cards, name, nodes.resolve())
sys.exit(main())
"""


def masked(value: Any, key: str = "") -> Any:
    """Replace what is measured by its type, and leave out nothing."""
    if key in MEASURED:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {name: masked(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [masked(one) for one in value]
    return value


def differences(where: str, old: Any, new: Any) -> Iterator[str]:
    """List the places where two records differ, with both values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            missing = "<missing>"
            yield from differences(
                f"{where}/{name}", old.get(name, missing), new.get(name, missing)
            )
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(f"{where}/{number}", *pair)
    elif old != new:
        yield f"{where}: {old!r} became {new!r}"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
