"""Progress is seen where somebody looks, and nowhere else."""

from __future__ import annotations

import io
import os
import pty
import sys

import nbformat
import pytest
from nbclient import NotebookClient

import ttbench_core

pytestmark = pytest.mark.usefixtures("fake_engine")

# pyzmq and ipykernel warn about their own event loops on some platforms
ignore_their_warnings = pytest.mark.filterwarnings("ignore")


def test_nothing_is_shown_where_stderr_is_no_terminal(capfd):
    ttbench_core.run("steady", backend="fake")
    assert capfd.readouterr() == ("", "")


def test_a_bar_can_be_asked_for_and_names_phase_and_note(capfd):
    ttbench_core.run("steady", backend="fake", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "note: this engine is a fake" in err


def test_a_terminal_shows_the_phases(monkeypatch):
    ours, theirs = pty.openpty()
    terminal = io.TextIOWrapper(os.fdopen(theirs, "wb", buffering=0), write_through=True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    ttbench_core.run("steady", backend="fake")
    terminal.flush()
    shown = os.read(ours, 100_000).decode()
    assert "steady: compile" in shown
    assert "steady: passes" in shown
    terminal.close()
    os.close(ours)


def test_a_bar_is_not_drawn_for_every_one_of_many_passes(capfd):
    ttbench_core.run("steady", backend="fake", progress=True, passes=300)
    assert len(capfd.readouterr().err) < 20_000


@ignore_their_warnings
def test_a_notebook_shows_a_bar_and_the_result(fake_engine, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cell = (
        "import ttbench_core\n"
        "result = ttbench_core.run('steady', config='small', backend='fake')\n"
        "result"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds
    (shown,) = [output for output in outputs if output.output_type == "execute_result"]
    assert "steady small" in shown.data["text/html"]
    assert "samples/s" in shown.data["text/html"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@ignore_their_warnings
def test_a_notebook_measures_a_builder_of_its_own_in_several_processes(
    fake_engine, monkeypatch, tmp_path
):
    pytest.importorskip("cloudpickle")
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cell = (
        "import ttbench_core\n"
        "from ttbench_fake_engine import ShapedTensor\n"
        "def mine(training):\n"
        "    return [lambda *tensors: tensors], [ShapedTensor(2, 3)]\n"
        "result = ttbench_core.run(mine, backend='fake', processes=3, passes=2)\n"
        "print(result.confidence['scope'], len(result.passes))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = [one["text"] for one in notebook.cells[0].outputs if one.get("name") == "stdout"]
    assert printed == ["95 % interval over 3 processes 6\n"]
