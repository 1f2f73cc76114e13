"""What all tests of sweeps need."""

from __future__ import annotations

import signal
import tempfile

import pytest

from ttbench_core.sweeps.definition.definition_checks import sweep_from
from ttbench_core.sweeps.definition.flags import with_flags
from ttbench_core.sweeps.definition.toml_file import read_draft

QUICK = ("--passes", "2", "--warmup", "0", "--no-roofline", "--no-verify")


@pytest.fixture(autouse=True)
def own_locks(tmp_path_factory, monkeypatch):
    """Keep the locks of a test to itself: the machine may have others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())


@pytest.fixture
def handles_ctrl_c():
    """Let Ctrl-C raise, also where the tests were started with it ignored, as by a shell's `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def toml(tmp_path):
    """Write a file and make its sweep, with flags beside it."""

    def make(text, flags=None):
        file = tmp_path / "nightly.toml"
        file.write_text(text)
        draft = read_draft(file)
        return sweep_from(with_flags(draft, flags) if flags else draft)

    return make


@pytest.fixture
def sweep(fake_engine, ttbench, tmp_path, monkeypatch):
    """Run `ttbench sweep` of quick cells on the fake engine, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return ttbench("sweep", "--backend", "fake", *QUICK, *words)

    return run
