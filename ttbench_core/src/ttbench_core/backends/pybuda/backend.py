"""The entry point of the backend `pybuda`; it imports PyBuda only when it must."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ttbench_core.backends.helpers import seeded
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Session,
)
from ttbench_core.backends.pybuda import cards
from ttbench_core.backends.pybuda.options import PybudaOptions, check_with_run
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Trace

__all__ = ["PybudaBackend"]

#: The default timeout in seconds. PyBuda's own benchmark gives a whole benchmark half an hour,
#: most of which compiling takes.
_DEFAULT_TIMEOUT_S: Final = 1800.0

#: An accelerator comes before a processor.
_RANK: Final = 100

_CAPABILITIES: Final = Capabilities(
    data_formats=frozenset(DataFormat),
    math_fidelities=frozenset(MathFidelity),
    opt_levels=range(5),
    traces=frozenset(Trace),
    device_kinds=cards.DEVICE_KINDS,
    training=True,
    training_chips=True,
    generation=True,
    host_stages=True,
    input_kinds=INPUT_KINDS - {"unbatched"},
    default_format=DataFormat.BFP8_B,
    default_opt_level=4,
    default_fidelity=MathFidelity.LOFI,
    options=PybudaOptions,
    variables=("GOLDEN_*", "PYBUDA_*", "TT_BACKEND_*"),
    rank=_RANK,
    own_process=True,
    patience_s=_DEFAULT_TIMEOUT_S,
)

_REMEDY: Final = (
    "its wheels are no part of the package index: take the one for your cards and CPython 3.10"
    " from the releases of github.com/tenstorrent/tt-buda (docs/pybuda.md)"
)


class PybudaBackend:
    """Tenstorrent's cards through PyBuda: `silicon`, and the emulated `golden` and `model`."""

    name: Final = "pybuda"

    def availability(self) -> Availability:
        """Report whether PyBuda is installed, and whether a card is present; imports nothing."""
        if cards.installed_version() is None:
            interpreter = f"CPython {platform.python_version()}"
            return Availability(False, f"PyBuda is not installed for this {interpreter}", _REMEDY)
        missing = []
        has_card = bool(cards.driver_nodes())
        if not has_card:
            missing.append(
                (
                    f"no card is there ({cards.DRIVER_NODES} is empty)",
                    "install Tenstorrent's driver, or say --backend pybuda to run without a card",
                )
            )
        if not cards.can_save_images():
            missing.append(("no image can be saved, as rsync is not on PATH", "install rsync"))
        return Availability(
            True,
            "; ".join(reason for reason, _ in missing),
            "; ".join(remedy for _, remedy in missing),
            automatic=has_card,
        )

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return _CAPABILITIES

    def devices(self) -> Sequence[Device]:
        """List the cards that PyBuda finds; imports it."""
        return cards.detect_cards()

    def check(self, options: RunOptions, engine: PybudaOptions) -> None:
        """Refuse options that contradict each other; see `options`."""
        check_with_run(engine, options)

    def devices_for(self, options: RunOptions, engine: PybudaOptions) -> Sequence[Device]:
        """Give the devices that a request runs on; see `cards`."""
        return cards.devices_for(options, engine)

    def versions(self) -> Mapping[str, str]:
        """Give PyBuda's version, and the family of cards that it is built for."""
        version = cards.installed_version()
        if version is None:
            return {}
        family = cards.family_of(version)
        return {"pybuda": version, **({"pybuda_family": family} if family else {})}

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:  # noqa: ARG002 - the contract's
        """Seed the host's generator, which draws weights and inputs, and restore it at the end."""
        return seeded(seed)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.pybuda.compiling import compile_session

        return compile_session(model, options)

    def save_image(self, model: BenchmarkModel, options: CompileOptions) -> Path:
        """Compile a model into a file; see `images`."""
        from ttbench_core.backends.pybuda.images import save_image

        return save_image(model, options)
