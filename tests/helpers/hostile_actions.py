"""What a hostile pack does to the process that measures it, and a run of such a pack."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HEAD = """
import ctypes, os, signal, sys
from ttbench_core import benchmark_model
from ttbench_fake_engine import ShapedTensor, echo

class Odd(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")

class MuteOdd(BaseException):
    def __str__(self):
        raise self

"""
#: What a builder does before it returns; each run fails with these words in its error.
BUILDERS = {
    "raises no Exception": ("raise Odd('\\x1b[2Jboo')", "build: Odd"),
    "raises what cannot be shown": ("raise Mute", "Mute: its message cannot be shown"),
    "raises what cannot be shown nor caught": ("raise MuteOdd", "MuteOdd: its message cannot be"),
    "raises a book": ("raise ValueError('x' * 10**7)", "... (10,000,000 characters)"),
    "exits quietly": ("os._exit(0)", "ended with code 0 in phase build"),
    "exits loudly": ("os._exit(77)", "ended with code 77 in phase build"),
    "leaves Python": ("sys.exit('bye')", "SystemExit: bye"),
    "crashes": ("ctypes.string_at(0)", "was ended by SIGSEGV"),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
    "aborts": ("os.abort()", "was ended by SIGABRT"),
    "breaks the channel": (
        "from ttbench_core.running.processes import worker; worker._ENCODE = lambda _: 'evil'",
        "sent what is no message of ttbench",
    ),
    "recurses": ("f = lambda: f(); f()", "RecursionError"),
}
#: What a builder does to its surroundings; each run goes through.
SURROUNDINGS = {
    "changes the folder": "import tempfile; os.chdir(tempfile.mkdtemp())",
    "forks": "os.fork() or os._exit(0)",
    "forks and goes on": "os.fork()",
    "writes to descriptor 1": "os.write(1, b'}{ noise\\n')",
    "closes descriptor 1": "os.close(1)",
    "closes stdout": "sys.stdout.close()",
    "removes stdout": "sys.stdout = None; sys.stderr = None",
    "clears the environment": "os.environ.clear()",
    "ignores signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "prints": "print('}{')",
    "replaces the writer of JSON": "import json; json.dumps = lambda *_, **__: 'evil'",
}


def run_hostile_pack(
    fake_pack: Callable[..., Path],
    ttbench: Callable[..., Any],
    builder: str = "",
    forward: str = "return tensors",
    module: str = "",
    options: Sequence[str] = (),
) -> tuple[Any, list[dict[str, Any]]]:
    """Run a model whose builder, forward or module does something, in the working folder.

    Args:
        fake_pack: the fixture.
        ttbench: the fixture.
        builder: statements of the builder, at its indentation; so with forward and module.
        forward: statements of the model.
        module: statements before the model.
        options: further words of the command line.

    Returns:
        The outcome of the command, and the records that it stored.
    """
    source = (
        f"{HEAD}{module}\n"
        f"def forward(*tensors):\n    {forward}\n\n"
        f"@benchmark_model\ndef evil(training):\n    {builder or 'pass'}\n"
        "    return [forward], [ShapedTensor(2, 3)]\n"
    )
    here = Path.cwd()
    fake_pack("evil", "[ttbench.models]\nevil = evil_mod:evil\n", evil_mod=source)
    quick = ["--backend", "fake", "--passes", "1", "--warmup", "0"]
    outcome = ttbench("-m", "evil", *quick, "-o", "perf.json", "--json", *options)
    file = here / "perf.json"
    stored = json.loads(file.read_text()) if file.exists() else []
    return outcome, stored
