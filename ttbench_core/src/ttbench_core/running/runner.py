"""One run, from a model's name to its Result."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttbench_core.backends.selection import choose_exclusive_backend
from ttbench_core.errors import suggestion
from ttbench_core.models.source import Source, find_source, name_of
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.engine_options import EngineOptions
from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Scenario, Trace
from ttbench_core.running.measuring import Conduct, measure
from ttbench_core.running.progress import Observer, watching
from ttbench_core.sinks.keeping import keep, keep_all
from ttbench_core.sinks.targets import check_targets

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ttbench_core.request.engine_options import EngineKeywords
    from ttbench_core.running.processes import Watch

__all__ = ["exclusive_watch", "run"]


def run(
    model: str | Callable[..., Any],
    *,
    config: str | None = None,
    training: bool = False,
    dataformat: DataFormat | str | None = None,
    math_fidelity: MathFidelity | str | None = None,
    backend_opt_level: int | None = None,
    loop_count: int | None = None,
    chips: int = 1,
    layers: int | None = None,
    trace: Trace | str = Trace.NONE,
    microbatch: int | None = None,
    seq_len: int | None = None,
    image_size: int | None = None,
    generative: bool | None = None,
    new_tokens: int | None = None,
    weights: str | Path | None = None,
    device: str | None = None,
    backend: str | None = None,
    seed: int = 0,
    scenario: Scenario | str = Scenario.THROUGHPUT,
    passes: int | None = None,
    max_time: float | None = None,
    warmup: int | None = None,
    processes: int = 1,
    threads: int | None = None,
    verify: bool | None = None,
    pcc: float | None = None,
    roofline: bool = True,
    env: Mapping[str, str] | str | None = None,
    timeout: float | None = None,
    output: str | Path | Sequence[str | Path] | None = None,
    progress: bool | None = None,
    **engine_options: Unpack[EngineKeywords],
) -> Result:
    """Benchmark a model and give its Result; `ttbench -m` from Python.

    Args:
        model: name of an installed model (`bert`, or `pack:bert`), or a builder
            of your own.
        config: configuration; the model's default if not given.
        training: forward, loss and backward instead of forward alone.
        dataformat: `Fp32`, `Fp16`, `Fp16_b`, `Bfp8`, `Bfp8_b`, `Bfp4`, `Bfp4_b`.
        math_fidelity: `LoFi`, `HiFi2`, `HiFi3`, `HiFi4`.
        backend_opt_level: the backend's optimization level.
        loop_count: inputs a pass; 5 x the number of chips if not given.
        chips: devices to use; 0 is all.
        layers: number of layers, where the model supports it.
        trace: `none`, `light`, `verbose`; taken after the timed passes.
        microbatch: samples an input; the configuration's own if not given.
        seq_len: tokens of a text or prompt, where the model has one.
        image_size: rows and columns of an image, where the model has one.
        generative: generate tokens and count these, or run the model once an input; what the
            model is for if not given.
        new_tokens: tokens that a model generates for a prompt.
        weights: `pretrained` for those of the hub, or a folder of them; random if not given.
        device: `cpu`, `cuda`, `cuda:1`; the best if not given.
        backend: name of a registered backend; the best if not given.
        seed: seed of random weights and inputs.
        scenario: `throughput`, with as many inputs in flight as keep the engine busy, or
            `latency`, with one.
        passes: passes to measure; until their interval is within 2 % if not given.
        max_time: seconds that the passes may take; 60 if neither is given.
        warmup: inputs before the passes; until they settle if not given.
        processes: repeats the whole measurement in so many fresh processes; the interval
            is then over processes. A builder of your own needs cloudpickle for it.
        threads: threads that the engine computes with on the host.
        verify: whether outputs are compared with Fp32 eager on the CPU; where they can
            differ if not given. See `outputs_are_right` of the result.
        pcc: correlation below which outputs count as wrong; the model's, else 0.99.
        roofline: whether this machine's peak is measured, to compare the rate with it.
        env: environment variables of the run, which then gets a process of its own;
            your own environment stays as it is.
        timeout: seconds that compiling, or an output, may take on a Tenstorrent card before
            the run counts as hung.
        output: file or URL that the result is appended to, or several of them
            (docs/results.md); a run with `save_tti` measures nothing and leaves nothing there.
        progress: whether to show a progress bar; None shows it where one can see it.

        engine_options: options that only some engines honour; see `EngineOptions`.

    Returns:
        The result of a run that went through.

    Raises:
        RequestError: the request was wrong; nothing ran.
        BenchmarkError: the benchmark failed; the failed record is in `result`
            and in `output`.
        ResultNotStoredError: the result could not be appended to `output`.
        RunInterrupted: Ctrl-C; what was measured is in `result` and in `output`.
    """
    options = RunOptions(
        model=name_of(model),
        config=config,
        training=training,
        dataformat=dataformat,  # type: ignore[arg-type]
        math_fidelity=math_fidelity,  # type: ignore[arg-type]
        backend_opt_level=backend_opt_level,
        loop_count=loop_count,
        chips=chips,
        layers=layers,
        trace=trace,  # type: ignore[arg-type]
        microbatch=microbatch,
        seq_len=seq_len,
        image_size=image_size,
        generative=generative,
        new_tokens=new_tokens,
        weights=None if weights is None else str(weights),
        device=device,
        backend=backend,
        seed=seed,
        scenario=scenario,  # type: ignore[arg-type]
        passes=passes,
        max_time=max_time,
        warmup=warmup,
        processes=processes,
        threads=threads,
        verify=verify,
        pcc=pcc,
        roofline=roofline,
        env=env,  # type: ignore[arg-type]
        timeout=timeout,
        **_known(engine_options),
    )
    targets = check_targets(output)
    source = find_source(model)
    with watching(options.model, progress) as observer:
        try:
            result = _measured(options, source, observer)
        except (BenchmarkError, RunInterrupted) as ended:
            ended.storage_error = keep_all([ended.result], targets)
            raise
    if options.save_tti is None:
        keep(result, *targets)
    return result


def _measured(options: RunOptions, source: Source, observer: Observer) -> Result:
    watch = exclusive_watch(options, observer)
    in_this_process = options.processes == 1 and options.env is None
    if in_this_process and watch is None:
        return measure(options, source, Conduct(observer))
    from ttbench_core.running.processes import Watch, measure_in_processes

    return measure_in_processes(options, source, watch or Watch(observer))


def exclusive_watch(options: RunOptions, observer: Observer) -> Watch | None:
    """Say how a run is followed whose engine wants a process of its own; None where none does."""
    engine = choose_exclusive_backend(options.backend, options.device_asked)
    if engine is None:
        return None
    from ttbench_core.running.processes import Watch

    patience_s = options.timeout or engine.capabilities().patience_s
    return Watch(observer, patience_s, engine=engine.name)


def _known(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse keywords that no engine has, as Python does, and with near misses."""
    known = [field.name for field in dataclasses.fields(EngineOptions)]
    for name in keywords:
        if name not in known:
            near = suggestion(name, [*inspect.signature(run).parameters, *known])
            raise TypeError(f"run() got an unexpected keyword argument {name!r}{near}")
    return dict(keywords)
