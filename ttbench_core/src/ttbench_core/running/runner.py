"""`run()`: one run, from what is asked to its stored Result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttbench_core.backends.planning import check_request
from ttbench_core.backends.selection import choose_exclusive_backend
from ttbench_core.plugins.registry import name_to_ask_for
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.keywords import shows_run_keywords
from ttbench_core.running.measuring import RunContext, measure
from ttbench_core.running.placing import placed
from ttbench_core.running.progress import Observer, show_progress
from ttbench_core.running.request import RunRequest, request_of
from ttbench_core.sinks.storing import interrupted_with, store_result, store_results
from ttbench_core.sinks.targets import Target, check_targets

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ttbench_core.request.keywords import RunKeywords
    from ttbench_core.running.processes.supervision import Supervision

__all__ = ["run", "run_request", "supervision_of"]


@shows_run_keywords
def run(
    model: str | Callable[..., Any],
    *,
    output: str | Path | Sequence[str | Path] | None = None,
    progress: bool | None = None,
    **options: Unpack[RunKeywords],
) -> Result:
    """Benchmark a model and give its Result; `ttbench -m` from Python.

    Args:
        model: name of an installed model (`bert`, or `pack:bert`), or a builder
            of your own.
        output: file or URL that the result is appended to, or several of them
            (docs/results.md); a run that saves a compiled model measures nothing and leaves
            nothing there.
        progress: whether to show a progress bar; None shows it in a terminal or notebook.
        options: keywords of the run, each with a default:
            config: configuration; the model's default if not given.
            training: forward, loss and backward instead of forward alone.
            dataformat: `Fp32`, `Fp16`, `Fp16_b`, `Bfp8`, `Bfp8_b`, `Bfp4`, `Bfp4_b`, or a format
                that the backend declares.
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
            python: interpreter that measures, which has ttbench-core and the engine: a path, or
                a name of `ttbench.toml` (docs/interpreters.md); this one if not given, or the one
                that `ttbench.toml` names for the backend.
            model_options: options of the model, by name: keywords of its builder
                (`ttbench info MODEL`).
            engine_options: options that the backend declares, by name
                (`ttbench info --backend NAME`). Those of PyBuda are also keywords of their own,
                such as `balancer_policy="CNN"`.

    Returns:
        The result of a run that went through.

    Raises:
        RequestError: the request was wrong; nothing ran.
        BenchmarkError: the benchmark failed; the failed record is in `result`
            and in `output`.
        ResultNotStoredError: the result could not be appended to `output`.
        RunInterrupted: Ctrl-C; what was measured is in `result` and in `output`.
    """
    targets = check_targets(output)
    return run_request(request_of(model, options), targets, progress=progress)


def run_request(
    request: RunRequest,
    targets: Sequence[Target],
    *,
    progress: bool | None = None,
    own_process: bool = False,
) -> Result:
    """Measure a request and store its result; raises what `run` raises.

    Args:
        request: what is asked.
        targets: checked targets that the result is appended to.
        progress: as for `run`.
        own_process: whether it is measured in a fresh process, so that whatever the model, its
            pack or its engine do there, the record is kept here.
    """
    unstored: Result | None = None
    try:
        with show_progress(request.options.model, progress) as observer:
            try:
                with placed(request, observer) as found:
                    measured = _measure(found, observer, own_process=own_process)
                    result = unstored = _of_sweep(measured, request)
            except (BenchmarkError, RunInterrupted) as ended:
                if ended.result is not None:
                    ended.result = _of_sweep(ended.result, request)
                unstored = ended.result
                ended.storage_error = store_results([ended.result], targets)
                unstored = None
                raise
        if result.image is None:
            store_result(result, *targets)
    except KeyboardInterrupt as ended:
        if unstored is None or isinstance(ended, RunInterrupted):
            raise
        raise interrupted_with([unstored], targets) from None
    return result


def _measure(request: RunRequest, observer: Observer, *, own_process: bool) -> Result:
    if own_process or request.interpreter is not None:
        from ttbench_core.running.processes.repeated import measure_in_processes
        from ttbench_core.running.processes.supervision import Supervision

        return measure_in_processes(request, Supervision(observer))
    supervision = supervision_of(request, observer)
    in_this_process = request.options.processes == 1 and request.options.env is None
    if in_this_process and supervision is None:
        return measure(request, RunContext(observer))
    from ttbench_core.running.processes.repeated import measure_in_processes
    from ttbench_core.running.processes.supervision import Supervision

    return measure_in_processes(request, supervision or Supervision(observer))


def _of_sweep(result: Result, request: RunRequest) -> Result:
    return result if request.sweep is None else replace(result, sweep=request.sweep)


def supervision_of(request: RunRequest, observer: Observer) -> Supervision | None:
    """Give how the process of a run is supervised whose engine needs one; None where none does.

    Such an engine is asked for its objections before there is a process. One of another
    interpreter is not asked here. Raises `RequestError`.
    """
    options = request.options
    if request.interpreter is not None:
        return None
    engine = choose_exclusive_backend(options)
    if engine is None:
        return None
    check_request(options, engine.backend)
    from ttbench_core.running.processes.supervision import Supervision

    timeout_s = options.timeout or engine.capabilities.patience_s
    return Supervision(observer, timeout_s, engine=name_to_ask_for(engine.plugin))
