"""What tests say to the stand-in and what it tells them; nothing of this is in PyBuda.

`configure(...)` sets what the machine is like and what goes wrong; a subprocess takes the same from
the environment variable PYBUDA_STANDIN, which holds JSON. `calls` lists what was called in order,
`programs` what the device was started for, `violations` what the order of calls or the use of the
library forbids (each was also an AssertionError when it happened, which a caller may have caught).
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

FAULTS = ("compile", "initialize", "push", "run", "backward")
FAMILIES = {"gs": "Grayskull", "wh_b0": "Wormhole_B0", "bh": "Blackhole"}


@dataclass(frozen=True)
class Settings:
    """The machine, and what goes wrong on it.

    `after` counts the outputs (for `push` and `starve`: the inputs) that still go through.
    """

    cards: tuple[str, ...] = ("Wormhole_B0",)  # one for each card that the host sees
    wheel_family: str | None = None  # None: the family that the installed metadata name
    fail: str | None = None  # one of FAULTS
    after: int = 0
    hang: bool = False  # nothing arrives any more and error_raised() stays False
    stuck: bool = False  # hang, and what would wait for it waits until release()
    starve: bool = False  # inputs are lost between the host's queue and the device
    distort: float = 0.0  # sigma of the noise on what a TTDevice computes
    delay_s: float = 0.0  # for each input
    tries_s: float = 10.0  # how long a card's output is waited for: 10 tries of 1 s
    pickle: bool = True  # whether modules of a CPUDevice must survive the way to its process
    ending_s: float = 0.0  # how long the processes of several cards take to end
    grace_s: float = 1.0  # how long sync() and shutdown() wait for inputs that nobody pushes
    patience_s: float = 30.0  # and for anything else, before that is an AssertionError
    renames: bool = False  # the import names torch's private backend, once and for all
    log: str | None = None  # a file: one JSON line a call, for tests of subprocesses

    def __post_init__(self) -> None:
        object.__setattr__(self, "cards", tuple(self.cards))
        known = set(FAMILIES.values())
        if not set(self.cards) <= known:
            raise ValueError(f"cards {self.cards} are not among {sorted(known)}")
        if self.fail is not None and self.fail not in FAULTS:
            raise ValueError(f"fail={self.fail!r} is not one of {FAULTS}")
        if self.wheel_family is not None and self.wheel_family not in FAMILIES:
            raise ValueError(f"wheel_family={self.wheel_family!r} is not one of {list(FAMILIES)}")

    @property
    def hangs(self) -> bool:
        return self.hang or self.stuck


@dataclass(frozen=True)
class Call:
    """One call from outside: the name in the contract, and every argument with its value."""

    name: str
    arguments: dict[str, Any]


def from_environment() -> Settings:
    """Read PYBUDA_STANDIN; what it does not name has its default."""
    return Settings(**json.loads(os.environ.get("PYBUDA_STANDIN", "{}")))


calls: list[Call] = []
programs: list[int] = []  # for each forward program, over how many inputs it loops
violations: list[str] = []
_current = [from_environment()]
_released = threading.Event()


def settings() -> Settings:
    """Say what holds now."""
    return _current[0]


def configure(**changes: Any) -> Settings:
    """Change some settings; an unknown name is a TypeError."""
    _current[0] = replace(settings(), **changes)
    return settings()


def names() -> list[str]:
    """List the names of the calls, without the polling of error_raised()."""
    return [call.name for call in calls if call.name != "pybuda.error_raised"]


def arguments_of(name: str) -> list[dict[str, Any]]:
    """List the arguments of each call of one name."""
    return [call.arguments for call in calls if call.name == name]


def release() -> None:
    """Let everything go on that waits because of `stuck`."""
    _released.set()


def reset() -> None:
    """Forget pipelines, calls and violations; take the settings from the environment again."""
    from pybuda.standin import state

    release()
    state.forget()
    calls.clear()
    programs.clear()
    violations.clear()
    _current[0] = from_environment()
    _released.clear()


def write_wheel(folder: Path, family: str) -> Path:
    """Make a folder that, put first on the path, installs the wheel of another family."""
    version = f"0.1.240909+dev.{family}.88bf527"
    info = folder / f"pybuda-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pybuda\nVersion: {version}\n")
    return folder


# ----- used by the stand-in itself ----------------------------------------------------------


def record(name: str, arguments: dict[str, Any]) -> None:
    calls.append(Call(name, arguments))
    if settings().log is not None:
        plain = {key: _plain(value) for key, value in arguments.items()}
        with Path(settings().log).open("a") as file:
            file.write(json.dumps({"name": name, "arguments": plain}) + "\n")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    shape = getattr(value, "shape", None)
    return str(value) if shape is None else f"tensor{list(shape)}"


def refuse(text: str) -> NoReturn:
    """Note a use that the real library does not forgive, and end it."""
    violations.append(text)
    raise AssertionError(f"pybuda stand-in: {text}")


def wait_while_stuck() -> None:
    _released.wait()
