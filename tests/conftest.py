"""Fixtures of every suite."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# machines of CI stall: an example that takes long once is no failure
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PACKS = Path(__file__).parent / "packs"
#: Variables that PyBuda reads or sets.
PYBUDA_VARIABLES = (
    "PYBUDA_",
    "TT_BACKEND_",
    "GOLDEN_",
    "BUDA_",
    "TVM_HOME",
    "NUM_EXEC_LOOP_ITERATIONS",
)
#: Signals that may be ignored in this process, because whoever started it ignores them.
DEFAULT_HANDLERS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    # here and not in fuzz: pytest reads only the options of folders that it is started with
    group = parser.getgroup("fuzz", "random tests, in tests/fuzz")
    group.addoption(
        "--fuzz-rounds", type=int, default=20, help="rounds of a test of weight 1 (default 20)"
    )
    group.addoption("--fuzz-seed", default="0", help="any text (default 0)")


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
def broken_after_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the check of a target see no content, as if a file were broken only during the run."""
    monkeypatch.setattr("ttbench_core.sinks.targets.require_readable", lambda *_: None)


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the backend `fake` and its models for one test."""
    monkeypatch.syspath_prepend(PACKS / "engine")
    return PACKS / "engine"


@pytest.fixture
def asked_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ttbench doctor` ask those engines alone that the test installs.

    Each engine of the core imports torch in a process of its own, which takes seconds.
    """
    from ttbench_core.doctor import diagnosis

    def discover(group: str) -> list[Any]:
        return [one for one in real(group) if one.pack != "ttbench-core"]

    real = diagnosis.discover
    monkeypatch.setattr(diagnosis, "discover", discover)


@pytest.fixture(scope="session")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for bytecode: a third of a fresh import is compiling."""
    return str(tmp_path_factory.mktemp("bytecode"))


@pytest.fixture
def pybuda_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the stand-in for PyBuda and the program rsync; afterwards all is as before."""
    environment = dict(os.environ)
    os.environ["PATH"] = os.pathsep.join([str(PACKS / "pybuda" / "bin"), os.environ["PATH"]])
    for name in [name for name in environment if name.startswith(PYBUDA_VARIABLES)]:
        del os.environ[name]
    monkeypatch.syspath_prepend(PACKS / "pybuda")
    yield
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def import_again(
    pybuda_path: None, monkeypatch: pytest.MonkeyPatch, compiled_once: str
) -> Iterator[Callable[[], Any]]:
    """Import the stand-in as if for the first time, with the environment as it is then."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", compiled_once)

    def again() -> Any:
        _forget_pybuda()
        return importlib.import_module("pybuda")

    yield again
    _forget_pybuda()


@pytest.fixture
def fake_pybuda(import_again: Callable[[], Any]) -> Iterator[Any]:
    """Import the stand-in afresh; afterwards modules and environment are as before.

    A use that the real library does not forgive fails the test, even when the code under test
    caught it: take those that are meant out of `pybuda.standin.violations`.
    """
    pybuda = import_again()
    yield pybuda
    violations = list(pybuda.standin.violations)
    pybuda.standin.reset()
    assert not violations


def _forget_pybuda() -> None:
    """Forget the stand-in, and what of the backend holds on to it."""
    kept = ("pybuda", "ttbench_core.backends.pybuda")
    for name in [
        name for name in sys.modules if f"{name}.".startswith(tuple(f"{k}." for k in kept))
    ]:
        del sys.modules[name]


@pytest.fixture
def cards(
    pybuda_path: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., None]:
    """Put the stand-in and its cards into this machine, for runs in processes of their own.

    Call it with settings of the stand-in; `log` is set anyway, and read by `card_calls`.
    """
    from ttbench_core.backends.pybuda import cards as cards_module

    nodes = tmp_path / "nodes"
    monkeypatch.setattr(cards_module, "DRIVER_NODES", nodes)
    # processes that a run starts look there, too
    monkeypatch.setenv("PYTHONPATH", str(PACKS / "card_nodes"), prepend=os.pathsep)
    monkeypatch.setenv("TTBENCH_TEST_CARD_NODES", str(nodes))
    monkeypatch.syspath_prepend(PACKS / "networks")

    def configure(**settings: Any) -> None:
        nodes.mkdir(exist_ok=True)
        for index, _ in enumerate(settings.get("cards", ["Wormhole_B0"])):
            (nodes / str(index)).touch()
        os.environ["PYBUDA_STANDIN"] = json.dumps({"log": str(tmp_path / "calls"), **settings})

    configure()
    return configure


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


@contextlib.contextmanager
def _default_handlers() -> Iterator[None]:
    before = {number: signal.signal(number, does) for number, does in DEFAULT_HANDLERS.items()}
    try:
        yield
    finally:
        for number, did in before.items():
            signal.signal(number, did)


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Let signals do in this process what they do by default, for one test.

    A shell's `&` and `nohup` start a process with signals ignored.
    """
    with _default_handlers():
        yield


@pytest.fixture
def start_process() -> Iterator[Callable[..., subprocess.Popen[Any]]]:
    """Start a process that ignores no signal, with the arguments of `subprocess.Popen`.

    It is killed after the test, also when the test fails.
    """
    with contextlib.ExitStack() as started:

        def popen(*arguments: Any, **options: Any) -> subprocess.Popen[Any]:
            # a child inherits which signals are ignored
            with _default_handlers():
                process = subprocess.Popen(*arguments, **options)
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield popen


@pytest.fixture
def left_behind() -> Callable[[], set[Any]]:
    """Give the processes that this test has started and that still exist.

    Children of other tests are not counted: torch keeps the processes of its compiler.
    """
    import psutil

    here = psutil.Process()
    before = set(here.children(recursive=True))
    return lambda: set(here.children(recursive=True)) - before


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
