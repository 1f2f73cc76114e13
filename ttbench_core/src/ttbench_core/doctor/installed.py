"""What metadata alone tells: the interpreter, distributions, extras and sinks."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import importlib_metadata

from ttbench_core.errors import one_line
from ttbench_core.plugins.registry import SINKS, discover

__all__ = [
    "Extra",
    "Interpreter",
    "SinkEntry",
    "Software",
    "extras",
    "interpreter",
    "sinks",
    "software",
]

_CORE: Final = "ttbench-core"
#: Distributions whose versions decide numbers; what helps where one is missing.
_DECISIVE: Final = {
    _CORE: "pip install ttbench-core",
    "torch": "pip install 'ttbench-core[torch]'",
    "transformers": "pip install transformers",
    "numpy": "pip install numpy",
}
#: Told only where they are installed: they compute, or change what others compute with.
_TOLD_IF_THERE: Final = (
    "torchvision",
    "timm",
    "triton",
    "intel-extension-for-pytorch",
    "intel-openmp",
    "mkl",
)
#: What is lost without an extra.
_PURPOSES: Final = {
    "notebook": "progress bars in notebooks, and your own builders in several processes",
    "nvml": "energy of NVIDIA GPUs",
    "torch": "the backend torch",
}
#: A requirement that belongs to an extra: `cloudpickle>=3.0; extra == 'notebook'`.
_OF_EXTRA: Final = re.compile(r"([\w.-]+).*;.*\bextra\s*==\s*['\"]([\w.-]+)['\"]")


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs this."""

    implementation: str
    version: str
    executable: str


@dataclass(frozen=True)
class Software:
    """A distribution whose version decides numbers."""

    name: str
    #: None where it is not installed.
    version: str | None
    #: What installs it.
    remedy: str = ""


@dataclass(frozen=True)
class Extra:
    """An optional part of ttbench-core."""

    name: str
    purpose: str
    #: Versions of the distributions that it means; None for one that is not installed.
    distributions: Mapping[str, str | None]

    @property
    def missing(self) -> tuple[str, ...]:
        """The distributions that are not installed."""
        return tuple(name for name, version in self.distributions.items() if version is None)

    @property
    def remedy(self) -> str:
        """What installs it."""
        return f"pip install '{_CORE}[{self.name}]'"


@dataclass(frozen=True)
class SinkEntry:
    """A registered place for results, by the suffix of the file."""

    suffix: str
    pack: str
    pack_version: str
    #: Why it cannot be loaded, where its metadata already says so.
    fault: str | None


def interpreter() -> Interpreter:
    """Describe the Python that runs this."""
    return Interpreter(
        platform.python_implementation(), platform.python_version(), sys.executable or "?"
    )


def software() -> tuple[Software, ...]:
    """List the distributions whose versions decide numbers, without importing them."""
    decisive = [Software(name, _version(name), remedy) for name, remedy in _DECISIVE.items()]
    others = [Software(name, _version(name)) for name in _TOLD_IF_THERE]
    return (*decisive, *(one for one in others if one.version is not None))


def extras() -> tuple[Extra, ...]:
    """List the optional parts of ttbench-core, as its own metadata names them."""
    parts: dict[str, dict[str, str | None]] = {}
    for extra, distribution in _optional_requirements():
        parts.setdefault(extra, {})[distribution] = _version(distribution)
    return tuple(Extra(name, _PURPOSES.get(name, ""), parts[name]) for name in sorted(parts))


def sinks() -> tuple[SinkEntry, ...]:
    """List the registered sinks; none is loaded."""
    return tuple(
        SinkEntry(plugin.name, plugin.pack, plugin.version, plugin.fault)
        for plugin in discover(SINKS)
    )


def _optional_requirements() -> Iterator[tuple[str, str]]:
    try:
        requirements = importlib_metadata.requires(_CORE) or []
    except importlib_metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        if (found := _OF_EXTRA.match(requirement)) is not None:
            yield found[2], found[1]


def _version(distribution: str) -> str | None:
    try:
        return str(importlib_metadata.version(distribution))
    except importlib_metadata.PackageNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - its metadata is broken: that is what there is to tell
        return f"unknown ({one_line(error)})"
