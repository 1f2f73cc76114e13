"""The entry point of the compile check."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

import importlib_metadata

from ttbench_core.backends.helpers import seeded
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Session,
)
from ttbench_core.backends.tt_compile.options import (
    PATIENCE_S,
    TtCompileOptions,
    refuse_replaced_variables,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["TtCompileBackend"]

#: Modules, and the distributions that have them.
_NEEDED: Final = {
    "torch": "torch",
    "torchax": "torchax",
    "jax": "jax",
    "jax_plugins.libtt": "jax-tt-plugin",
}
_REMEDY: Final = (
    "make an interpreter of its own for it, never that of ttbench: docs/compile_check.md"
)
#: What whoever has it installed must know.
_WARNING: Final = (
    "compiles only, for a described card; jax-tt-plugin states no licence and no author, and its"
    " .pth file runs at each start of this interpreter"
)


class TtCompileBackend:
    """torchax and jax-tt-plugin, for a Blackhole P150 that is described in a file."""

    name: Final = "tt_compile"

    def availability(self) -> Availability:
        """Report whether its packages are in this interpreter; imports none of them."""
        for module, distribution in _NEEDED.items():
            if not _is_installed(module):
                return Availability(False, f"{distribution} is not installed here", _REMEDY)
        return Availability(True, _WARNING, automatic=False)

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return Capabilities(
            device_kinds=("described",),
            data_formats=(DataFormat.FP32,),
            default_format=DataFormat.FP32,
            input_kinds=INPUT_KINDS,
            options=TtCompileOptions,
            measures=False,
            own_process=True,
            patience_s=PATIENCE_S,
        )

    def devices(self) -> Sequence[Device]:
        """Give the card that is described."""
        return (Device("described", 0, "Blackhole P150 (described: no card)", "blackhole"),)

    def versions(self) -> Mapping[str, str]:
        """Give the versions of what compiles."""
        found = {}
        for name in (*_NEEDED.values(), "jaxlib"):
            with contextlib.suppress(importlib_metadata.PackageNotFoundError):
                found[name] = importlib_metadata.version(name)
        return found

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Seed torch's generators, and restore them at the end."""
        return seeded(seed, devices)

    def check(self, options: RunOptions, _engine: object) -> None:
        """Raise `OptionError` for variables of the run that would not count."""
        refuse_replaced_variables(options.environment)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Compile a model; see `compiling`."""
        from ttbench_core.backends.tt_compile.compiling import compile_only

        return compile_only(model, options)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False
