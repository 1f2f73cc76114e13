"""The example of `docs/backends.md` is short, is shown in full, and keeps its promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ttbench_core.testing import check_backend

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "ttbench_backend_toy"
SOURCE = (EXAMPLE / "src" / "ttbench_backend_toy" / "__init__.py").read_text(encoding="utf-8")


@pytest.fixture
def toy(fake_pack, monkeypatch):
    entry_points = "[ttbench.backends]\ntoy = ttbench_backend_toy:ToyBackend\n"
    fake_pack("ttbench-backend-toy", entry_points, ttbench_backend_toy=SOURCE)
    monkeypatch.syspath_prepend(ROOT / "tests" / "packs" / "networks")


def test_the_example_has_at_most_150_lines():
    assert len(SOURCE.splitlines()) <= 150


@pytest.mark.torch
def test_the_example_keeps_its_promises(toy):
    pytest.importorskip("torch")
    check_backend("toy")
    check_backend("toy", engine_options={"scale": "tensor"})


@pytest.mark.torch
def test_the_example_is_chosen_without_being_named_and_records_what_it_ran(toy, ttbench):
    pytest.importorskip("torch")
    words = ["-m", "staged", "--passes", "1", "--warmup", "0", "--json"]
    record = json.loads(ttbench(*words, "-df", "Int4", "-B", "scale=tensor").out)
    assert record["backend"] == "toy"
    assert record["devices"][0]["kind"] == "toy"
    assert record["args"]["dataformat"] == "Int4"
    assert record["args"]["engine_options"] == {"scale": "tensor"}
    assert record["verification"]["passed"]
    assert record["verification"]["threshold"] == 0.9
    assert "Int4 is emulated: its speed is that of float32" in record["notes"]


def test_the_example_shows_its_formats_and_options(toy, ttbench):
    shown = ttbench("info", "--backend", "toy").out
    assert "Int8*, Int4" in shown.replace("Int4, Int8*", "Int8*, Int4")
    assert "-B scale=" in shown
    assert "{row,tensor}" in shown
