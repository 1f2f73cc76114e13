"""Plans of made-up cells, which run on the fake engine."""

from __future__ import annotations

from ttbench_core.request.options import RunOptions
from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.plan import Plan

#: A model that puts a folder in the place of a target while it is built.
BREAKING = """
import os
from ttbench_core import benchmark_model
from ttbench_fake_engine import ShapedTensor, echo

@benchmark_model
def breaking(training):
    os.makedirs({folder!r}, exist_ok=True)
    return [echo], [ShapedTensor(1, 1)]
"""
BREAKING_ENTRY = "[ttbench.models]\nbreaking = breaking_mod:breaking\n"
QUICK = {"passes": 2, "warmup": 0, "roofline": False, "verify": False, "backend": "fake"}


def make_cell(number, model="steady", refused=None, **options):
    request = RunRequest(RunOptions(model, **{**QUICK, **options}))
    return Cell(
        number=number,
        key=f"key-{number}",
        label=f"cell {number} {model}",
        scenario=None,
        settings={"model": model},
        request=request,
        refused=refused,
        devices=("fake:0", "fake:1"),
    )


def make_plan(*cells, rounds=1, **options):
    sweep = Sweep(name="nightly", settings={}, grid={}, rounds=rounds, **options)
    return Plan(sweep, "identity", tuple(cells))
