"""Listing, helping and importing stay light: no torch, no transformers, no engine."""

from __future__ import annotations

import os

import pytest

HEAVY = ["torch", "transformers", "numpy", "stevedore", "psutil"]


def imported(python, statement: str, **options) -> set[str]:
    done = python(
        "-c",
        "import contextlib, sys\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    {statement}\n"
        "print('\\nMODULES', *sorted({name.partition('.')[0] for name in sys.modules}))",
        **options,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "statement",
    [
        "import ttbench_core",
        "from ttbench_core import benchmark_model, StagedModel",
        "from ttbench_core.cli import main; main(['--list'])",
        "from ttbench_core.cli import main; main(['--list', '--json'])",
        "from ttbench_core.cli import main; main(['--help'])",
        "from ttbench_core.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_imported_by(python, statement):
    assert imported(python, statement) & set(HEAVY) == set()


def test_a_wrong_request_needs_no_engine_either(python):
    statement = "from ttbench_core.cli import main; main(['-m', 'no_such_model'])"
    assert imported(python, statement) & {"torch", "transformers"} == set()


def test_a_sweep_on_this_machine_imports_no_ray(python, fake_engine, tmp_path):
    (tmp_path / "ray.py").touch()
    path = os.pathsep.join(map(str, (fake_engine, tmp_path)))
    assert "ray" in imported(python, "import ray", path=path)
    words = ["sweep", "-m", "steady", "--backend", "fake", "--dry-run"]
    statement = f"from ttbench_core.cli import main; main({words})"
    assert "ray" not in imported(python, statement, path=path)


def test_run_is_imported_without_an_engine(python):
    assert imported(python, "from ttbench_core import run") & {"torch", "transformers"} == set()


def test_a_run_on_another_backend_imports_no_torch(python, fake_engine):
    statement = "import ttbench_core; ttbench_core.run('steady', backend='fake')"
    assert imported(python, statement, path=fake_engine) & {"torch", "transformers"} == set()
