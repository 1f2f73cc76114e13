"""What is known without imports: the interpreter, distributions, extras and sinks."""

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
#: Distributions whose versions affect numbers, with the command that installs each.
_REQUIRED: Final = {
    _CORE: "pip install ttbench-core",
    "torch": "pip install 'ttbench-core[torch]'",
    "transformers": "pip install transformers",
    "numpy": "pip install numpy",
}
#: Listed only if installed: they compute, or change the libraries that compute.
_OPTIONAL: Final = (
    "torchvision",
    "timm",
    "triton",
    "intel-extension-for-pytorch",
    "intel-openmp",
    "mkl",
)
#: What an extra is for.
_PURPOSES: Final = {
    "notebook": "progress bars in notebooks, and your own builders in several processes",
    "nvml": "energy of NVIDIA GPUs",
    "ray": "sweeps on the machines of a Ray cluster (--on ray)",
    "torch": "the backend torch",
}
#: Extras of the backend of their name that pin a torch: they would replace the one that is here.
_OF_OWN_TORCH: Final = frozenset({"xla"})
#: A requirement that belongs to an extra: `cloudpickle>=3.0; extra == 'notebook'`.
_EXTRA_REQUIREMENT: Final = re.compile(r"([\w.-]+).*;.*\bextra\s*==\s*['\"]([\w.-]+)['\"]")


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs this."""

    implementation: str
    version: str
    executable: str


@dataclass(frozen=True)
class Software:
    """A distribution whose version affects numbers."""

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
    #: Versions of its distributions by name; None for one that is not installed.
    distributions: Mapping[str, str | None]

    @property
    def missing(self) -> tuple[str, ...]:
        """The distributions that are not installed."""
        return tuple(name for name, version in self.distributions.items() if version is None)

    @property
    def remedy(self) -> str:
        """What installs it."""
        if self.name in _OF_OWN_TORCH:
            return f"ttbench env create {self.name} --backend {self.name}"
        return f"pip install '{_CORE}[{self.name}]'"


@dataclass(frozen=True)
class SinkEntry:
    """A registered sink, by the suffix of its files or the scheme of its URLs."""

    suffix: str
    pack: str
    pack_version: str
    #: Why it cannot be loaded, if its metadata already shows that.
    fault: str | None


def interpreter() -> Interpreter:
    """Describe the Python that runs this."""
    return Interpreter(
        platform.python_implementation(), platform.python_version(), sys.executable or "?"
    )


def software() -> tuple[Software, ...]:
    """List the distributions whose versions affect numbers, without importing them."""
    required = [Software(name, _version(name), remedy) for name, remedy in _REQUIRED.items()]
    optional = [Software(name, _version(name)) for name in _OPTIONAL]
    return (*required, *(one for one in optional if one.version is not None))


def extras() -> tuple[Extra, ...]:
    """List the optional parts of ttbench-core, as its own metadata lists them."""
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
        if (found := _EXTRA_REQUIREMENT.match(requirement)) is not None:
            yield found[2], found[1]


def _version(distribution: str) -> str | None:
    try:
        return str(importlib_metadata.version(distribution))
    except importlib_metadata.PackageNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - its metadata is broken: report that
        return f"unknown ({one_line(error)})"
