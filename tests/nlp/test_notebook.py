"""The notebook of the examples runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    # pyzmq and ipykernel warn about their own event loops on some platforms
    pytest.mark.filterwarnings("ignore"),
]

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_the_notebook_runs_sweeps_plots_and_compares(tmp_path, monkeypatch):
    # the locks of devices are there: another sweep of the machine is not waited for
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in shown for kind in output.get("data", {})}
    assert {"text/html", "image/svg+xml"} <= kinds
    assert len((tmp_path / "sweep.jsonl").read_text().splitlines()) == 4
    printed = "".join(output.get("text", "") for output in shown)
    assert "bert tiny" in printed.splitlines()[-1]


def test_the_notebook_is_kept_without_what_it_printed():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
