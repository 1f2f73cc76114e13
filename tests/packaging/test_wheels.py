"""Built wheels, installed where a stranger would, list and run."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKS = ("ttbench_models_nlp", "ttbench_models_vision")


def declared():
    """The models that the packs' own files register."""
    for pack in PACKS:
        text = (ROOT / pack / "pyproject.toml").read_text()
        section = text.partition('[project.entry-points."ttbench.models"]')[2].partition("[")[0]
        yield from re.findall(r"^(\w+) = ", section, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(stranger, wheels):
    stranger.ok(f"pip install -q -c {ROOT / 'constraints.txt'} {wheels}/*.whl pytest")
    return stranger


def test_each_wheel_holds_its_package_types_and_licence_and_nothing_else(wheels):
    for wheel in wheels.glob("*.whl"):
        names = zipfile.ZipFile(wheel).namelist()
        package = wheel.name.partition("-")[0]
        assert f"{package}/py.typed" in names
        assert [name for name in names if name.endswith("licenses/LICENSE")]
        assert {name.partition("/")[0] for name in names} <= {package, f"{package}-0.1.0.dist-info"}
    assert len(list(wheels.glob("*.whl"))) == 3


def test_every_declared_model_is_listed(installed):
    entries = json.loads(installed.ok("ttbench --list --json"))
    assert sorted(entry["name"] for entry in entries) == sorted(declared())
    assert len(entries) > 40
    assert not [entry for entry in entries if entry["error"]]


def test_the_installed_set_is_consistent_and_has_no_torchvision(installed):
    installed.ok("pip check")
    names = installed.ok("pip list --format=freeze").lower()
    for unwanted in ("torchvision", "timm", "nvidia-"):
        assert f"\n{unwanted}" not in names


def test_a_model_of_each_pack_runs(installed):
    installed.ok("ttbench -m bert -c tiny -mb 2 -o perf.json")
    installed.ok("ttbench -m resnet -c resnet18 -mb 1 -o perf.json")
    records = json.loads((installed.work / "perf.json").read_text())
    assert [record["model"]["pack"] for record in records] == [
        "ttbench-models-nlp",
        "ttbench-models-vision",
    ]


def test_an_installed_pack_inside_no_checkout_has_no_hash(installed):
    (record,) = [json.loads(installed.ok("ttbench -m bert -c tiny -mb 1 --json"))]
    assert record["hash"] is None
    assert record["date"] is None


def test_the_tutorials_pack_is_found_as_soon_as_it_is_installed(installed, toy_source):
    before = installed.ok("ttbench --list")
    assert "mlp" not in before
    installed.ok(f"pip install -q -c {ROOT / 'constraints.txt'} {toy_source}")
    try:
        assert "ttbench-models-toy" in installed.ok("ttbench --list")
        shown = installed.ok("ttbench -m mlp -c wide --layers 2 -mb 4 --trace light")
        assert "mlp wide" in shown
        assert "aten::linear" in shown
        assert "2 passed" in installed.ok("python -m pytest -q", cwd=toy_source)
    finally:
        installed.ok("pip uninstall -q -y ttbench-models-toy")


def test_the_example_backend_runs_unnamed_as_soon_as_it_is_installed(installed, backend_source):
    bert = "ttbench -m bert -c tiny -mb 1 --passes 1 --json"
    installed.ok(f"pip install -q -c {ROOT / 'constraints.txt'} {backend_source}")
    try:
        record = json.loads(installed.ok(f"{bert} -df Int4 -B scale=tensor"))
        assert record["backend"] == "toy"
        assert record["devices"][0]["kind"] == "toy"
        assert record["args"]["dataformat"] == "Int4"
        assert record["args"]["engine_options"] == {"scale": "tensor"}
        assert record["verification"]["passed"]
        assert record["versions"]["ttbench-backend-toy"] == "1.0.0"
        assert json.loads(installed.ok(f"{bert} -d cpu"))["backend"] == "torch"
        assert "-B scale=" in installed.ok("ttbench info --backend toy")
        assert "toy" in installed.ok("ttbench doctor")
        assert "5 passed" in installed.ok("python -m pytest -q", cwd=backend_source)
    finally:
        installed.ok("pip uninstall -q -y ttbench-backend-toy")


def test_the_tutorial_shows_the_code_of_its_pack():
    tutorial = (ROOT / "docs" / "tutorial.md").read_text()
    pack = ROOT / "examples" / "ttbench_models_toy"
    for file in ("pyproject.toml", "src/ttbench_models_toy/__init__.py", "tests/test_mlp.py"):
        assert (pack / file).read_text().strip() in tutorial, file


def test_the_example_sink_is_found_as_soon_as_it_is_installed(installed, toy_sink_source):
    place = "'signed:runs?key=K3Y'"
    installed.ok(f"pip install -q -c {ROOT / 'constraints.txt'} {toy_sink_source}")
    try:
        shown = installed.ok(f"ttbench -m bert -c tiny -mb 2 --passes 1 -o {place}")
        assert "appended to  signed:runs?key=***" in shown
        assert "bert" in installed.ok(f"ttbench show {place}")
        assert "3 passed" in installed.ok("python -m pytest -q", cwd=toy_sink_source)
    finally:
        installed.ok("pip uninstall -q -y ttbench-sink-toy")
    assert "no sink is registered for signed:" in installed.sh(f"ttbench show {place}").stderr


def test_the_page_on_sinks_shows_the_code_of_its_example():
    page = (ROOT / "docs" / "sinks.md").read_text()
    sink = ROOT / "examples" / "ttbench_sink_toy"
    for file in ("pyproject.toml", "src/ttbench_sink_toy/__init__.py", "tests/test_signed.py"):
        assert (sink / file).read_text().strip() in page, file


@pytest.mark.parametrize(
    ("kind", "distribution", "run"),
    [
        ("pack", "ttbench-models-x", "ttbench -m x -c small"),
        ("backend", "ttbench-backend-x", "ttbench -m bert -c tiny --backend x"),
        ("sink", "ttbench-sink-x", "ttbench -m bert -c tiny -mb 2 -o x:results"),
    ],
)
def test_a_new_package_installs_passes_its_tests_and_runs(installed, kind, distribution, run):
    installed.ok(f"ttbench new {kind} x --in {kind}s")
    installed.ok(f"pip install -q -c {ROOT / 'constraints.txt'} ./{kind}s/x")
    try:
        assert "passed" in installed.ok(f"python -m pytest -q ./{kind}s/x")
        record = json.loads(installed.ok(f"{run} --passes 1 --no-roofline --json"))
        assert record["status"] == "ok"
        assert record["verification"] is None or record["verification"]["passed"]
    finally:
        installed.ok(f"pip uninstall -q -y {distribution}")


def test_the_gate_runs_the_readmes_test_command():
    command = "pip install nox && nox"
    assert command in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == command


def test_versions_of_the_three_distributions_agree(wheels):
    assert {wheel.name.split("-")[1] for wheel in wheels.glob("*.whl")} == {"0.1.0"}
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [0.1.0]" in changelog or "## [Unreleased]" in changelog


def test_the_root_cannot_be_installed_by_accident(stranger):
    done = subprocess.run(
        [stranger.bin / "pip", "install", "--no-deps", "--dry-run", ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
