"""Whether two checkouts of ttbench write equal records, but for times and identities.

Runs the same commands with the sources of each checkout, in this interpreter, and compares
the records key by key. Measured numbers are compared by their presence alone, identities and
findings about noise by their type; all keys, lengths and other values must be equal.

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
#: Keys, at any depth, that identify a run or depend on how quiet the machine was.
INCIDENTAL: Final = frozenset(
    {
        *("run_id", "started_at", "hash", "date", "git", "paired_with", "kernel", "settled"),
        *("findings", "verdict"),
    }
)
#: Keys, at any depth, below which all numbers are measured.
MEASURED: Final = frozenset(
    {
        *("total_time", "samples_per_sec", "confidence", "phases_ns", "latency_ns", "latency"),
        *("output_interval", "steady", "littles_law", "overhead", "host_during", "energy"),
        *("memory", "ttft", "tpot", "itl", "prefill_tokens_per_s", "decode_tokens_per_s"),
        *("e2e_ns", "push_ns", "pop_ns", "token_ns", "load_1min", "pcc", "relative_l2"),
        *("max_abs_error", "flops_per_s", "peak_flops_per_s", "peak_bytes_per_s", "share"),
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


def masked(value: Any, key: str = "", *, measured: bool = False) -> Any:
    """Replace numbers that are measured, and what is incidental; keep keys, lengths and texts."""
    measured = measured or key in MEASURED
    if key in INCIDENTAL:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {name: masked(one, name, measured=measured) for name, one in value.items()}
    if isinstance(value, list):
        return [masked(one, measured=measured) for one in value]
    # a counter that was not read for long enough is null
    return "<measured>" if measured and (value is None or is_number(value)) else value


def is_number(value: Any) -> bool:
    """Say whether a value is a number, which true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
