"""From a model to a session on the cards: the compiler's options, the mesh, `torch.compile`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import torch
import torch_xla

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.compile_cache import forget_compiled
from ttbench_core.backends.shared.xla.checks import refuse_model
from ttbench_core.backends.shared.xla.compiling import Compiled
from ttbench_core.backends.shared.xla.opening import LazyEngine, open_session
from ttbench_core.backends.tt_xla.cards import VISIBLE, emulator
from ttbench_core.backends.tt_xla.generating import OnDeviceGenerator, refuse_cache
from ttbench_core.backends.tt_xla.options import WEIGHT_DTYPES, compiler_options, dynamo_options
from ttbench_core.backends.tt_xla.placing import compute_dtype, refuse_mesh, splitting
from ttbench_core.backends.tt_xla.runtime import DEVICE_TYPE, set_compiler_options, use_mesh
from ttbench_core.model import BenchmarkModel

__all__ = ["compile_session"]

#: The name that tt_torch registers with torch.compile.
_DYNAMO_BACKEND: Final = "tt"


def compile_session(
    model: BenchmarkModel, options: CompileOptions, boards: Sequence[str] | None = None
) -> Session:
    """Compile a model for the chips that were chosen.

    Args:
        model: as built.
        options: what will be run.
        boards: of the cards that are open, for the record.

    Raises `UnsupportedOptionError` for a model or an option that tt-xla cannot run; what it
    raises while compiling passes through.
    """
    refuse_model(model, options, "tt_xla", static_cache=False)
    refuse_cache(model, options)
    chips = len(options.devices)
    refuse_mesh(model, chips)
    set_compiler_options(compiler_options(options))
    # before the first device: its tensors would have no sharding
    mesh = use_mesh(chips) if chips > 1 else None
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        _forget()
        settings.callback(_forget)
        settings.enter_context(_no_silent_eager())
        compiler = partial(_compiled, dynamo_options(options), mesh)
        dtype = compute_dtype(options)
        engine = LazyEngine(
            device=torch_xla.device(),
            dtype=dtype,
            compiler=compiler,
            generator=partial(OnDeviceGenerator, compiler=compiler),
            effective={"boards": boards, **_effective(options, dtype)},
            notes=tuple(_notes(options)),
            report=_graphs,
        )
        session = open_session(model, options, engine, settings)
        undo.pop_all()
    return session


def _compiled(asked: dict[str, Any], mesh: Any, module: torch.nn.Module) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.compile(
        module, backend=_DYNAMO_BACKEND, options=asked or None
    )
    return compiled if mesh is None else splitting(compiled, mesh)


def _effective(options: CompileOptions, dtype: torch.dtype) -> dict[str, object]:
    chips = len(options.devices)
    computed = str(dtype).removeprefix("torch.")
    return {
        "device_type": DEVICE_TYPE,
        "dtype": computed,
        "weight_dtype": WEIGHT_DTYPES.get(options.data_format, computed),
        "arch": options.devices[0].arch,
        "emulated": emulator() is not None,
        "emulated_device": emulator() is not None,
        "device_count": chips,
        "mesh_shape": [chips] if chips > 1 else None,
        "visible_devices": os.environ.get(VISIBLE),
        "compile_options": compiler_options(options),
        "torch_compile_options": dynamo_options(options),
    }


def _notes(options: CompileOptions) -> Iterator[str]:
    if options.data_format in WEIGHT_DTYPES:
        yield (
            f"{options.data_format} is the format of the weights of matrix products alone: the"
            " model computes in bfloat16"
        )
    if (variable := emulator()) is not None:
        yield (
            f"no card has run: {variable} describes one, and times, outputs and rates are none of a"
            " card"
        )
    yield "backend 'tt_xla' has been tested without a card"


def _graphs() -> Compiled:
    """Say how many graphs torch.compile made, and how often it broke one off."""
    from torch._dynamo.utils import counters

    graphs, breaks = int(counters["stats"]["unique_graphs"]), sum(counters["graph_break"].values())
    note = (
        f"torch.compile broke the model into {graphs} graphs, and what is between them runs"
        " outside of them"
    )
    return Compiled({"graphs": graphs, "graph_breaks": breaks}, (note,) if breaks else ())


def _forget() -> None:
    """Forget what torch.compile has compiled, and its counts."""
    from torch._dynamo.utils import counters

    forget_compiled()
    counters.clear()


@contextlib.contextmanager
def _no_silent_eager() -> Iterator[None]:
    """Make too many compilations of one function an error, where torch knows how."""
    config: Any = torch._dynamo.config  # noqa: SLF001
    strict = {"fail_on_recompile_limit_hit": True}
    known = {name: value for name, value in strict.items() if hasattr(config, name)}
    with config.patch(known) if known else contextlib.nullcontext():
        yield
