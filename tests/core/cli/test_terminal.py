"""Text that is not ours cannot control a terminal, and one module writes to it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core.cli import terminal
from ttbench_core.running.progress import show_progress
from ttbench_core.testing import example_result

CORE = Path(ttbench_core.__file__).parent
#: The modules that write to a stream, by their paths in the core.
WRITERS = {"cli/terminal.py", "running/progress.py", "sweeps/progress/progress_display.py"}
#: A clear screen, the one-character CSI, a right-to-left override, and markup of rich.
HOSTILE = "\x1b[2J\x9b2J\u202e[/x][link=file:///etc]go[/link]"
RAW = ("\x1b", "\x9b", "\u202e")
WRITING = {"print", "print_exc", "print_exception", "write", "writelines"}


def hostile_record(path: Path) -> Path:
    one = example_result(
        model={"name": HOSTILE, "config": HOSTILE, "unit": HOSTILE},
        args={"model": HOSTILE, "config": HOSTILE, "dataformat": HOSTILE},
        machine_name=HOSTILE,
        notes=[HOSTILE],
    )
    failed = example_result(
        run_id="bb", status="failed", error=HOSTILE, samples_per_sec=None, total_time=None
    )
    path.write_text(json.dumps([one.to_record(), failed.to_record()]))
    return path


@pytest.fixture
def on_a_terminal(monkeypatch):
    """Let stdout be a terminal without styles, as far as the command line can see."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("_pytest.capture.CaptureIO.isatty", lambda self: True)


@pytest.mark.parametrize(
    "words",
    [
        "compare {0} {0}",
        "show {0}",
        "show {0} --columns model,config",
        "show {0} --plot",
        "show {0} --format csv",
        "show {0} --format json",
        "show {0} --format markdown",
        "show {0} --format tt-forge",
        "report {0} --format markdown",
    ],
)
def test_a_hostile_record_is_shown_escaped_on_a_terminal(ttbench, tmp_path, on_a_terminal, words):
    path = hostile_record(tmp_path / "perf.json")
    outcome = ttbench(*words.format(path).split())
    assert outcome.code == 0, outcome.err
    assert not [one for one in RAW if one in outcome.out + outcome.err]
    assert "[/x]" in outcome.out.replace("\\", "").replace(" ", "")


@pytest.mark.parametrize("words", ["compare {0} {0}", "show {0} --plot", "show {0}"])
def test_text_for_people_is_escaped_in_a_pipe_too(ttbench, tmp_path, words):
    outcome = ttbench(*words.format(hostile_record(tmp_path / "perf.json")).split())
    assert outcome.code == 0, outcome.err
    assert not [one for one in RAW if one in outcome.out]
    assert "[/x][link=file:///etc]go[/link]" in outcome.out


@pytest.mark.parametrize("name", ["csv", "json"])
def test_what_programs_read_is_exact_in_a_pipe(ttbench, tmp_path, name):
    path = hostile_record(tmp_path / "perf.json")
    out = ttbench("show", path, "--format", name, "--columns", "model").out
    assert (json.loads(out)[0]["model"] if name == "json" else out.splitlines()[1]) == HOSTILE


def test_a_trace_is_shown_escaped(capsys):
    terminal.print_text(f"op\ttime\n{HOSTILE}\n")
    out = capsys.readouterr().out
    assert out.startswith("op      time\n\\x1b[2J\\x9b2J\\u202e")
    assert not [one for one in RAW if one in out]


def test_a_traceback_is_shown_escaped(ttbench, fake_engine):
    outcome = ttbench("-m", "hostile", "-c", HOSTILE, "--backend", "fake", "--debug")
    assert "Traceback" in outcome.err
    assert not [one for one in RAW if one in outcome.err]


def test_notes_phases_and_names_are_shown_escaped_beside_the_bar(capfd):
    with show_progress(HOSTILE, shown=True) as observer:
        observer.phase(HOSTILE)
        observer.note(HOSTILE)
    err = capfd.readouterr().err
    assert "note: \\x1b[2J\\x9b2J\\u202e[/x][link=" in err
    assert not [one for one in RAW if one in err]


def ways_to_write(file: Path) -> Iterator[str]:
    """Yield what in a module can write to a stream: calls, and the import of rich."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in WRITING:
                yield f"{file.name}:{node.lineno} {name}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [getattr(node, "module", None), *(one.name for one in node.names)]
            if any(str(one).split(".")[0] == "rich" for one in modules):
                yield f"{file.name}:{node.lineno} rich"


def test_only_the_terminal_module_of_the_command_line_writes():
    found = {
        way
        for file in (CORE / "cli").rglob("*.py")
        if str(file.relative_to(CORE)) not in WRITERS
        for way in ways_to_write(file)
    }
    assert found == set()
    assert list(ways_to_write(CORE / "cli" / "terminal.py"))


def test_no_other_module_of_the_core_imports_rich():
    found = {
        str(file.relative_to(CORE))
        for file in CORE.rglob("*.py")
        if any(way.endswith(" rich") for way in ways_to_write(file))
    }
    assert found == WRITERS


@pytest.mark.parametrize("words", ["--list", "--list --json", "doctor", "--help", "--version"])
def test_a_reader_that_has_gone_is_exit_code_141(fake_engine, start_process, words):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ttbench_core", *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(fake_engine)}
    process = start_process(command, env=environment, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("-m nope 2>/dev/full", 2),
        ("-m nope --debug 2>/dev/full", 2),
        ("-m nope 2>&-", 2),
        ("--help >/dev/full", 1),
        ("--version >/dev/full", 1),
        ("-m nope >/dev/full", 2),
        ("-m device_fails --backend fake >/dev/full", 1),
        ("--list >/dev/full 2>/dev/full", 1),
    ],
)
def test_a_full_or_closed_stream_does_not_change_the_exit_code(
    fake_engine, start_process, command, code
):
    process = start_process(
        ["bash", "-c", f"{sys.executable} -m ttbench_core {command}"],
        env={**os.environ, "PYTHONPATH": str(fake_engine)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(timeout=120) == code


def test_a_table_wider_than_the_terminal_is_printed_row_by_row(ttbench, tmp_path, monkeypatch):
    monkeypatch.setattr("_pytest.capture.CaptureIO.isatty", lambda self: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")
    path = tmp_path / "perf.jsonl"
    path.write_text(f"{example_result().to_json()}\n" * 2)
    outcome = ttbench("show", path, "--columns", "all")
    lines = outcome.out.splitlines()
    assert sum(line.startswith("samples_per_sec ") for line in lines) == 2
    assert "" in lines
