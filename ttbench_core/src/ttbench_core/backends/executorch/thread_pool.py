"""ExecuTorch's threads: one pool for the whole process, which programs keep hold of.

A program holds the pool that it was loaded with, and changing the number of threads frees that
pool. So the number is changed only while no program is loaded.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Final

from executorch.extension.pybindings import portable_lib

from ttbench_core.errors import UnsupportedOptionError

__all__ = ["quiet_runtime", "take_threads", "thread_count"]

#: Programs that are loaded, by an entry each.
_LOADED: Final[list[object]] = []


def thread_count() -> int:
    """Give the number of threads in the pool."""
    return int(portable_lib._threadpool_get_thread_count())  # noqa: SLF001 - the only door


def take_threads(count: int) -> Callable[[], None]:
    """Set the number of threads before a program is loaded; gives what to call when it is freed.

    Raises `UnsupportedOptionError` while another program is loaded with another number, and where
    the pool does not get the number.
    """
    before = thread_count()
    if before != count:
        if _LOADED:
            raise UnsupportedOptionError(
                f"ExecuTorch computes with one number of threads in a process, now {before}, not"
                f" {count}: measure each in processes of its own (--processes 2)"
            )
        portable_lib._unsafe_reset_threadpool(count)  # noqa: SLF001 - no program holds it
        if thread_count() != count:
            raise UnsupportedOptionError(
                f"ExecuTorch computes with {thread_count()} threads here instead of {count}"
            )
    entry = object()
    _LOADED.append(entry)

    def free() -> None:
        _LOADED.remove(entry)
        if not _LOADED and thread_count() != before:
            with quiet_runtime():
                portable_lib._unsafe_reset_threadpool(before)  # noqa: SLF001

    return free


@contextlib.contextmanager
def quiet_runtime() -> Iterator[None]:
    """Hide what the runtime logs to the descriptor of stderr: how it looks for the processor.

    What goes wrong raises, and is not hidden.
    """
    sys.stderr.flush()
    descriptor = 2
    with contextlib.ExitStack() as undo:
        kept = os.dup(descriptor)
        undo.callback(os.close, kept)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        undo.callback(os.close, nowhere)
        os.dup2(nowhere, descriptor)
        undo.callback(os.dup2, kept, descriptor)
        yield
