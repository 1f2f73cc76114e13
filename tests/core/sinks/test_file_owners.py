"""Files of other users: what can be replaced is, and keeps its owner and permissions."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from forks import raised_in_fork

from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

OTHER, ANOTHER, GROUP = 65531, 65532, 65533
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users")


def save(path, **changes):
    store_result(example_result(**changes), check_target(path))


@pytest.fixture
def folder():
    """A folder that other users can reach, unlike that of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_user(user: int, group: int, action) -> str:
    """Run an action as another user; gives what it raised."""

    def become_and_act() -> None:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        os.umask(0o022)
        action()

    return raised_in_fork(become_and_act)


def owned(path: Path, user: int, group: int, mode: int) -> Path:
    save(path)
    os.chown(path, user, group)
    path.chmod(mode)
    return path


def owner(path: Path):
    found = path.stat()
    return found.st_uid, found.st_gid, oct(stat.S_IMODE(found.st_mode))


def shared_folder(folder: Path, mode: int = 0o775) -> Path:
    os.chown(folder, OTHER, GROUP)
    folder.chmod(mode)
    return folder


@needs_root
@pytest.mark.parametrize("name", ["perf.json", "perf.jsonl", "perf.csv"])
def test_a_file_that_root_appends_to_stays_that_of_its_user(folder, name):
    path = owned(folder / name, OTHER, GROUP, 0o640)
    save(path)
    assert owner(path) == (OTHER, GROUP, "0o640")


@needs_root
def test_a_file_of_a_shared_folder_is_replaced_although_it_is_anothers(folder):
    path = owned(shared_folder(folder) / "perf.json", OTHER, GROUP, 0o644)
    assert as_user(ANOTHER, GROUP, lambda: save(path)) == "nothing"
    assert owner(path) == (ANOTHER, GROUP, "0o644")
    assert as_user(OTHER, GROUP, lambda: save(path)) == "nothing"
    assert len(path.read_text().splitlines()) == 5


@needs_root
def test_a_group_that_cannot_be_given_leaves_its_permissions_to_no_other_group(folder):
    path = owned(shared_folder(folder, 0o777) / "perf.json", OTHER, GROUP, 0o664)
    assert as_user(ANOTHER, ANOTHER, lambda: save(path)) == "nothing"
    assert owner(path) == (ANOTHER, ANOTHER, "0o644")


@needs_root
@pytest.mark.parametrize(
    ("mode", "folder_mode", "reason"),
    [
        (0o600, 0o775, "cannot be read: it belongs to user 65531, mode 0600"),
        (0o444, 0o775, "is read-only (it belongs to user 65531, mode 0444)"),
        (0o664, 0o1775, "belongs to user 65531, and in {folder}, which has the sticky bit"),
        (0o664, 0o755, "its folder is read-only"),
    ],
)
def test_a_file_of_another_user_that_cannot_be_replaced_is_refused_with_the_reason(
    folder, mode, folder_mode, reason
):
    path = owned(folder / "perf.json", OTHER, GROUP, mode)
    os.chown(folder, 0, GROUP)
    folder.chmod(folder_mode)
    before = path.read_bytes()
    said = as_user(ANOTHER, GROUP, lambda: check_target(path))
    assert said.startswith(f"cannot write results to {path}: ")
    assert reason.format(folder=folder) in said
    assert path.read_bytes() == before


@needs_root
def test_a_file_that_its_own_user_made_read_only_is_refused(folder):
    path = owned(shared_folder(folder) / "perf.json", OTHER, GROUP, 0o444)
    assert "perf.json is read-only" in as_user(OTHER, GROUP, lambda: check_target(path))


def test_a_file_that_others_may_not_read_is_never_readable_for_them(tmp_path, monkeypatch):
    path = tmp_path / "perf.json"
    save(path)
    path.chmod(0o600)
    modes = []
    real_fsync = os.fsync

    def fsync(descriptor):
        modes.extend(stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob(".*.tmp"))
        real_fsync(descriptor)

    opened = os.open
    monkeypatch.setattr(os, "fsync", fsync)

    def open_file(name, flags, *mode, **rest):
        descriptor = opened(name, flags, *mode, **rest)
        if str(name).endswith(".tmp"):
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", open_file)
    save(path)
    assert set(modes) == {0o600}


@needs_root
def test_a_lock_file_of_another_user_does_not_keep_a_result_out(folder):
    path = owned(shared_folder(folder) / "perf.json", ANOTHER, GROUP, 0o664)
    (folder / ".perf.json.lock").chmod(0o600)
    assert as_user(ANOTHER, GROUP, lambda: save(path)) == "nothing"


@needs_root
def test_a_mark_of_a_killed_writer_of_another_user_is_removed_in_a_shared_folder(folder):
    from ttbench_core.sinks.locking import exclusive_lock

    path = shared_folder(folder) / "perf.json"

    def killed():
        with exclusive_lock(path):
            os._exit(0)

    as_user(OTHER, GROUP, killed)
    assert (folder / ".perf.json.writer").exists()
    assert as_user(ANOTHER, GROUP, lambda: save(path)) == "nothing"
    assert not (folder / ".perf.json.writer").exists()
