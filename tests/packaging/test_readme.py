"""Every command of the README and of docs/cli.md works when it is typed as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
# runs the suite that this test is in; the gate itself is the test of it
THE_TEST_COMMAND = "pip install nox && nox"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    lines = [
        line.partition("  #")[0].strip()
        for block in blocks(page, "sh")
        for line in block.splitlines()
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
    assert commands(README)[0].startswith("pip install -c constraints.txt ./ttbench_core")
    assert THE_TEST_COMMAND in "\n".join(blocks(README, "sh"))


def test_every_command_works_in_the_order_of_the_readme(stranger, checkout):
    for command in commands(README):
        stranger.ok(command, cwd=checkout)


def test_every_command_works_in_the_order_of_the_cli_page(stranger, checkout):
    for command in commands(CLI):
        stranger.ok(command, cwd=checkout)


@pytest.mark.parametrize("page", [README, CLI], ids=["README.md", "docs/cli.md"])
def test_every_python_example_works(stranger, checkout, page):
    for example in blocks(page, "python"):
        script = checkout / "example.py"
        script.write_text(example)
        stranger.ok("python example.py", cwd=checkout)


# 3.10 adds defaults of its own, 3.13 names the value of an option once instead of twice
@pytest.mark.skipif(
    not (3, 11) <= sys.version_info < (3, 13),
    reason="argparse of this Python formats help differently from that of 3.11 and 3.12",
)
def test_the_usage_of_the_cli_page_is_the_help(stranger, checkout):
    (usage,) = blocks(CLI, "text")
    assert stranger.ok("COLUMNS=100 ttbench --help", cwd=checkout) == usage
