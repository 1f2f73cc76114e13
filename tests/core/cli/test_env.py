"""`ttbench env`: an interpreter for an engine is made, named, and found again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core.errors import SettingsError
from ttbench_core.request.settings_file import Interpreter, read_interpreters, user_settings_file
from ttbench_core.request.settings_writing import add_interpreter
from ttbench_core.scaffolding import environments

OWN_FOLDER = environments.own_folder

VERSION = ttbench_core.__version__
#: Does what `python -m venv FOLDER` does, with an interpreter that notes what pip is asked.
BASE = """#!{python}
import pathlib, sys
folder = pathlib.Path(sys.argv[3])
(folder / "bin").mkdir(parents=True)
python = folder / "bin" / "python"
python.write_text(
    "#!{python}\\nimport pathlib, sys\\npathlib.Path({log!r}).write_text(' '.join(sys.argv[1:]))"
    "\\nsys.exit({code})\\n"
)
python.chmod(0o755)
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(environments, "own_folder", lambda: ())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def base(tmp_path):
    """Make a program in place of the interpreter that makes environments."""

    def make(code: int = 0) -> Path:
        file = tmp_path / "base"
        log = str(tmp_path / "asked")
        file.write_text(BASE.format(python=sys.executable, log=log, code=code))
        file.chmod(0o755)
        return file

    return make


CREATE = ("env", "create", "ov", "--backend", "torch")


def test_it_is_made_with_what_the_backend_needs_and_named_in_the_settings(ttbench, base, tmp_path):
    outcome = ttbench(*CREATE, "--python", base(), "-c", "limits.txt")
    assert outcome.code == 0, outcome.err
    asked = (tmp_path / "asked").read_text()
    assert asked == f"-m pip install -c limits.txt ttbench-core[torch]=={VERSION}"
    python = tmp_path / "data" / "ttbench" / "envs" / "ov" / "bin" / "python"
    assert read_interpreters() == (Interpreter("ov", python, ("torch",)),)
    assert str(python) in ttbench("env", "list").out


def test_a_backend_can_name_an_index_of_its_own(ttbench, base, tmp_path):
    outcome = ttbench("env", "create", "tt", "--backend", "tt_xla", "--python", base())
    assert outcome.code == 0, outcome.err
    asked = (tmp_path / "asked").read_text()
    assert asked == (
        "-m pip install --extra-index-url https://pypi.eng.aws.tenstorrent.com/ pjrt-plugin-tt"
        f" ttbench-core[torch]=={VERSION}"
    )


@pytest.fixture
def installed_from(tmp_path, monkeypatch):
    """Let pip have noted where ttbench-core was installed from."""

    def note(text: str | None) -> None:
        class Distribution:
            version = VERSION

            def read_text(self, name):
                assert name == "direct_url.json"
                return text

        monkeypatch.setattr(environments, "own_folder", OWN_FOLDER)
        found = environments.importlib_metadata.distribution
        monkeypatch.setattr(
            environments.importlib_metadata,
            "distribution",
            lambda name: Distribution() if name == "ttbench-core" else found(name),
        )

    return note


def test_what_was_installed_from_a_folder_is_installed_from_it_there_too(
    ttbench, tmp_path, installed_from
):
    folder = tmp_path / "my checkout" / "ttbench_core"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    installed_from(json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True}}))
    outcome = ttbench(*CREATE, "--dry-run")
    assert outcome.out.splitlines()[1].endswith(f" pip install '{folder}'")


@pytest.mark.parametrize(
    "noted",
    [
        None,
        "{",
        "[]",
        '{"url": "https://host/core.whl", "archive_info": {}}',
        '{"url": "file:///gone/ttbench_core", "dir_info": {}}',
        '{"url": 3, "dir_info": {}}',
    ],
)
def test_what_was_installed_from_elsewhere_is_taken_from_the_index(ttbench, installed_from, noted):
    installed_from(noted)
    venv, pip = ttbench(*CREATE, "--dry-run").out.splitlines()
    assert venv.startswith(sys.executable)
    assert f"ttbench-core[torch]=={VERSION}" in pip


def test_a_dry_run_shows_the_commands_and_does_nothing(ttbench, tmp_path):
    outcome = ttbench(
        *CREATE, "--path", "here", "--from", "https://me:word@host/core.whl", "--dry-run"
    )
    venv, source, pip = outcome.out.splitlines()
    folder = tmp_path / "work" / "here"
    assert venv == f"{sys.executable} -m venv {folder}"
    assert pip == f"{folder}/bin/python -m pip install 'ttbench-core[torch]=={VERSION}'"
    assert source.startswith(f"{folder}/bin/python -m pip install ")
    assert source.endswith("@host/core.whl")
    assert "word" not in source
    assert not folder.exists()
    assert not user_settings_file().exists()


def test_a_whole_checkout_is_no_distribution(ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    core = tmp_path / "checkout" / "ttbench_core"
    core.mkdir(parents=True)
    (core / "pyproject.toml").touch()
    outcome = ttbench(*CREATE, "--from", "checkout", "--dry-run")
    assert outcome.code == 2
    assert "is a whole checkout: name checkout/ttbench_core" in outcome.complaint


def test_a_checkout_is_given_to_pip_by_its_whole_path(ttbench, tmp_path):
    (tmp_path / "work" / "core").mkdir()
    outcome = ttbench(*CREATE, "--from", "core", "--dry-run")
    assert outcome.out.splitlines()[1].endswith(f" pip install {tmp_path}/work/core")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("env", "create", "a/b", "--backend", "torch"), "'a/b' is no name for an environment"),
        (("env", "create", "a", "--backend", "pybuda"), "needs is no extra of ttbench-core"),
        (("env", "create", "a", "--backend", "torhc"), "did you mean 'torch'?"),
        ((*CREATE, "--path", "."), "exists already"),
        ((*CREATE, "--path", "~nobody-here/ov"), "~nobody-here has no home folder"),
        (("env",), "required: create|list"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(ttbench, words, message):
    outcome = ttbench(*words)
    assert outcome.code == 2
    assert message in outcome.complaint


def test_a_name_that_is_taken_is_refused(ttbench, base):
    ttbench(*CREATE, "--python", base())
    outcome = ttbench(*CREATE, "--python", base(), "--path", "elsewhere")
    assert outcome.code == 2
    assert "has an interpreter 'ov' already" in outcome.complaint


def test_nothing_is_left_where_pip_fails(ttbench, base, tmp_path):
    outcome = ttbench(*CREATE, "--python", base(code=3))
    assert outcome.code == 1
    assert "ended with code 3" in outcome.complaint
    assert not (tmp_path / "data" / "ttbench" / "envs" / "ov").exists()
    assert not user_settings_file().exists()


def test_a_base_that_is_missing_is_reported(ttbench):
    outcome = ttbench(*CREATE, "--python", "./nothing")
    assert outcome.code == 1
    assert outcome.complaint == (
        "ttbench: error: ./nothing cannot be started: No such file or directory"
    )


@pytest.mark.parametrize("content", [None, 'interpreters = { forge = "/forge" }\n'])
def test_settings_that_cannot_be_written_are_named_before_anything_is_made(
    ttbench, base, tmp_path, content
):
    if content is None:
        (tmp_path / "config").write_text("a file in place of the folder")
    else:
        user_settings_file().parent.mkdir(parents=True)
        user_settings_file().write_text(content)
    outcome = ttbench(*CREATE, "--python", base())
    assert outcome.code == 2
    assert outcome.complaint.startswith(f"ttbench: error: {user_settings_file()}")
    assert not (tmp_path / "asked").exists()
    assert not (tmp_path / "data").exists()


def test_an_environment_stays_where_only_its_name_cannot_be_written(
    ttbench, base, tmp_path, monkeypatch
):
    def refuse(file, _):
        raise SettingsError(f"{file} cannot be written: No space left on device")

    monkeypatch.setattr("ttbench_core.scaffolding.environments.add_interpreter", refuse)
    outcome = ttbench(*CREATE, "--python", base())
    folder = tmp_path / "data" / "ttbench" / "envs" / "ov"
    assert outcome.code == 2
    assert outcome.complaint == (
        f"ttbench: error: {user_settings_file()} cannot be written: No space left on device; the"
        f" environment is in {folder}: name it there yourself, or remove it"
    )
    assert (folder / "bin" / "python").exists()


def test_other_lines_of_the_settings_stay(tmp_path):
    file = tmp_path / "ttbench.toml"
    file.write_text('# mine\n[interpreters] # all\nforge = "/forge"  # old\n')
    add_interpreter(file, Interpreter("ov", Path("/ov"), ("a", "b")))
    assert file.read_text() == (
        '# mine\n[interpreters] # all\nov = { python = "/ov", backends = ["a", "b"] }\n'
        'forge = "/forge"  # old\n'
    )
    assert [one.name for one in read_interpreters(file)] == ["ov", "forge"]
    with pytest.raises(SettingsError, match="has an interpreter 'ov' already"):
        add_interpreter(file, Interpreter("ov", Path("/other")))


def test_a_table_that_cannot_be_added_to_stays_as_it_is(tmp_path):
    file = tmp_path / "ttbench.toml"
    file.write_text('interpreters = { forge = "/forge" }\n')
    with pytest.raises(SettingsError):
        add_interpreter(file, Interpreter("ov", Path("/ov")))
    assert file.read_text() == 'interpreters = { forge = "/forge" }\n'
    assert [one.name for one in tmp_path.iterdir() if "toml" in one.name] == ["ttbench.toml"]
