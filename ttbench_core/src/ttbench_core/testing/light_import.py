"""A check that a backend is made, and asked what it can do, without its engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from typing import Final

from ttbench_core.plugins.registry import Plugin
from ttbench_core.testing.promises import Contract

__all__ = ["check_light_import"]

#: Libraries that no listing may load, whichever a backend says that it runs on.
_HEAVY: Final = frozenset({"torch", "transformers"})
#: What a backend may report the version of and is loaded all the same.
_ALWAYS_LOADED: Final = frozenset({"python", "ttbench_core"})
_TIMEOUT_S: Final = 120
#: Prints the modules that are loaded; null where the backend cannot be found by its path.
_PROGRAM: Final = """
import importlib, json, sys

sys.path[:] = json.loads(sys.argv[2])
module, _, path = sys.argv[1].partition(":")
try:
    found = importlib.import_module(module)
except ModuleNotFoundError as error:
    if not f"{module}.".startswith(f"{error.name}."):
        raise
    found = None
for name in path.split("."):
    found = getattr(found, name, None)
if found is not None:
    found().capabilities()
loaded = None if found is None else sorted({name.partition(".")[0] for name in sys.modules})
print("\\n" + json.dumps(loaded))
"""


def check_light_import(contract: Contract, plugin: Plugin, versions: Collection[str]) -> None:
    """Check in a fresh interpreter that making a backend, and `capabilities`, loads no engine.

    A class that a fresh interpreter cannot import, such as one within a function, is left out.

    Args:
        contract: whose promise it is.
        plugin: where the class is.
        versions: names of the software that decides its speed: none of it may be loaded.
    """
    own = plugin.value.partition(":")[0].partition(".")[0]
    named = {name.replace("-", "_") for name in versions}
    engines = (_HEAVY | named) - _ALWAYS_LOADED - {own}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, plugin.value, json.dumps(sys.path)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    failure = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    contract.require(
        done.returncode == 0, f"it is made in a fresh interpreter without an error: {failure}"
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    found = sorted(engines & set(loaded or ()))
    contract.require(
        not found,
        f"making it, and capabilities(), import no engine: {', '.join(found)} was imported",
    )
