"""Made-up records of a sweep: models on engines, as a run of each would have written them."""

from __future__ import annotations

import itertools

from ttbench_core.testing import example_result

DTYPES = {"Fp32": "float32", "Fp16_b": "bfloat16"}
_numbers = itertools.count(1)
_STEPS = (0, 1, -1, 2, -2, 1, 0)


def swept(
    backend="torch",
    data_format="Fp32",
    rate=100.0,
    *,
    model="bert",
    microbatch=8,
    args=None,
    pcc=0.9999,
    right=True,
    verdict="stable",
    dtype=None,
    **changes,
):
    """Give a run of seven passes with about this rate."""
    number = next(_numbers)
    e2e_ns = microbatch * 5 * 1e9 / rate
    passes = []
    for step in _STEPS:
        pass_ns = round(e2e_ns * (1 + step / 500 + number % 3 / 100))
        ends = [round(pass_ns * share / 5) for share in range(6)]
        passes.append({"e2e_ns": pass_ns, "process": 0, "push_ns": ends[:-1], "pop_ns": ends[1:]})
    values = {
        "args": {
            "model": model,
            "config": "base",
            "loop_count": 5,
            "microbatch": microbatch,
            "dataformat": data_format,
            "backend_opt_level": 1,
            "backend": backend,
            **(args or {}),
        },
        "backend": backend,
        "model": {"name": model, "config": "base", "unit": "sample"},
        "devices": [{"kind": "cpu", "index": 0, "name": "Example CPU"}],
        "total_samples": microbatch * 5,
        "samples_per_sec": rate,
        "total_time": e2e_ns / 1e9,
        "passes": passes,
        "run_id": f"{number:032x}",
        "started_at": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}"
        f":{number % 60:02}+00:00",
        "versions": {"python": "3.11"},
        "effective": {"dtype": dtype or DTYPES.get(data_format)},
        "verdict": {"verdict": verdict, "findings": []},
        "verification": {"passed": right, "pcc": pcc, "relative_l2": (1 - pcc) ** 0.5},
        "latency": {"p50_ns": round(e2e_ns / 5)},
        **changes,
    }
    return example_result(**values)


def failed(backend="torch", data_format="Fp32", error="compile: boom", **changes):
    """Give a run that failed before anything was measured."""
    gone = {
        "status": "failed",
        "error": error,
        "samples_per_sec": None,
        "total_time": None,
        "total_samples": None,
        "passes": (),
        "verdict": None,
        "verification": None,
        "latency": None,
        "effective": {},
        "devices": (),
    }
    return swept(backend, data_format, **{**gone, **changes})


def sweep(models=10, engines=5, sizes=5, records=3):
    """Give the records of a sweep over models, engines, two formats and sizes."""
    for model, engine, form, size, record in itertools.product(
        range(models), range(engines), DTYPES, range(sizes), range(records)
    ):
        speed = (1 + 0.6 * engine) * (1.9 if form == "Fp16_b" else 1) * (1 + 0.2 * size)
        yield swept(
            "torch" if engine == 0 else f"engine{engine}",
            form,
            (20 + model) * speed * (1 + record / 400),
            model=f"model{model}",
            microbatch=2**size,
            pcc=1 - 1e-6 * (1 + engine) * (1000 if form == "Fp16_b" else 1),
        )
