"""What an interpreter says of itself before it is asked anything: whether both sides fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import importlib_metadata

from ttbench_core.errors import RequestError
from ttbench_core.request.settings_file import Interpreter
from ttbench_core.running.processes.line_reader import HungProcessError, LineReader
from ttbench_core.running.processes.messages import PROTOCOL

__all__ = ["check_hello", "not_startable", "own_version", "peer_arguments"]

#: How long an interpreter may take until it says what it is: a cold disk, a slow file system.
_HELLO_S: Final = 60.0
#: What the other interpreter runs. It has packages of its own, so nothing of this one's path is
#: passed. It must run with any version of Python and of ttbench-core.
_START: Final = """\
import sys
sys.path[:] = [place for place in sys.path if place]
import json, os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
channel, core, protocol = sys.argv[1:]
hello = {"python": "%d.%d.%d" % sys.version_info[:3], "core": None, "protocol": None}
try:
    import ttbench_core
    hello["core"] = str(ttbench_core.__version__)
    from ttbench_core.running.processes.messages import PROTOCOL
    hello["protocol"] = PROTOCOL
except Exception as error:
    hello["reason"] = type(error).__name__ + ": " + " ".join(str(error).split())
os.write(int(channel), (json.dumps({"hello": hello}) + "\\n").encode("ascii"))
if (hello["core"], str(hello["protocol"])) == (core, protocol):
    from ttbench_core.running.processes.worker import main
    main(int(channel))
"""


def peer_arguments(interpreter: Interpreter, channel: int) -> list[str]:
    """Give the command that starts the other side of a channel in another interpreter."""
    version = own_version()
    return [str(interpreter.python), "-c", _START, str(channel), version, str(PROTOCOL)]


def check_hello(interpreter: Interpreter, messages: LineReader) -> None:
    """Wait for what an interpreter says of itself; raises `RequestError` where it does not fit."""
    where = f"--python {interpreter}"
    try:
        line = messages.next(_HELLO_S)
    except HungProcessError:
        raise RequestError(f"{where} did not start within {_HELLO_S:g} s") from None
    hello = _read(line)
    if hello is None:
        raise RequestError(f"{where} is no Python interpreter that can be used")
    ours, theirs = own_version(), hello.get("core")
    remedy = f"{interpreter.python} -m pip install ttbench-core=={ours}"
    if theirs is None:
        raise RequestError(
            f"{where} (Python {hello.get('python')}) has no ttbench-core that can be imported"
            f" ({hello.get('reason')}): {remedy}"
        )
    if (theirs, hello.get("protocol")) != (ours, PROTOCOL):
        raise RequestError(
            f"{where} has ttbench-core {theirs} (protocol {hello.get('protocol')}), and this"
            f" is {ours} (protocol {PROTOCOL}): {remedy}"
        )


def own_version() -> str:
    """Give the version of ttbench-core in this interpreter."""
    return importlib_metadata.version("ttbench-core")


def not_startable(interpreter: Interpreter, error: OSError) -> RequestError:
    """Give the error for an interpreter that is not there, or no program."""
    reason = error.strerror or type(error).__name__
    if Path(interpreter.python).is_dir():
        reason = "it is a folder; name the interpreter in it, such as bin/python"
    return RequestError(f"--python {interpreter} cannot be started: {reason}")


def _read(line: str | None) -> dict[str, Any] | None:
    try:
        message = json.loads(line or "")
    except (ValueError, RecursionError):
        return None
    hello = message.get("hello") if isinstance(message, dict) else None
    return hello if isinstance(hello, dict) else None
