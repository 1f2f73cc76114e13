"""A file system without locks, or with some, loses no result and makes nobody wait for ever."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ttbench_core.errors import TargetError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.reading import load
from ttbench_core.sinks import lock_reach, locking, writer_mark
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

#: What `flock` gives where a file system or a container has no locks.
NO_LOCKS = [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO, errno.ENOSYS, errno.EPERM]
real_flock = fcntl.flock


def save(path, **changes):
    store_result(example_result(**changes), check_target(path))


def without_flock(monkeypatch, number: int):
    def refused(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)


def run_ids(path: Path) -> list[str]:
    return [record["run_id"] for record in json.loads(path.read_text())]


def hidden(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("."))


@pytest.mark.parametrize("number", NO_LOCKS)
@pytest.mark.parametrize("name", ["perf.json", "perf.jsonl", "perf.csv"])
def test_results_are_stored_where_the_file_system_has_no_locks(tmp_path, monkeypatch, number, name):
    (tmp_path / f".{name}.lock").touch()
    without_flock(monkeypatch, number)
    save(tmp_path / name, run_id="a")
    save(tmp_path / name, run_id="b")
    assert [one.run_id for one in load(tmp_path / name)] == ["a", "b"]
    assert hidden(tmp_path) == [f".{name}.lock"]


def append_many(path: Path, writer: int, count: int, refused) -> None:
    fcntl.flock = refused(writer)
    for number in range(count):
        save(path, run_id=f"{writer}-{number}")


def never(writer):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    return flock


def for_some_writers(writer):
    return never(writer) if writer % 2 else real_flock


def now_and_then(writer):
    calls = []

    def flock(descriptor, operation):
        calls.append(operation)
        if len(calls) % 3 == 0:
            raise OSError(errno.EIO, "Input/output error")
        return real_flock(descriptor, operation)

    return flock


@pytest.mark.parametrize("refused", [never, for_some_writers, now_and_then])
def test_writers_lose_nothing_of_each_other_whether_all_get_locks_or_some_or_none(
    tmp_path, refused
):
    path = tmp_path / "perf.json"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(path, w, 10, refused)) for w in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert sorted(run_ids(path)) == sorted(f"{w}-{n}" for w in range(6) for n in range(10))
    assert hidden(tmp_path) == [".perf.json.lock"]


KILLED = """
import errno, fcntl, os, signal, sys
from pathlib import Path

has_locks, path = sys.argv[1] == "locks", Path(sys.argv[2])
def refused(*_):
    raise OSError(errno.ENOLCK, "No locks available")
if not has_locks:
    fcntl.flock = refused
from ttbench_core.sinks.locking import exclusive_lock
with exclusive_lock(path):
    print("writing", flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("killed", ["locks", "no locks"])
@pytest.mark.parametrize("following", ["locks", "no locks"])
def test_a_killed_writer_keeps_no_other_from_writing(
    tmp_path, monkeypatch, start_process, killed, following
):
    path = tmp_path / "perf.json"
    arguments = [sys.executable, "-c", KILLED, killed, str(path)]
    writer = start_process(arguments, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.2)
    if following == "no locks":
        without_flock(monkeypatch, errno.ENOLCK)
    with pytest.raises(TargetError, match=r"another process has been writing it for 0\.2 s"):
        JsonSink(path).write(example_result())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    save(path, run_id="after")
    assert run_ids(path) == ["after"]
    assert hidden(tmp_path) == [".perf.json.lock"]


def test_the_empty_draft_of_a_killed_writer_is_removed(tmp_path):
    path = tmp_path / "perf.json"
    draft = writer_mark.mark_path(path).with_name(f".perf.json.writer.{'0' * 16}")
    draft.mkdir()
    save(path)
    assert hidden(tmp_path) == [".perf.json.lock"]


def test_a_writer_whose_empty_draft_is_removed_makes_another(tmp_path, monkeypatch):
    removed, share = [], writer_mark._share

    def remove_the_first(draft):
        if not removed:
            draft.rmdir()
            removed.append(draft)
        share(draft)

    monkeypatch.setattr(writer_mark, "_share", remove_the_first)
    save(tmp_path / "perf.json", run_id="a")
    assert removed
    assert run_ids(tmp_path / "perf.json") == ["a"]


def test_a_writer_of_another_machine_is_waited_for_and_then_the_result_rescued(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.2)
    without_flock(monkeypatch, errno.ENOLCK)
    path = tmp_path / "perf.json"
    mark = writer_mark.mark_path(path)
    mark.mkdir()
    (mark / f"{'0' * 16}-1-1-unlocked-{'0' * 8}").touch()
    with pytest.raises(ResultNotStoredError) as lost:
        save(path, run_id="mine")
    assert f"if none is, remove {mark}" in str(lost.value)
    assert f"the result is in {tmp_path / 'post_error_perf.json'}" in str(lost.value)
    assert run_ids(tmp_path / "post_error_perf.json") == ["mine"]


def test_a_mark_that_no_writer_made_is_not_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.1)
    mark = writer_mark.mark_path(tmp_path / "perf.json")
    mark.mkdir()
    (mark / "notes.txt").write_text("mine")
    with pytest.raises(TargetError, match="another process has been writing it"):
        JsonSink(tmp_path / "perf.json").write(example_result())
    assert (mark / "notes.txt").read_text() == "mine"


def test_a_hanging_writer_is_reported_after_a_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.05)
    path = tmp_path / "perf.json"
    with locking.exclusive_lock(path), pytest.raises(TargetError, match="another process"):
        JsonSink(path).write(example_result())


@pytest.mark.parametrize("taken", ["lock", "mark", "both"])
def test_a_rescue_needs_no_lock(tmp_path, monkeypatch, taken):
    path, rescue = tmp_path / "perf.json", tmp_path / "post_error_perf.json"
    path.write_text("broken")
    target = check_target_of(path)
    with pytest.raises(ResultNotStoredError):
        store_result(example_result(run_id="first"), target)
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.1)
    monkeypatch.setattr("ttbench_core.sinks.rescuing._WAIT_S", 0.1)
    if taken in ("lock", "both"):
        locking.lock_path(rescue).unlink(missing_ok=True)
        holder = os.open(locking.lock_path(rescue), os.O_CREAT | os.O_RDWR)
        real_flock(holder, fcntl.LOCK_EX)
    if taken in ("mark", "both"):
        writer_mark.mark_path(rescue).mkdir()
        (writer_mark.mark_path(rescue) / "other").touch()
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(run_id="second"), target)
    assert lost.value.rescued == tmp_path / "post_error_2_perf.json"
    assert run_ids(lost.value.rescued) == ["second"]
    assert run_ids(rescue) == ["first"]


def check_target_of(path: Path):
    from ttbench_core.sinks.targets import Target

    return Target(path, JsonSink)


def rescue_one(path: Path, writer: int) -> None:
    with pytest.raises(ResultNotStoredError):
        store_result(example_result(run_id=str(writer)), check_target_of(path))


def test_eight_processes_that_rescue_at_once_lose_nothing(tmp_path):
    path = tmp_path / "perf.json"
    path.write_text("broken")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=rescue_one, args=(path, writer)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    kept = [one for file in tmp_path.glob("post_error_*.json") for one in run_ids(file)]
    assert sorted(kept) == [str(writer) for writer in range(8)]


def test_more_rescue_files_than_there_are_numbers_get_names_of_their_own(tmp_path):
    (tmp_path / "perf.json").write_text("broken")
    for name in ("", *(f"{number}_" for number in range(2, 10))):
        (tmp_path / f"post_error_{name}perf.json").write_text("broken")
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(run_id="mine"), check_target_of(tmp_path / "perf.json"))
    assert lost.value.rescued.parent == tmp_path
    assert run_ids(lost.value.rescued) == ["mine"]


def test_lock_files_have_the_permissions_that_the_user_gives_files(tmp_path):
    before = os.umask(0o077)
    try:
        save(tmp_path / "perf.json")
        with locking.exclusive_lock(tmp_path / "perf.json"):
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {".perf.json.lock": 0o600, ".perf.json.writer": 0o700, "perf.json": 0o600}


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / ".perf.json.lock").symlink_to(tmp_path / "elsewhere")
    save(tmp_path / "perf.json")
    assert not (tmp_path / "elsewhere").exists()
    assert len(run_ids(tmp_path / "perf.json")) == 1


def test_ctrl_c_while_waiting_for_a_lock_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "perf.json"
    with locking.exclusive_lock(path):
        monkeypatch.setattr("time.sleep", interrupt)
        with pytest.raises(KeyboardInterrupt), locking.exclusive_lock(path):
            pass
        monkeypatch.undo()
    assert hidden(tmp_path) == [".perf.json.lock"]
    save(path)


def interrupt(_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("removed", ["once", "again and again"])
def test_a_writer_is_alone_also_if_its_lock_file_is_removed(
    tmp_path, monkeypatch, start_process, removed
):
    path = tmp_path / "perf.json"
    arguments = [sys.executable, "-c", KILLED, "locks", str(path)]
    writer = start_process(arguments, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    locking.lock_path(path).unlink()
    if removed == "again and again":
        is_at = locking._is_at

        def removed_before(lock, descriptor):
            lock.unlink()
            return is_at(lock, descriptor)

        monkeypatch.setattr(locking, "_is_at", removed_before)
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.2)
    with pytest.raises(TargetError, match=r"another process has been writing it for 0\.2 s"):
        JsonSink(path).write(example_result())
    writer.kill()
    writer.wait()
    save(path, run_id="after")
    assert run_ids(path) == ["after"]


def test_a_lock_on_a_file_that_was_replaced_is_taken_on_the_new_one(tmp_path, monkeypatch):
    path, lock, taken = tmp_path / "perf.json", tmp_path / ".perf.json.lock", []

    def replaced_meanwhile(descriptor, operation):
        if operation != fcntl.LOCK_UN and not taken:
            lock.unlink()
            lock.touch()
        real_flock(descriptor, operation)
        taken.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)
    with locking.exclusive_lock(path):
        assert taken[-1] == lock.stat().st_ino
        assert taken[0] != taken[-1]
    assert run_ids_of_a_save(path) == ["a"]


def run_ids_of_a_save(path: Path) -> list[str]:
    save(path, run_id="a")
    return run_ids(path)


def test_a_mark_that_ctrl_c_left_behind_in_this_process_keeps_nobody_out(tmp_path, monkeypatch):
    path = tmp_path / "perf.json"
    with monkeypatch.context() as interrupted:
        interrupted.setattr(writer_mark, "_remove", lambda *_: interrupt(None))
        with pytest.raises(KeyboardInterrupt), locking.exclusive_lock(path):
            pass
    (mark,) = writer_mark.mark_path(path).iterdir()
    assert mark.exists()
    save(path, run_id="a")
    assert run_ids(path) == ["a"]
    assert hidden(tmp_path) == [".perf.json.lock"]


def leave_mark_of_another_machine(path: Path) -> Path:
    mark = writer_mark.mark_path(path)
    mark.mkdir()
    (mark / f"{'0' * 16}-1-1-locked-{'0' * 8}").touch()
    return mark


def test_a_lock_that_reaches_other_machines_tells_that_the_writer_of_a_mark_is_gone(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writer_mark, "locks_reach_all_machines", lambda folder: True)
    leave_mark_of_another_machine(tmp_path / "perf.json")
    save(tmp_path / "perf.json", run_id="a")
    assert run_ids(tmp_path / "perf.json") == ["a"]


def test_a_lock_of_this_machine_alone_does_not_tell_that_a_writer_of_another_is_gone(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writer_mark, "locks_reach_all_machines", lambda folder: False)
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", 0.1)
    mark = leave_mark_of_another_machine(tmp_path / "perf.json")
    with pytest.raises(ResultNotStoredError) as lost:
        save(tmp_path / "perf.json", run_id="mine")
    assert f"if none is, remove {mark}" in str(lost.value)
    assert run_ids(tmp_path / "post_error_perf.json") == ["mine"]


MOUNT = "30 1 0:40 / {} rw,relatime shared:1 - {} source rw,{}"


@pytest.mark.parametrize(
    ("kind", "options", "reaches"),
    [
        ("ext4", "errors=remount-ro", True),
        ("tmpfs", "", True),
        ("nfs4", "vers=4.2,local_lock=none", True),
        ("nfs", "vers=3,local_lock=posix", True),
        ("nfs", "vers=3,local_lock=flock", False),
        ("nfs", "vers=3,local_lock=all", False),
        ("nfs", "vers=3,nolock", False),
        ("lustre", "flock,user_xattr", True),
        ("lustre", "localflock,user_xattr", False),
        ("fuse.sshfs", "user_id=0", False),
        ("9p", "trans=virtio", False),
        ("of-tomorrow", "", False),
    ],
)
def test_a_lock_reaches_other_machines_only_where_the_file_system_says_so(
    tmp_path, monkeypatch, kind, options, reaches
):
    mounts, folder = tmp_path / "mountinfo", tmp_path / "with space"
    folder.mkdir()
    other = MOUNT.format("/", "fuse.sshfs" if reaches else "ext4", "")
    point = str(folder).replace(" ", "\\040")
    mounts.write_text(
        f"{other}\n{MOUNT.format(point, 'devpts', '')}\n{MOUNT.format(point, kind, options)}\n"
        f"{MOUNT.format(f'{point}/deeper', 'proc', '')}\n"
    )
    monkeypatch.setattr(lock_reach, "_MOUNTS", mounts)
    assert lock_reach.locks_reach_all_machines(folder) is reaches
    monkeypatch.setattr(lock_reach, "_MOUNTS", tmp_path / "missing")
    assert not lock_reach.locks_reach_all_machines(folder)
