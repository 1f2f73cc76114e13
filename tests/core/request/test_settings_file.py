"""`ttbench.toml`: which interpreters it names, and what it may not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ttbench_core.errors import OptionError, SettingsError
from ttbench_core.request.settings_file import (
    Interpreter,
    find_interpreter,
    read_interpreters,
    settings_file,
    user_settings_file,
)

TWO = """
[interpreters]
forge = "/opt/forge/bin/python"
ov = { python = "envs/ov/bin/python", backends = ["openvino"] }
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """An empty working folder, and a configuration folder that does not exist."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(text: str, file: Path = Path("ttbench.toml")) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_a_file_there_are_no_interpreters():
    assert settings_file() is None
    assert read_interpreters() == ()
    assert find_interpreter(None, "openvino") is None


def test_a_relative_path_is_seen_from_the_file_and_links_are_kept(nowhere):
    write(TWO)
    assert read_interpreters() == (
        Interpreter("forge", Path("/opt/forge/bin/python")),
        Interpreter("ov", nowhere / "envs/ov/bin/python", ("openvino",)),
    )


def test_another_process_gets_an_interpreter_as_json():
    for one in (
        Interpreter("forge", Path("/forge")),
        Interpreter("ov", Path("/ov"), ("openvino",)),
    ):
        assert Interpreter.of_record(json.loads(json.dumps(one.to_record()))) == one


def test_the_file_of_the_working_folder_counts_before_that_of_the_user(tmp_path):
    own = write('[interpreters]\nmine = "/mine"', user_settings_file())
    assert own == tmp_path / "config" / "ttbench" / "ttbench.toml"
    assert [one.name for one in read_interpreters()] == ["mine"]
    write(TWO)
    assert [one.name for one in read_interpreters()] == ["forge", "ov"]


def test_a_relative_configuration_folder_is_ignored(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "here")
    assert user_settings_file() == Path("~/.config/ttbench/ttbench.toml").expanduser()


def test_a_user_without_a_home_folder_has_no_file(monkeypatch, nowhere):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    # what HOME unset gives a user that the system does not know, as in a container
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert settings_file() is None
    assert find_interpreter(None, "openvino") is None
    with pytest.raises(SettingsError, match="~ has no home folder: set HOME"):
        user_settings_file()
    write(TWO)
    assert [one.name for one in read_interpreters()] == ["forge", "ov"]


def test_a_backend_finds_the_interpreter_that_it_lives_in():
    write(TWO)
    found = find_interpreter(None, "openvino")
    assert found is not None
    assert found.name == "ov"
    assert find_interpreter(None, "torch") is None
    assert find_interpreter(None, None) is None


def test_a_name_is_looked_up_and_a_path_is_not():
    write(TWO)
    found = find_interpreter("forge", "openvino")
    assert found is not None
    assert str(found) == "forge (/opt/forge/bin/python)"
    assert str(find_interpreter("./forge", None)) == str(Path("forge").absolute())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (TWO, "no interpreter of that name (did you mean 'forge'?) in ttbench.toml; a path has"),
        (None, "no interpreter of that name in ttbench.toml, which does not exist; a path has"),
    ],
)
def test_a_name_that_is_not_there_is_refused(settings, message):
    if settings:
        write(settings)
    with pytest.raises(OptionError, match="--python fogre: ") as refused:
        find_interpreter("fogre", None)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[interpreter]", "ttbench.toml: unknown key 'interpreter' (did you mean 'interpreters'?)"),
        ("interpreters = 3", "ttbench.toml: interpreters must be a table"),
        ("[interpreters]\nov = 3", "interpreters.ov must be a path or {"),
        ("[interpreters]\nov = {}", "interpreters.ov: python must be the path of"),
        ("[interpreters]\nov = ''", "interpreters.ov: python must be the path of"),
        (
            '[interpreters]\nov = { python = "p", backend = [] }',
            "interpreters.ov: unknown key 'backend' (did you mean 'backends'?)",
        ),
        (
            '[interpreters]\nov = { python = "p", backends = "openvino" }',
            "interpreters.ov: backends must be a list of names",
        ),
        (
            "[interpreters]\nov = '~nobody-here/bin/python'",
            "interpreters.ov: '~nobody-here/bin/python': ~nobody-here has no home folder",
        ),
        ('[interpreters]\nov = "a\\u0000b"', "interpreters.ov: 'a\\x00b' is no path"),
        ('[interpreters]\n"a/b" = "p"', "interpreters.a/b: a name has no slash in it"),
        ("[interpreters\n", "ttbench.toml cannot be read: "),
        ("\udcff", "ttbench.toml cannot be read: "),
    ],
)
def test_what_it_cannot_hold_is_refused_in_one_line_with_its_place(text, message):
    Path("ttbench.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError) as refused:
        read_interpreters()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
