"""Facts of the host: enough to know what a number means, and no secret."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from ttbench_core.measure.memory import HostMemory
from ttbench_core.record.environment import (
    Checkout,
    checkout_of,
    host_facts,
    recorded_environment,
    software_versions,
)


@pytest.fixture
def repository(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    (tmp_path / "pack.py").write_text("x = 1\n")
    git("init")
    git("add", "pack.py")
    git("commit", "-m", "one", "--date", "2024-01-31T12:00:00")
    return tmp_path


def test_a_tracked_file_has_its_checkouts_commit(repository):
    found = checkout_of([str(repository / "pack.py")])
    head = subprocess.run(
        ["git", "-C", repository, "log", "-1", "--format=%h %cd", "--date=format:%y-%m-%d"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert found == Checkout(head[0], head[1], dirty=False)


def test_a_changed_file_makes_the_checkout_dirty(repository):
    (repository / "pack.py").write_text("x = 2\n")
    assert checkout_of([str(repository / "pack.py")]).dirty


def test_an_untracked_file_in_a_checkout_has_no_commit(repository):
    (repository / "venv.py").write_text("")
    assert checkout_of([str(repository / "venv.py")]) is None


def test_the_first_file_with_a_checkout_decides(repository, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "a.py"
    outside.write_text("")
    assert checkout_of([None, str(outside), str(repository / "pack.py")]) is not None
    assert checkout_of([None, str(outside)]) is None


def test_git_variables_of_the_caller_are_ignored(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert checkout_of([str(repository / "pack.py")]) is not None


def test_without_git_there_is_no_checkout(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert checkout_of([str(repository / "pack.py")]) is None


def test_only_variables_on_the_list_and_those_that_backends_declare_are_recorded():
    environment = {
        "OMP_NUM_THREADS": "2",
        "PYBUDA_EXP_APPROX": "1",
        "MODE": "2",
        "MODES": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HF_TOKEN": "secret",
        "HOME": "/home/me",
    }
    recorded = recorded_environment(environment, ("PYBUDA_*", "MODE"))
    assert recorded == {"OMP_NUM_THREADS": "2", "PYBUDA_EXP_APPROX": "1", "MODE": "2"}


def test_versions_leave_out_distributions_that_are_not_installed():
    versions = software_versions(["ttbench-core", "no-such-distribution"])
    assert set(versions) == {"python", "ttbench-core"}


def test_host_facts_have_their_units():
    facts = host_facts()
    assert facts["memory_bytes"] > 0
    assert facts["usable_cores"] >= 1
    assert facts["cpu"]


def touched(size_bytes):
    """Memory of the kernel: malloc may give what earlier tests have freed."""
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[::4096] = b"x" * len(memory[::4096])
    return memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can set the peak back")
def test_peak_memory_is_of_this_run():
    touched(200_000_000).close()
    memory = HostMemory()
    assert memory.scope == "run"
    with touched(100_000_000):
        grown = memory.peak_bytes() - memory.baseline_bytes
    assert 90_000_000 < grown < 160_000_000


def test_the_commit_of_the_core_itself_is_found_only_in_a_checkout():
    import ttbench_core

    found = checkout_of([ttbench_core.__file__])
    inside = "site-packages" not in Path(ttbench_core.__file__).parts
    assert found is None or inside
