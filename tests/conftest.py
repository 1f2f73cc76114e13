"""Fixtures of every suite."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# machines of CI stall: an example that takes long once is no failure
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PACKS = Path(__file__).parent / "packs"


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def fake_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a distribution made of a dist-info folder and modules, for one test."""

    def install(name: str, entry_points: str, version: str = "1.0", **modules: str) -> Path:
        site = tmp_path / f"site-{name}-{version}"
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(site)
        return site

    return install


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the backend `fake` and its models for one test."""
    monkeypatch.syspath_prepend(PACKS / "engine")
    return PACKS / "engine"


@pytest.fixture
def ttbench(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process."""

    from ttbench_core.cli import main

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a fresh interpreter in an empty folder; `path` is put before its own."""

    def run(
        *words: str, path: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
