"""The door of the backend `pybuda`; it imports PyBuda only when it must."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Session,
)
from ttbench_core.backends.pybuda import cards
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Trace

__all__ = ["PybudaBackend"]

#: The original's runner gave a whole benchmark half an hour, most of which a compiler takes.
_PATIENCE_S: Final = 1800.0

_CAPABILITIES: Final = Capabilities(
    data_formats=frozenset(DataFormat),
    math_fidelities=frozenset(MathFidelity),
    opt_levels=range(5),
    traces=frozenset(Trace),
    device_kinds=cards.KINDS,
    training=True,
    training_chips=True,
    generation=True,
    default_format=DataFormat.BFP8_B,
    default_opt_level=4,
    default_fidelity=MathFidelity.LOFI,
    engine_options=frozenset(
        {
            "arch",
            "auto_transpose",
            "balancer_policy",
            "device_config",
            "devtype",
            "galaxy",
            "load_tti",
            "microbatch_count",
            "parallel_tti",
            "perf_analysis",
            "recompute",
            "runtime_params_yaml",
            "save_tti",
            "single_thread",
        }
    ),
    own_process=True,
    patience_s=_PATIENCE_S,
)

_REMEDY: Final = (
    "its wheels are no part of the package index: take the one for your cards and CPython 3.10"
    " from the releases of github.com/tenstorrent/tt-buda (docs/tenstorrent.md)"
)


class PybudaBackend:
    """Tenstorrent's cards through PyBuda: `silicon`, and its imitations `golden` and `model`."""

    name: Final = "pybuda"

    def availability(self) -> Availability:
        """Say whether PyBuda is installed, and whether a card is there; imports nothing."""
        if cards.installed_version() is None:
            here = f"CPython {platform.python_version()}"
            return Availability(False, f"PyBuda is not installed for this {here}", _REMEDY)
        if not cards.nodes():
            return Availability(
                True,
                f"no card is there ({cards.NODES} is empty)",
                "install Tenstorrent's driver, or say --backend pybuda to run without a card",
                automatic=False,
            )
        return Availability(True)

    def capabilities(self) -> Capabilities:
        """Say what it can honour."""
        return _CAPABILITIES

    def devices(self) -> Sequence[Device]:
        """List the cards that PyBuda finds; imports it."""
        return cards.detected()

    def devices_for(self, options: RunOptions) -> Sequence[Device]:
        """Give what a request runs on; see `cards`."""
        return cards.devices_for(options)

    def versions(self) -> Mapping[str, str]:
        """Give PyBuda's version, the family of cards that it is for, and torch's."""
        version = cards.installed_version()
        if version is None:
            return {}
        family = cards.family_of(version)
        return {"pybuda": version, **({"pybuda_family": family} if family else {})}

    @contextlib.contextmanager
    def seeded(self, seed: int, devices: Sequence[Device]) -> Iterator[None]:  # noqa: ARG002 - the contract's
        """Seed the host's generator, which draws weights and inputs, and put it back at the end."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.pybuda.compiling import compile_session

        return compile_session(model, options)

    def save_image(self, model: BenchmarkModel, options: CompileOptions) -> Path:
        """Compile a model into a file; see `images`."""
        from ttbench_core.backends.pybuda.images import save_image

        return save_image(model, options)
