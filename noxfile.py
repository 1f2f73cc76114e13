"""What `nox` does here; `nox -l` lists it. Every session is run by default."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.3.2"

CONSTRAINTS = "constraints.txt"
# one command installs all three: alone, a pack would look for ttbench-core on the index
DISTRIBUTIONS = ["./ttbench_core", "./ttbench_models_nlp", "./ttbench_models_vision"]
TEST_TOOLS = ["hypothesis", "pytest"]
NOTEBOOK_TOOLS = ["cloudpickle", "ipykernel", "nbclient", "ipywidgets"]
OTHER_PYTHONS = ["3.10", "3.12", "3.13"]
# the packages that importing every torch-free part of the core brings to light
OLDEST = [
    "filelock==3.12.0",
    "importlib-metadata==6.6.0",
    "psutil==5.9.0",
    "rich==13.4.0",
    "stevedore==5.1.0",
]


@nox.session
def lint(session: nox.Session) -> None:
    """Style (ruff) and the rules of who may import whom (import-linter)."""
    session.install("-c", CONSTRAINTS, "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [str(Path(distribution) / "src") for distribution in DISTRIBUTIONS]
    session.run(
        "lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(sources)}, silent=True
    )


@nox.session
def types(session: nox.Session) -> None:
    """Types of the three distributions, strictly (mypy)."""
    session.install("-c", CONSTRAINTS, *DISTRIBUTIONS, "mypy")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Everything but packaging, against the three distributions installed together."""
    session.install("-c", CONSTRAINTS, *DISTRIBUTIONS, *TEST_TOOLS, *NOTEBOOK_TOOLS)
    session.run("pytest", "tests/core", "tests/nlp", "tests/vision", *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """Wheels in a clean environment outside the repository, and the README's commands."""
    session.install("-c", CONSTRAINTS, *TEST_TOOLS)
    session.run("pytest", "tests/packaging/test_wheels.py", "tests/packaging/test_readme.py", "-v")


@nox.session
def isolation(session: nox.Session) -> None:
    """The core alone, without torch; then with one pack and not the other."""
    session.install("-c", CONSTRAINTS, *TEST_TOOLS)
    session.run("pytest", "tests/packaging/test_isolation.py", "-v")


@nox.session
def pythons(session: nox.Session) -> None:
    """The core without torch, on every other Python, with the oldest dependencies on 3.10."""
    missing = []
    for version in OTHER_PYTHONS:
        interpreter = _interpreter(version)
        if interpreter is None:
            missing.append(version)
            continue
        folder = Path(session.create_tmp()) / version
        session.run(interpreter, "-m", "venv", "--clear", str(folder), external=True)
        python = str(folder / "bin" / "python")
        pinned = OLDEST if version == OTHER_PYTHONS[0] else ["-c", CONSTRAINTS]
        tools = [*TEST_TOOLS, "nbformat", *NOTEBOOK_TOOLS]
        install = ["-m", "pip", "install", "-q", "--no-warn-script-location", "./ttbench_core"]
        session.run(python, *install, *pinned, *tools, external=True)
        session.run(python, "-m", "pytest", "tests/core", "-m", "not torch", external=True)
    if missing:
        session.warn(f"not tested, because not on this machine: Python {', '.join(missing)}")


def _interpreter(version: str) -> str | None:
    """Find a Python of this version: one of pyenv's, else one on the path that runs."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")
