"""Locks of this machine: who has them, and when they are free."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from ttbench_core.sweeps.cells.host_locks import HostLock, HostLockError, lock_folder


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_one_lock_excludes_another_of_the_same_name():
    with HostLock("device x:0", owner="sweep nightly") as first:
        second = HostLock("device x:0")
        assert not second.take()
        assert second.holder() == f"process {os.getpid()}, sweep nightly"
        assert HostLock("device x:1").take()
        assert first.take()
    assert second.take()


def test_shared_locks_exclude_only_an_exclusive_one():
    with HostLock("machine", shared=True), HostLock("machine", shared=True):
        assert not HostLock("machine").take()
    alone = HostLock("machine")
    assert alone.take()
    assert not HostLock("machine", shared=True).take()


def test_a_process_that_inherits_a_lock_keeps_it():
    lock = HostLock("device x:0")
    assert lock.take()
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[lock.fileno()]) as process:
        lock.release()
        assert not HostLock("device x:0").take()
        process.kill()
    assert HostLock("device x:0").take()


def test_waiting_says_once_who_has_the_lock():
    said = []
    first = HostLock("device x:0", owner="sweep nightly")
    assert first.take()
    second = HostLock("device x:0")

    def hear(sentence):
        said.append(sentence)
        first.release()

    second.wait(hear)
    assert said == [f"waiting for device x:0: process {os.getpid()}, sweep nightly has it"]


def test_a_link_in_place_of_a_lock_is_refused(tmp_path):
    lock = HostLock("device x:0")
    assert lock.take()
    (file,) = lock_folder().iterdir()
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostLockError, match="cannot be opened"):
        HostLock("device x:0").take()
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_in_place_of_the_folder_is_refused_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (tmp_path / "ttbench-locks").symlink_to(victim)
    with pytest.raises(HostLockError, match="is no folder"):
        HostLock("device x:0")
    assert victim.stat().st_mode & 0o7777 == 0o700
    assert not list(victim.iterdir())


def test_what_is_shown_of_a_lock_is_not_its_name():
    first = HostLock("sweep in postgresql://bob:hunter2@h/perf", shown="sweep in postgresql://h")
    assert first.take()
    said = []
    second = HostLock("sweep in postgresql://bob:hunter2@h/perf", shown="sweep in postgresql://h")

    def hear(sentence):
        said.append(sentence)
        first.release()

    second.wait(hear)
    assert "hunter2" not in said[0]
    assert said[0].startswith("waiting for sweep in postgresql://h: ")


def test_other_users_can_take_the_lock():
    lock = HostLock("device x:0")
    assert lock.take()
    (file,) = lock_folder().iterdir()
    assert file.stat().st_mode & 0o777 == 0o666
    assert lock_folder().stat().st_mode & 0o7777 == 0o1777
