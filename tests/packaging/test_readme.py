"""Every command of the README works when it is typed as it stands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
# runs the suite that this test is in; the gate itself is the test of it
THE_TEST_COMMAND = "pip install nox && nox"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [
        line.partition("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()
    ]
    return [line for line in lines if line and line != THE_TEST_COMMAND]


@pytest.fixture(scope="module")
def checkout(stranger):
    """The tracked files alone, as a fresh clone has them."""
    folder = stranger.work / "ttbench"
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, tracked):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    return folder


def test_the_readme_installs_first_and_has_the_test_command():
    assert commands()[0].startswith("pip install -c constraints.txt ./ttbench_core")
    assert THE_TEST_COMMAND in "\n".join(blocks("sh"))


def test_every_command_works_in_the_order_of_the_readme(stranger, checkout):
    for command in commands():
        stranger.ok(command, cwd=checkout)


def test_every_python_example_works(stranger, checkout):
    for example in blocks("python"):
        script = checkout / "example.py"
        script.write_text(example)
        stranger.ok("python example.py", cwd=checkout)


def test_usage_in_the_readme_names_every_option(stranger, checkout):
    (usage,) = blocks("text")[:1]
    shown = stranger.ok("ttbench --help", cwd=checkout)
    options = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", shown.partition("examples:")[0]))
    assert {option for option in options if option not in usage} == set()
