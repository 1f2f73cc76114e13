"""A run in another interpreter: what is asked of it first, and what does not fit."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core import RequestError
from ttbench_core.running.processes.line_reader import HungProcessError, LineReader
from ttbench_core.running.processes.messages import PROTOCOL
from ttbench_core.running.processes.peers import knows_model
from ttbench_core.running.request import request_of

VERSION = ttbench_core.__version__
QUICK = ("-m", "steady", "--backend", "fake", "--passes", 3)


@pytest.fixture(autouse=True)
def no_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def program(tmp_path):
    """Make a program that is started in place of an interpreter, and says one line."""

    def make(line: str) -> Path:
        file = tmp_path / "python"
        says = f"os.write(int(sys.argv[3]), {line!r}.encode())"
        file.write_text(f"#!{sys.executable}\nimport os, sys\n{says}\n")
        file.chmod(0o755)
        return file

    return make


def saying(**hello: object) -> str:
    return json.dumps({"hello": hello}) + "\n"


def test_the_engine_of_another_interpreter_measures_a_model_that_it_has(ttbench, fake_engine):
    # the engine is not on the path of this process's children, but of that interpreter
    words = ("--python", sys.executable, "-e", f"PYTHONPATH={fake_engine}")
    outcome = ttbench(*QUICK, *words, "--json")
    assert outcome.code == 0, outcome.err
    record = json.loads(outcome.out)
    assert record["requested"]["python"] == record["args"]["python"] == sys.executable
    assert record["model"]["pack"] == "ttbench-fake-engine"


def test_it_does_not_see_the_packages_of_this_one(ttbench, fake_engine, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    outcome = ttbench("-m", "steady", "--python", sys.executable)
    # the model is not there, so this interpreter exports it: it is no module of PyTorch
    assert outcome.code != 0
    assert "exported" in outcome.err or "torch" in outcome.err


LOADER = """
import os
{first}

class ModelLoader:
    def load_model(self):
        {later}
    def load_inputs(self): ...
"""
MISSING = "import a_library_that_is_not_there.part"


@pytest.mark.parametrize(
    ("first", "later", "knows"),
    [("", "import json", True), (MISSING, "...", False), ("", MISSING, False)],
)
def test_it_has_a_loader_whose_libraries_it_has(tmp_path, first, later, knows):
    (tmp_path / "one_loader.py").write_text(LOADER.format(first=first, later=later))
    request = request_of("loader:one_loader", {"python": sys.executable}, find=False)
    assert knows_model(request) == knows


def test_a_name_of_the_settings_is_an_interpreter(ttbench, fake_engine, tmp_path):
    (tmp_path / "ttbench.toml").write_text(f'[interpreters]\nother = "{sys.executable}"\n')
    words = ("--python", "other", "-e", f"PYTHONPATH={fake_engine}")
    outcome = ttbench(*QUICK, *words, "--json")
    assert json.loads(outcome.out)["requested"]["python"] == "other"


def test_a_backend_runs_where_the_settings_say_that_it_lives(ttbench, fake_engine, tmp_path):
    missing = tmp_path / "missing"
    text = f'[interpreters]\nother = {{ python = "{missing}", backends = ["fake"] }}\n'
    (tmp_path / "ttbench.toml").write_text(text)
    outcome = ttbench(*QUICK)
    assert outcome.code == 2
    assert outcome.complaint == (
        f"ttbench: error: --python other ({missing}) cannot be started: No such file or directory"
    )
    assert ttbench(*QUICK, "--in-process").code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "is no Python interpreter that can be used"),
        ("words\n", "is no Python interpreter that can be used"),
        ("[]\n", "is no Python interpreter that can be used"),
        (
            saying(python="3.12.1", core=None, protocol=None, reason="ModuleNotFoundError: x"),
            "(Python 3.12.1) has no ttbench-core that can be imported (ModuleNotFoundError: x): ",
        ),
        (
            saying(python="3.12.1", core="0.0.9", protocol=PROTOCOL),
            f"has ttbench-core 0.0.9 (protocol {PROTOCOL}), and this is {VERSION}",
        ),
        (
            saying(python="3.12.1", core=VERSION, protocol=0),
            f"has ttbench-core {VERSION} (protocol 0), and this is {VERSION}",
        ),
        (
            saying(python="3.12.1", core=VERSION, protocol=PROTOCOL),
            "does not say which models it has",
        ),
    ],
)
def test_an_interpreter_that_does_not_fit_is_refused_in_one_line(ttbench, program, line, message):
    outcome = ttbench("-m", "steady", "--python", program(line))
    assert outcome.code == 2
    assert message in outcome.complaint
    if "protocol" in message or "imported" in message:
        assert outcome.complaint.endswith(f"python -m pip install ttbench-core=={VERSION}")


#: Starts a process that holds a pipe open, as a wrapper starts an interpreter.
WRAPPER = """#!{python}
import os, subprocess, sys, time
held = os.open({pipe!r}, os.O_WRONLY)
subprocess.Popen(["sleep", "300"], stdin=subprocess.DEVNULL, pass_fds=[held])
os.write(held, b"x")
os.close(held)
os.write(int(sys.argv[3]), {line!r}.encode())
time.sleep({waits_s})
"""


@pytest.fixture
def wrapper(tmp_path):
    """Make a wrapper that says one line; gives it, and the pipe that its process holds open."""
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def make(line: str, waits_s: float) -> tuple[Path, int]:
        file = tmp_path / "wrapper"
        text = WRAPPER.format(python=sys.executable, pipe=str(pipe), line=line, waits_s=waits_s)
        file.write_text(text)
        file.chmod(0o755)
        return file, reader

    yield make
    os.close(reader)


def has_ended(pipe: int) -> bool:
    """Whether the process that holds a pipe open has started, and ended since."""
    said = b""
    while select.select([pipe], [], [], 20.0)[0]:
        chunk = os.read(pipe, 1)
        if not chunk:
            return said == b"x"
        said += chunk
    return False


@pytest.mark.parametrize(
    ("line", "waits_s", "message"),
    [
        ("words\n", 300, "is no Python interpreter that can be used"),
        (
            saying(python="3.12.1", core=VERSION, protocol=PROTOCOL),
            0,
            "does not say which models it has",
        ),
    ],
)
def test_what_a_wrapper_has_started_ends_with_it(ttbench, wrapper, line, waits_s, message):
    file, pipe = wrapper(line, waits_s)
    assert message in ttbench("-m", "steady", "--python", file).complaint
    assert has_ended(pipe)


def test_what_a_wrapper_has_started_ends_where_it_says_nothing(ttbench, wrapper, monkeypatch):
    file, pipe = wrapper("", 300)

    def hang(*_: object) -> None:
        select.select([pipe], [], [], 20.0)
        raise HungProcessError("gave no sign of life")

    monkeypatch.setattr(LineReader, "next", hang)
    complaint = ttbench("-m", "steady", "--python", file).complaint
    assert "did not start within 60 s" in complaint
    assert has_ended(pipe)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nothing/here", "cannot be started: No such file or directory"),
        ("./", "cannot be started: it is a folder; name the interpreter in it, such as bin/python"),
        ("./plain", "cannot be started: Permission denied"),
        ("~nobody-here/python", "~nobody-here has no home folder"),
    ],
)
def test_what_cannot_be_started_is_refused_in_one_line(ttbench, tmp_path, place, message):
    (tmp_path / "plain").write_text("text")
    outcome = ttbench("-m", "steady", "--python", place)
    assert outcome.code == 2
    assert message in outcome.complaint


@pytest.mark.parametrize("place", ["./a\0b", "./a\ud800"])
def test_what_no_path_can_be_is_refused_in_one_line(place):
    with pytest.raises(RequestError, match="--python: .* is no path") as refused:
        ttbench_core.run("steady", python=place)
    assert str(refused.value).isprintable()


def test_a_builder_of_the_callers_own_stays_in_its_interpreter():
    with pytest.raises(RequestError, match="runs installed models, and not a builder of your own"):
        ttbench_core.run(lambda: ([], []), python=sys.executable)


def test_another_interpreter_is_not_this_process(ttbench):
    outcome = ttbench("-m", "steady", "--in-process", "--python", sys.executable)
    assert outcome.code == 2
    assert "--in-process measures in this process, and --python needs others" in outcome.complaint
