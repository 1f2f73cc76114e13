"""What a zoo of 1,000 models costs: the listing, and finding one of them against a pack's model.

Runs whole processes in turn, with a zoo and a pack in a temporary folder, and prints medians.

    python benchmarks/zoo_listing.py [rounds]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = 1000
FIND = "from ttbench_core.models.source import find_source; find_source({!r})"
LIST = "from ttbench_core.cli import main; main(['--list'])"
IN_ZOO = f"beast_{MODELS // 2:04}"
ZOO = f"""
from ttbench_core.model import Declared, ZooModel

class Zoo:
    def models(self):
        configs = {{"small": Declared(1_000_000, 32), "large": Declared(9_000_000, 8)}}
        for number in range({MODELS}):
            yield ZooModel(f"beast_{{number:04}}", configs, task="classification")
        yield ZooModel("bert", task="another one")

    def builder(self, name):
        return lambda training: None
"""
PACK = """
from ttbench_core import benchmark_model

@benchmark_model(configs=["small", "large"])
def tame(training, config):
    return None
"""


def install(folder: Path, name: str, entry_point: str, source: str) -> None:
    """Make a distribution of one module."""
    module = name.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_point.format(module))
    (folder / f"{module}.py").write_text(source)


def seconds(code: str, path: Path) -> float:
    """Time one process that has a folder on its path."""
    # without it, no bytecode is written and every process compiles everything again
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPATH": str(path)}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Interleave the commands."""
    with tempfile.TemporaryDirectory() as name:
        bare, full = Path(name, "bare"), Path(name, "full")
        for folder in (bare, full):
            folder.mkdir()
            install(folder, "tame-pack", "[ttbench.models]\ntame = {}:tame\n", PACK)
        install(full, "acme-zoo", "[ttbench.zoos]\nall = {}:Zoo\n", ZOO)
        commands = {
            "--list without the zoo": (LIST, bare),
            f"--list with {MODELS} more": (LIST, full),
            "name of a pack, no zoo": (FIND.format("tame"), bare),
            "name of a pack, zoo there": (FIND.format("tame"), full),
            "name of the zoo": (FIND.format(IN_ZOO), full),
        }
        times: dict[str, list[float]] = {label: [] for label in commands}
        for command in commands.values():
            seconds(*command)
        for _ in range(rounds):
            for label, command in commands.items():
                times[label].append(seconds(*command))
    medians = {label: statistics.median(values) for label, values in times.items()}
    for label, median in medians.items():
        print(f"{label:26} {median * 1e3:7.1f} ms")
    pack = medians["name of a pack, no zoo"]
    print(f"a pack's name beside the zoo, as a share of it alone: {_ratio(medians, 3, pack):.2f}")
    print(f"the zoo's name, as a share of a pack's name alone:    {_ratio(medians, 4, pack):.2f}")


def _ratio(medians: dict[str, float], index: int, base: float) -> float:
    return list(medians.values())[index] / base


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
