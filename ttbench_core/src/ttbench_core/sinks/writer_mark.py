"""A folder that marks who writes a file, for file systems whose locks fail.

The folder holds one empty file whose name says who writes. It is made aside and renamed into
place, which fails if the folder there is not empty. A mark of a dead writer is removed by its
own name, so that no process can remove the mark of another one by mistake.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ttbench_core.sinks.deadline import Deadline
from ttbench_core.sinks.lock_reach import locks_reach_all_machines

__all__ = ["mark_path", "marked"]

#: Writers of this process: a mark that one of them left behind, as Ctrl-C can, is an old one.
_WRITING: Final[set[str]] = set()
_FOLDER_MODE: Final = 0o777
_LOCKED: Final = "locked"
_UNLOCKED: Final = "unlocked"
#: Place, process id, start of the process, whether it had the lock of the system, a random part.
_WRITER: Final = re.compile(
    rf"(?P<place>[0-9a-f]{{16}})-(?P<pid>[0-9]+)-(?P<start>[0-9]+)"
    rf"-(?P<lock>{_LOCKED}|{_UNLOCKED})-[0-9a-f]{{8}}"
)
#: Fields of `/proc/PID/stat` after the name of the program.
_STATE: Final = 0
_START_TIME: Final = 19
_DEAD_STATES: Final = ("Z", "X")


def mark_path(path: Path) -> Path:
    """Return the folder that marks that `path` is being written."""
    return path.with_name(f".{path.name}.writer")


@contextlib.contextmanager
def marked(folder: Path, *, has_lock: bool, deadline: Deadline) -> Iterator[None]:
    """Mark the writing by this process, as the only one.

    Args:
        folder: the mark, as `mark_path` gives it.
        has_lock: whether this process has the lock of the system as well. Then a mark of
            another machine whose writer had it too is an old one, where the lock reaches there.
        deadline: how long to wait for another writer.

    Raises `TargetError` when another writer is there all this time.
    """
    writer = _this_writer(has_lock)
    _WRITING.add(writer)
    try:
        while not _enter(folder, writer):
            if not _remove_dead(folder, has_lock):
                deadline.wait(
                    f"another process has been writing it for {deadline}; if none is,"
                    f" remove {folder}"
                )
        _remove_dead_drafts(folder)
        yield
    finally:
        try:
            _remove(folder, writer)
        finally:
            _WRITING.discard(writer)


def _enter(folder: Path, writer: str) -> bool:
    """Make the mark; returns whether there was no other."""
    draft = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}")
    draft.mkdir(_FOLDER_MODE)
    try:
        _share(draft)
        (draft / writer).touch(exist_ok=False)
        draft.rename(folder)
    except OSError as error:
        # ENOENT: while it was empty, another writer took the draft for that of a dead one
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
        return False
    finally:
        _remove(draft, writer)
    return True


def _share(draft: Path) -> None:
    """Let whoever may write in the folder around a mark remove it, as if it were a file."""
    around, own = draft.parent.stat(), draft.stat()
    if around.st_mode & stat.S_ISVTX:
        return
    shared = stat.S_IRWXG if around.st_mode & stat.S_IWGRP and around.st_gid == own.st_gid else 0
    shared |= stat.S_IRWXO if around.st_mode & stat.S_IWOTH else 0
    if shared:
        draft.chmod(stat.S_IMODE(own.st_mode) | shared)


def _remove(folder: Path, writer: str) -> None:
    for step in ((folder / writer).unlink, folder.rmdir):
        with contextlib.suppress(OSError):
            step()


def _remove_dead(folder: Path, has_lock: bool) -> bool:
    """Remove the marks of writers that are gone; returns whether there were any."""
    is_removed = False
    for name in _names_in(folder):
        if _is_dead(name) or (has_lock and _had_the_lock(name, folder.parent)):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
                is_removed = True
    return is_removed


def _remove_dead_drafts(folder: Path) -> None:
    """Remove the drafts of writers that were killed before they made their mark."""
    draft_name = re.compile(rf"{re.escape(folder.name)}\.[0-9a-f]{{16}}")
    for entry in folder.parent.iterdir():
        if draft_name.fullmatch(entry.name):
            for name in _names_in(entry):
                if _is_dead(name):
                    _remove(entry, name)
            with contextlib.suppress(OSError):  # an empty one: it was killed before it wrote there
                entry.rmdir()


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:  # it is gone, or hidden from this user
        return []


def _this_writer(has_lock: bool) -> str:
    lock = _LOCKED if has_lock else _UNLOCKED
    pid = os.getpid()
    return f"{_this_place()}-{pid}-{_start_of(pid)}-{lock}-{secrets.token_hex(4)}"


def _is_dead(name: str) -> bool:
    """Return whether the writer of a mark was a process of this machine that is gone."""
    writer = _WRITER.fullmatch(name)
    if writer is None or writer["place"] != _this_place():
        return False
    return not _is_running(name, int(writer["pid"]), writer["start"])


def _had_the_lock(name: str, folder: Path) -> bool:
    """Return whether a writer elsewhere had the lock that this process has now, so that it is gone.

    One of this machine may run although: its lock file may have been removed.
    """
    writer = _WRITER.fullmatch(name)
    return (
        writer is not None
        and writer["lock"] == _LOCKED
        and writer["place"] != _this_place()
        and locks_reach_all_machines(folder)
    )


def _is_running(name: str, pid: int, start: str) -> bool:
    if pid == os.getpid() and start == _start_of(pid):
        return name in _WRITING
    try:
        with contextlib.suppress(PermissionError):  # it is another user's
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    facts = _process_facts(pid)
    # an identifier is used again after the process has ended
    return not facts or (facts[_START_TIME] == start and facts[_STATE] not in _DEAD_STATES)


def _start_of(pid: int) -> str:
    return _process_facts(pid).get(_START_TIME, "0")


def _process_facts(pid: int) -> dict[int, str]:
    """Return state and start of a process by their position; empty if they cannot be known."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    fields = text.rpartition(")")[2].split()
    return {at: fields[at] for at in (_STATE, _START_TIME)}


def _this_place() -> str:
    """Identify what process identifiers are valid in: a machine since it started, a container."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
