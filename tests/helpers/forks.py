"""Running an action in a forked process, which may become another user."""

from __future__ import annotations

import os
from collections.abc import Callable


def raised_in_fork(action: Callable[[], object]) -> str:
    """Run an action in a process of its own; gives what it raised, or `nothing`."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            action()
        except BaseException as error:
            said = str(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()
