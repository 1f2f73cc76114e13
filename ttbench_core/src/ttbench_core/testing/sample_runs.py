"""Checks of what a backend compiles: sample models in each way that its capabilities declare."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.backends.protocol import Device, TracingSession
from ttbench_core.backends.refusals import formats_of
from ttbench_core.errors import RequestError
from ttbench_core.measure.passes import TokenTimingSession
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.request.formats import EngineFormat
from ttbench_core.request.options import Trace
from ttbench_core.testing.promises import BrokenPromiseError
from ttbench_core.testing.sample_cases import Checked, SampleCase

__all__ = ["check_runs"]

#: How far the loss of a training step may be from that of Fp32, of its value.
_LOSS_WITHIN: Final = 0.25


def check_runs(checked: Checked) -> None:
    """Run sample models in every way that the capabilities declare.

    Raises `BrokenPromiseError` naming the promise and the way.
    """
    capabilities = checked.capabilities
    _check_session(SampleCase(checked, "with one stage"))
    if capabilities.host_stages:
        _check_session(SampleCase(checked, "with stages on the host", {"staged": True}))
    for what, asked in _variants(checked):
        _check_one_input(SampleCase(checked, what, **asked))
    for one in _own_formats(checked):
        with _unless_refused():
            _check_one_input(SampleCase(checked, f"with -df {one}", dataformat=one.value))
    for input_kind in sorted(capabilities.input_kinds - {"tensors"}):
        kind = {"input_kind": input_kind}
        _check_one_input(SampleCase(checked, f"with inputs that are {input_kind}", kind))
    if capabilities.training:
        _check_training(SampleCase(checked, "in training", {"training": True}, training=True))
    if capabilities.generation:
        with _unless_refused():
            _check_generation(SampleCase(checked, "generating tokens", {"generating": True}))
    with _unless_refused():
        if len(_devices_of_one_kind(checked)) > 1:
            _check_session(SampleCase(checked, "with --chips 2", chips=2))
    for level in Trace:
        if level is not Trace.NONE and level in capabilities.traces:
            _check_trace(SampleCase(checked, f"with --trace {level}", trace=level), level)


def _variants(checked: Checked) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every format, level and fidelity that is declared, one at a time.

    Formats of its own but for the default one may need what is not here, see `_own_formats`.
    """
    capabilities = checked.capabilities
    own = _own_formats(checked)
    for one in formats_of(capabilities):
        if one not in own:
            yield f"with -df {one}", {"dataformat": one.value}
    for level in capabilities.opt_levels:
        yield f"with -opt {level}", {"backend_opt_level": level}
    for fidelity in capabilities.math_fidelities:
        yield f"with -mf {fidelity}", {"math_fidelity": fidelity}
    if capabilities.threads:
        yield "with --threads 1", {"threads": 1}


def _own_formats(checked: Checked) -> list[EngineFormat]:
    """Give the formats that it may refuse here, because a device or a library lacks them."""
    capabilities = checked.capabilities
    return [
        one
        for one in formats_of(capabilities)
        if isinstance(one, EngineFormat) and one != capabilities.default_format
    ]


def _devices_of_one_kind(checked: Checked) -> list[Device]:
    devices = list(checked.backend.devices())
    return [device for device in devices if device.kind == devices[0].kind]


@contextlib.contextmanager
def _unless_refused() -> Iterator[None]:
    """Accept that a backend refuses a request of which no capability says that it can be met."""
    try:
        yield
    except BrokenPromiseError as broken:
        if not isinstance(broken.__cause__, RequestError):
            raise


def _check_one_input(case: SampleCase) -> None:
    with case.opened() as run:
        run.check_outputs()


def _check_session(case: SampleCase) -> None:
    """Check everything that a session promises."""
    with case.opened() as run:
        run.check_outputs()
        run.check_order()
        run.check_flow()
        run.check_outputs()
    _check_early_end(case)


def _check_early_end(case: SampleCase) -> None:
    """Check that a session can be closed with an input in flight, and hides no error."""

    class EndedEarlyError(Exception):
        pass

    contract = case.contract
    with (
        case.opened() as run,
        contract.during("closing it with an input in flight"),
        contextlib.suppress(EndedEarlyError),
    ):
        with run.session as entered:
            contract.require(entered is run.session, "entering a session gives the session")
            run.session.push(run.model.inputs)
            raise EndedEarlyError
        raise contract.broken("leaving a session's context hides no error")


def _check_training(case: SampleCase) -> None:
    """Check the loss of one training step."""
    from ttbench_core.models.reference.sample_models import loss_of

    with case.opened() as run:
        case.contract.require(not run.session.is_reference, "is_reference is of inference alone")
        loss = float(run.outputs_of(run.model.inputs)[0].float().sum())
        expected = loss_of(run.model)
        case.contract.require(
            abs(loss - expected) <= _LOSS_WITHIN * abs(expected),
            f"the output of a training step is its loss: {loss:g}, where that of Fp32 is"
            f" {expected:g}",
        )


def _check_generation(case: SampleCase) -> None:
    """Check the first logits, and that there is a time of every token."""
    with case.opened() as run:
        run.check_first_outputs()
        session, tokens = run.session, new_tokens_of(run.model)
        times = session.token_ns if isinstance(session, TokenTimingSession) else ()
        case.contract.require(
            len(times) == tokens and list(times) == sorted(times),
            f"token_ns has a time for each of {tokens} tokens, in their order, not {times!r}",
        )


def _check_trace(case: SampleCase, level: Trace) -> None:
    """Check that a trace is taken after some inputs."""
    with case.opened() as run, tempfile.TemporaryDirectory() as name:
        run.check_outputs()
        session, folder = run.session, Path(name)
        if not isinstance(session, TracingSession):
            raise case.contract.broken("a session of a backend that declares traces has trace()")
        with case.contract.during("trace()"):
            files = [Path(file) for file in session.trace(run.model.inputs, level, folder)]
            written = [file for file in files if folder in file.parents and file.is_file()]
            case.contract.require(
                bool(files) and written == files,
                "trace() gives files that it wrote into the folder",
            )
            files[0].read_text(encoding="utf-8")
