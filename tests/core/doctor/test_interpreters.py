"""`ttbench doctor` asks the interpreters of `ttbench.toml` what they have."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ttbench_core.doctor.backends import BROKEN, USABLE
from ttbench_core.doctor.interpreters import probe_interpreter, read_or_report
from ttbench_core.request.settings_file import Interpreter

LIMIT_S = 60.0
FOUND = {
    "python": {"version": "3.12.1"},
    "software": [{"name": "torch", "version": "2.9.0"}, {"name": "numpy", "version": None}],
    "backends": [{"name": "torch", "state": "usable"}, {"name": "openvino", "state": "not_here"}],
    "packs": [{"name": "some-pack"}],
}


@pytest.fixture
def program(tmp_path):
    """Make a program that is started in place of an interpreter."""

    def make(script: str, *backends: str) -> Interpreter:
        file = tmp_path / "python"
        file.write_text(f"#!{sys.executable}\n{script}\n")
        file.chmod(0o755)
        return Interpreter("other", file, backends)

    return make


def test_it_says_what_it_has(program):
    report = probe_interpreter(program(f"print({json.dumps(FOUND)!r})", "torch"), LIMIT_S)
    assert (report.state, report.reason) == (USABLE, "")
    assert report.versions == {"Python": "3.12.1", "torch": "2.9.0"}
    assert (report.usable_backends, report.packs) == (("torch",), ("some-pack",))


def test_one_whose_backend_cannot_run_is_broken(program):
    report = probe_interpreter(program(f"print({json.dumps(FOUND)!r})", "openvino"), LIMIT_S)
    assert (report.state, report.reason) == (BROKEN, "cannot run there: openvino")


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE"])
def test_it_is_asked_for_itself_alone_and_sees_its_own_packages(program, monkeypatch, name):
    monkeypatch.setenv(name, "/ours")
    script = f"import os, sys; sys.exit(' '.join(sys.argv[1:]) + str(os.environ.get({name!r})))"
    report = probe_interpreter(program(script), 7)
    assert report.reason == "-m ttbench_core doctor --json --here --timeout 7None"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this"),
        ("print('words')", "ended with code 0"),
        ("print('{}')", "ended with code 0"),
        ("print('[3]')", "ended with code 0"),
    ],
)
def test_one_that_does_not_answer_has_a_reason(program, script, reason):
    report = probe_interpreter(program(script), LIMIT_S)
    assert report.state == BROKEN
    assert report.reason.startswith(reason)


def test_one_that_is_silent_is_ended_after_the_timeout(program):
    report = probe_interpreter(program("import time; time.sleep(600)"), 0.2)
    assert (report.state, report.reason) == (BROKEN, "did not answer within 0.2 s")


@pytest.mark.usefixtures("asked_engines")
def test_one_that_is_missing_is_a_row_and_the_others_are_asked(ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = tmp_path / "good"
    good.write_text(f"#!{sys.executable}\nprint({json.dumps(FOUND)!r})\n")
    good.chmod(0o755)
    Path("ttbench.toml").write_text('[interpreters]\nmissing = "./nothing"\ngood = "./good"\n')
    reports = json.loads(ttbench("doctor", "--json").out)["interpreters"]
    assert [(one["name"], one["state"]) for one in reports] == [
        ("missing", "broken"),
        ("good", "usable"),
    ]
    assert reports[0]["reason"] == "cannot be started: No such file or directory"
    assert json.loads(ttbench("doctor", "--json", "--here").out)["interpreters"] == []


def test_settings_that_cannot_be_read_are_a_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ttbench.toml").write_text("interpreters = 3")
    known, (report,) = read_or_report()
    assert known == ()
    assert report.reason.startswith("ttbench.toml: interpreters must be a table")
