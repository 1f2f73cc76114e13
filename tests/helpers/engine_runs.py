"""What tests of engines for exported models do: compile a model, draw inputs, run a benchmark."""

from __future__ import annotations

import ttbench_core
from ttbench_core import RunOptions
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan

QUICK = {"passes": 1, "warmup": 0, "progress": False}


def compiled(engine, model, **options):
    backend = load_backend(engine).backend
    return backend.compile(model, plan(RunOptions("m", **options), backend))


def sample():
    from ttbench_core.models.reference.sample_models import sample_model

    return sample_model(staged=True)


def draws(count):
    from ttbench_core.models.reference.sample_models import draw_inputs

    return [draw_inputs(seed) for seed in range(count)]


def run(engine, model, config, **options):
    # in this process, where pytest makes an error of every warning
    return ttbench_core.run(model, config=config, backend=engine, **{**QUICK, **options})
