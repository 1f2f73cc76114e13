"""A sweep in a real notebook kernel and on a real terminal."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from ttbench_core import run_sweep

pytestmark = pytest.mark.usefixtures("fake_engine")

SETTINGS = {"backend": "fake", "passes": 2, "warmup": 0, "roofline": False, "verify": False}


def everything(descriptor):
    os.set_blocking(descriptor, False)
    read = b""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(descriptor, 100_000):
            read += chunk
    return read


# pyzmq and ipykernel warn about their own event loops on some platforms
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_shows_a_bar_a_table_that_grows_and_the_records(
    fake_engine, monkeypatch, tmp_path
):
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cell = (
        "from ttbench_core import run_sweep\n"
        f"run_sweep(grid={{'model': ['steady'], 'microbatch': [1, 2]}}, settings={SETTINGS!r})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    drawn, result = [one.data["text/html"] for one in outputs if "data" in one]
    assert "<progress max='2' value='2'>" in drawn
    assert drawn.count("samples/s") == 2
    assert "steady" in result
    assert not [one for one in outputs if one.get("name") == "stderr"]


def test_a_terminal_shows_lines_of_cells_and_how_far_it_is(monkeypatch):
    ours, theirs = pty.openpty()
    terminal = io.TextIOWrapper(os.fdopen(theirs, "wb", buffering=0), write_through=True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stdout", terminal)
    run_sweep(grid={"model": ["steady"], "microbatch": [1, 2]}, settings=SETTINGS)
    terminal.flush()
    shown = everything(ours).decode()
    assert "[1/2] microbatch=" in shown
    assert "2 done" in shown
    terminal.close()
    os.close(ours)
