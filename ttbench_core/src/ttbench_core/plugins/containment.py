"""Running code of a plugin in this process, while it is imported or asked something."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["contained"]


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Let what a plugin prints go to stderr, and an `os._exit` of it be a `SystemExit`.

    stdout may be for a program; and a process that a plugin could end would end without a word,
    with a code of success if the plugin says so. Other threads and forked processes still can.
    """
    exit_at_once, home = os._exit, (os.getpid(), threading.get_ident())

    def raise_instead(status: int) -> NoReturn:
        if (os.getpid(), threading.get_ident()) != home:
            exit_at_once(status)
        raise SystemExit(f"called os._exit({status!r})")

    os._exit = raise_instead
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os._exit = exit_at_once
