"""Every configuration of every installed model through `ttbench`, as a user would run it.

    python benchmarks/catalogue.py [RESULTS.json [WORD]]

Writes all records into one file, failed ones too, and prints what failed. Models of more than a
billion parameters run with two layers where they bear it. With WORD, only models that it is in.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

TTBENCH = shutil.which("ttbench") or "ttbench"
QUICK = ["-mb", "1", "--passes", "3", "--loop_count", "1", "--max_time", "60"]
LARGE = 10**9
TIMEOUT_S = 1800


def configurations(word: str) -> Iterator[tuple[str, str, int]]:
    """Give model, configuration and parameters of what is installed."""
    command = [TTBENCH, "--list", *([word] if word else []), "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for entry in json.loads(listed):
        for config in entry["configs"] or [""]:
            facts = entry["declared"].get(config) or {}
            yield f"{entry['pack']}:{entry['name']}", config, facts.get("parameters") or 0


def run(model: str, config: str, parameters: int, results: str) -> int:
    """Run one; gives its exit code, that of timeout(1) where it took too long."""
    large = ["--layers", "2"] if parameters > LARGE else []
    # 512 x 512 is 800 GFLOP and more
    small = ["--image_size", "128"] if model.endswith(":stable_diffusion") else []
    configured = ["-c", config] if config else []
    command = [TTBENCH, "-m", model, *configured, *QUICK, *large, *small, "-o", results]
    try:
        return subprocess.run(command, check=False, timeout=TIMEOUT_S).returncode
    except subprocess.TimeoutExpired:
        return 124


def main(results: str, word: str) -> int:
    """Run all; gives 1 where one failed."""
    failed = []
    for model, config, parameters in configurations(word):
        print(f"\n== {model} {config}", flush=True)
        if run(model, config, parameters, results) != 0:
            failed.append(f"{model} {config}".strip())
    print(f"\n{len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    given = [*sys.argv[1:], "", ""]
    sys.exit(main(given[0] or "catalogue.json", given[1]))
