"""Environments as a stranger has them: fresh, and outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ["ttbench_core", "ttbench_models_nlp", "ttbench_models_vision"]
TOY = ROOT / "examples" / "ttbench_models_toy"
TOY_SINK = ROOT / "examples" / "ttbench_sink_toy"
BACKEND = ROOT / "examples" / "ttbench_backend_toy"


class Venv:
    """A virtual environment and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "venv" / "bin"
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    def sh(self, command: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell command with this environment first on the path."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            ["bash", "-c", command],
            cwd=cwd or self.work,
            env={**kept, "PATH": f"{self.bin}{os.pathsep}{kept['PATH']}"},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    def ok(self, command: str, *, cwd: Path | None = None) -> str:
        """Run a command that must work; gives its stdout."""
        done = self.sh(command, cwd=cwd)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheels of the three distributions; gives their folder."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = [str(ROOT / name) for name in DISTRIBUTIONS]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, *sources],
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """A fresh environment with nothing in it."""
    return Venv(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def toy_source(tmp_path: Path) -> Path:
    """The tutorial's pack, somewhere else than in the repository."""
    return Path(shutil.copytree(TOY, tmp_path / "my-pack"))


@pytest.fixture
def toy_sink_source(tmp_path: Path) -> Path:
    """The sink of the page on sinks, somewhere else than in the repository."""
    return Path(shutil.copytree(TOY_SINK, tmp_path / "my-sink"))


@pytest.fixture
def backend_source(tmp_path: Path) -> Path:
    """The example of the page on backends, somewhere else than in the repository."""
    return Path(shutil.copytree(BACKEND, tmp_path / "my-backend"))
