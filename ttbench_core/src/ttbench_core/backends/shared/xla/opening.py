"""From a model to a session on PyTorch/XLA, compiled before its first call.

| model | session |
|---|---|
| generating tokens | `GeneratingSession`, a graph for each token |
| in training | `StepSession` around a `TrainingStep`, a graph for each input |
| any other | `LazySession`, a graph for each input |
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
import torch_xla

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.stages import Place, Step, chain_steps, stage_steps, to_host
from ttbench_core.backends.shared.token_generator import TokenGenerator
from ttbench_core.backends.shared.training import make_training_step
from ttbench_core.backends.shared.xla.compiling import Compiled, compile_now
from ttbench_core.backends.shared.xla.placing import placed_stages
from ttbench_core.backends.shared.xla.runtime import finish
from ttbench_core.backends.shared.xla.sessions import (
    GeneratingSession,
    Generator,
    LazySession,
    LazySteps,
    StepSession,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import new_tokens_of

__all__ = ["LazyEngine", "open_session"]

#: Makes a session of what was compiled: how it really runs, notes, and what closes with it.
_Opener: TypeAlias = Callable[[Mapping[str, object], Sequence[str], contextlib.ExitStack], Session]


def _unchanged(call: Any) -> Any:
    return call


@dataclass(frozen=True)
class LazyEngine:
    """How an engine on PyTorch/XLA runs the device stage."""

    device: torch.device
    #: Of its weights, and of its inputs that are floats.
    dtype: torch.dtype
    #: Gives what is called for the device stage, or for a step of a generation. In training it
    #: gives a module.
    compiler: Callable[[Any], Any] = _unchanged
    #: Whether a model generates with the cache that it declares, or with its own past.
    static_cache: bool = True
    #: Generates a number of tokens by a module at its place; None takes each token to the host and
    #: back.
    generator: Callable[[Any, Place, int], Generator] | None = None
    #: How it really runs, for the record.
    effective: Mapping[str, object] = field(default_factory=dict)
    #: Sentences that a reader of the result must know.
    notes: Sequence[str] = ()
    #: The same, of what is known only when a model has been compiled.
    report: Callable[[], Compiled] | None = None


def open_session(
    model: BenchmarkModel, options: CompileOptions, engine: LazyEngine, undo: contextlib.ExitStack
) -> Session:
    """Copy a model to the device, compile it, and give its session.

    Args:
        model: as built; `checks.refuse_model` has let it through.
        options: what will be run.
        engine: how the device stage is run.
        undo: closed with the session; closed by the caller where this raises.
    """
    if not options.training:
        # lazy tensors cannot be those of torch.inference_mode
        undo.enter_context(torch.no_grad())
    modules = placed_stages(model.stages, engine.device, engine.dtype, training=options.training)
    # what moving weights left to be computed would make the first input's graph another one
    torch_xla.sync()
    run, opener = _prepared(model, options, engine, modules)
    compiled = compile_now(partial(run, model.inputs), new_tokens_of(model) or 1)
    own = Compiled({}, ()) if engine.report is None else engine.report()
    effective = {**engine.effective, **compiled.effective, **own.effective}
    if model.generation:
        effective["cache"] = "static" if engine.static_cache else "dynamic"
    notes = [*engine.notes, *_notes(model, options), *compiled.notes, *own.notes]
    return opener(effective, notes, undo)


def _prepared(
    model: BenchmarkModel, options: CompileOptions, engine: LazyEngine, modules: Mapping[str, Any]
) -> tuple[Step, _Opener]:
    """Give what runs one input from the host to the host, and what makes the session of it."""
    place = Place(engine.device, engine.dtype)
    if model.generation:
        generator = _generator(modules["device"], place, new_tokens_of(model) or 1, engine)
        return generator, partial(GeneratingSession, generator)
    called = {**modules, "device": engine.compiler(modules["device"])}
    if options.training:
        step = make_training_step(model, called, place, finish)
        return step, partial(_step_session, step)
    steps = stage_steps(called, place, model.inputs)
    lazy = LazySteps(steps["device"], steps.get("cpu_pre"), steps.get("cpu_post"))
    return _eager_run(lazy), partial(LazySession, lazy)


def _generator(module: Any, place: Place, token_count: int, engine: LazyEngine) -> Generator:
    if engine.generator is not None:
        return engine.generator(module, place, token_count)
    return TokenGenerator(
        module,
        place.device,
        place.dtype,
        token_count,
        static_cache=engine.static_cache,
        compiler=engine.compiler,
        launch=torch_xla.sync,
    )


def _eager_run(steps: LazySteps) -> Step:
    """Run one input through all stages, as a session with one input in flight does."""

    def launch(outputs: Any) -> Any:
        torch_xla.sync()
        return to_host(outputs)

    present = (steps.before, steps.device, launch, steps.after)
    return chain_steps([one for one in present if one is not None])


def _step_session(
    step: Step,
    effective: Mapping[str, object],
    notes: Sequence[str],
    undo: contextlib.ExitStack,
) -> Session:
    return StepSession(step, effective=effective, notes=notes, on_close=undo.close)


def _notes(model: BenchmarkModel, options: CompileOptions) -> Iterator[str]:
    stages = [name for name in model.stages.present(training=False) if name != "device"]
    if stages and options.devices[0].kind == "cpu":
        yield f"{' and '.join(stages)} and the device stage share the cores of this CPU"
