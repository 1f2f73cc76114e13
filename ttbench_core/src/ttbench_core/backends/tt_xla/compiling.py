"""From a model to a session on the cards: options, placing, and the two calls that compile."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.compile_cache import forget_compiled
from ttbench_core.backends.tt_xla.cards import VISIBLE
from ttbench_core.backends.tt_xla.device_status import card_readings
from ttbench_core.backends.tt_xla.generating import GeneratingSession, TokenGenerator, check_cache
from ttbench_core.backends.tt_xla.options import (
    WEIGHT_DTYPES,
    compiler_options,
    dynamo_options,
)
from ttbench_core.backends.tt_xla.placing import (
    Placement,
    check_model,
    device_module,
    placement,
)
from ttbench_core.backends.tt_xla.runtime import DEVICE_TYPE, set_compiler_options
from ttbench_core.backends.tt_xla.sessions import SessionFacts, TtXlaSession, staged_steps
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import new_tokens_of

__all__ = ["compile_session"]

#: The name that tt_torch registers with torch.compile.
_DYNAMO_BACKEND: Final = "tt"
#: The first call compiles, and the second records a trace where one is asked for.
_COMPILING_CALLS: Final = 2


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the chips that were chosen.

    Raises `UnsupportedOptionError` for a model or an option that tt-xla cannot run; what it
    raises while compiling passes through.
    """
    check_model(model, options)
    check_cache(model, options)
    set_compiler_options(compiler_options(options))
    place = placement(options)
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        forget_compiled()
        _forget_counts()
        settings.callback(forget_compiled)
        settings.enter_context(_no_silent_eager())
        stage = device_module(model.stages.device, place)
        compiler = _compiler(options)
        if model.generation:
            generator = TokenGenerator(stage, place, new_tokens_of(model) or 1, compiler)
            facts = _facts(model, options, place, _compile_now(generator, model.inputs))
            session: Session = GeneratingSession(generator, facts, settings)
        else:
            steps = staged_steps(model, compiler(stage), place.mover())
            times_s = _compile_now(lambda one: steps.finish(steps.start(one)), model.inputs)
            facts = _facts(model, options, place, times_s)
            session = TtXlaSession(steps, facts, settings)
        undo.pop_all()
    return session


def _compiler(options: CompileOptions) -> Callable[[torch.nn.Module], Callable[..., Any]]:
    asked: dict[str, Any] = {**dynamo_options(options)}

    def compile_module(module: torch.nn.Module) -> Callable[..., Any]:
        compiled: Callable[..., Any] = torch.compile(
            module, backend=_DYNAMO_BACKEND, options=asked or None
        )
        return compiled

    return compile_module


def _compile_now(run: Callable[[Any], object], inputs: Any) -> list[float]:
    """Compile by running an input; gives the seconds of each call."""
    times_s = []
    for _ in range(_COMPILING_CALLS):
        started_s = time.perf_counter()
        run(inputs)
        times_s.append(time.perf_counter() - started_s)
    return times_s


def _facts(
    model: BenchmarkModel, options: CompileOptions, place: Placement, times_s: Sequence[float]
) -> SessionFacts:
    chips = len(options.devices)
    weights = WEIGHT_DTYPES.get(options.data_format)
    graphs, breaks = _dynamo_counts()
    effective: dict[str, object] = {
        "device_type": DEVICE_TYPE,
        "dtype": str(place.dtype).removeprefix("torch."),
        "weight_dtype": weights or str(place.dtype).removeprefix("torch."),
        "arch": options.devices[0].arch,
        "boards": _boards(),
        "device_count": chips,
        "mesh_shape": [1, chips],
        "visible_devices": os.environ.get(VISIBLE),
        "compile_options": compiler_options(options),
        "torch_compile_options": dynamo_options(options),
        "graphs": graphs,
        "graph_breaks": breaks,
        "compile_s": times_s[0],
        "second_call_s": times_s[1],
        **({"cache": "static"} if model.generation else {}),
    }
    notes = []
    if weights:
        notes.append(
            f"{options.data_format} is the format of the weights of matrix products alone: the"
            " model computes in bfloat16"
        )
    if breaks:
        notes.append(
            f"torch.compile broke the model into {graphs} graphs, and what is between them runs"
            " outside of them"
        )
    return SessionFacts(effective, tuple(notes))


def _boards() -> list[str] | None:
    """Give the boards of the machine, by the command `tt`; None where it is not there."""
    cards = card_readings()
    if cards is None:
        return None
    return [str(card["board_type"]) for card in cards if card["board_type"]]


def _forget_counts() -> None:
    from torch._dynamo.utils import counters

    counters.clear()


def _dynamo_counts() -> tuple[int, int]:
    """Give how many graphs torch.compile made, and how often it broke one off."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"]), sum(counters["graph_break"].values())


@contextlib.contextmanager
def _no_silent_eager() -> Any:
    """Make too many compilations of one function an error, where torch knows how."""
    config: Any = torch._dynamo.config  # noqa: SLF001
    strict = {"fail_on_recompile_limit_hit": True}
    known = {name: value for name, value in strict.items() if hasattr(config, name)}
    with config.patch(known) if known else contextlib.nullcontext():
        yield
