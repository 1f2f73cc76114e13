"""What all tests of sweeps need."""

from __future__ import annotations

import signal
import tempfile

import pytest


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
