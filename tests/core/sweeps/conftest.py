"""What all tests of sweeps need."""

from __future__ import annotations

import tempfile

import pytest


@pytest.fixture(autouse=True)
def own_locks(tmp_path_factory, monkeypatch):
    """Keep the locks of a test to itself: the machine may have others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
