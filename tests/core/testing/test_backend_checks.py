"""`check_backend` accepts what keeps its promises, and names each promise that is broken."""

from __future__ import annotations

import contextlib
import re
from collections import deque
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from ttbench_core import DataFormat
from ttbench_core.backends import helpers
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    Device,
    EngineFormat,
    OptionRole,
    Peak,
    engine_option,
)
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.errors import (
    BackendUnavailableError,
    SessionError,
    UnsupportedOptionError,
)
from ttbench_core.request.options import MathFidelity, Trace
from ttbench_core.testing import BrokenPromiseError, check_backend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

HALF = EngineFormat("Half", help="bfloat16 throughout", pcc=0.98)


@pytest.fixture(autouse=True)
def restored_torch():
    """What a broken backend leaves behind must not reach other tests."""
    precision = torch.get_float32_matmul_precision()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_float32_matmul_precision(precision)


# ----- a backend that keeps every promise ------------------------------------------------------


@dataclass(frozen=True)
class GoodOptions:
    lanes: int = engine_option(2, help="Lanes to compute with", choices=(1, 2))
    fast: bool = engine_option(False, help="Leave out what can be left out")

    def __post_init__(self):
        if self.fast and self.lanes == 1:
            raise ValueError("fast needs 2 lanes")


class GoodSession:
    """Two inputs in flight, which are computed when they are popped."""

    depth = 2
    is_reference = False
    notes = ("made for a test",)

    def __init__(self, run):
        self.effective = {"lanes": 2}
        self.run = run
        self.inputs = deque()
        self.closed = 0

    def push(self, inputs):
        if len(self.inputs) == self.depth:
            raise SessionError("full")
        self.inputs.append(inputs)

    def pop(self):
        if not self.inputs:
            raise SessionError("empty")
        return self.run(self.inputs.popleft())

    def device_peak_bytes(self):
        return 1 << 20

    def close(self):
        self.closed += 1

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class GoodBackend:
    name = "good"
    session_class = GoodSession

    def availability(self):
        return Availability(True)

    def capabilities(self):
        return Capabilities(
            device_kinds=("good",),
            data_formats=(DataFormat.FP32, HALF),
            default_format=DataFormat.FP32,
            host_stages=True,
            options=GoodOptions,
        )

    def devices(self):
        return [helpers.cpu_device("good", index) for index in range(2)]

    def versions(self):
        return {"good": "1.0"}

    def seeded(self, seed, devices):
        return helpers.seeded(seed, devices)

    def compile(self, model, options):
        dtype = torch.bfloat16 if options.data_format == HALF else torch.float32
        device_stage = helpers.private_copy(model.stages.device).to(dtype)

        def run_device(*tensors):
            return device_stage(*(tensor.to(dtype) for tensor in tensors))

        return self.session_class(helpers.staged_run(model, run_device))


def good(**members):
    """A backend in which some members are others."""
    return type("Backend", (GoodBackend,), members)()


def session(**members):
    """A backend in which some members of its sessions are others."""
    return good(session_class=type("Session", (GoodSession,), members))


def able(**capabilities):
    """A backend with other capabilities."""
    return good(capabilities=lambda self: replace(GoodBackend().capabilities(), **capabilities))


def giving(convert):
    """A backend whose outputs are converted."""
    return session(pop=lambda self: convert(GoodSession.pop(self)))


def found(backend, **options):
    with pytest.raises(BrokenPromiseError) as broken:
        check_backend(backend, **options)
    assert "\n" not in str(broken.value)
    return str(broken.value)


def test_a_backend_that_keeps_its_promises_passes():
    check_backend(GoodBackend(), name="good", engine_options={"lanes": 1})


# ----- the promises ----------------------------------------------------------------------------


def half_in_place(self, model, options):
    model.stages.device.half().float()
    return GoodBackend.compile(self, model, options)


def write_into_the_copy(self, model, options):
    copy = helpers.private_copy(model.stages.device)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.round_(decimals=3)
    return GoodBackend.compile(self, model, options)


def wrap_forward(self, model, options):
    model.stages.device.forward = model.stages.device.forward
    return GoodBackend.compile(self, model, options)


def stay_in_eval_mode(self, model, options):
    model.stages.device.eval()
    return GoodBackend.compile(self, model, options)


def scale_inputs(self, inputs):
    GoodSession.push(self, inputs)
    inputs[0].mul_(2)


def replace_inputs(self, inputs):
    GoodSession.push(self, list(inputs))
    inputs[0] = inputs[0].half()


def pop_newest(self):
    return self.run(self.inputs.pop())


def pop_first_ever(self):
    self.kept = getattr(self, "kept", None) or GoodSession.pop(self)
    self.inputs and self.inputs.popleft()
    return self.kept


def accept_any_number(self, inputs):
    self.inputs.append(inputs)


def close_once(self):
    self.closed += 1
    if self.closed > 1:
        raise RuntimeError("closed already")


def seed_for_good(self, seed, devices):
    torch.manual_seed(seed)
    return contextlib.nullcontext()


def seed_with_one(self, seed, devices):
    return helpers.seeded(1, devices)


def lower_the_precision(self, model, options):
    torch.set_float32_matmul_precision("medium")
    return GoodBackend.compile(self, model, options)


def compile_once(self, model, options):
    if getattr(type(self), "compiled", False):
        raise RuntimeError("compiled already")
    type(self).compiled = True
    return GoodBackend.compile(self, model, options)


def fail(*_, **__):
    raise RuntimeError("not now")


def exit_quietly(self, *exc_info):
    self.close()
    return True


def close_empty_only(self):
    if self.inputs:
        raise RuntimeError("busy")


def without_effective(self, run):
    GoodSession.__init__(self, run)
    del self.effective


def effective_dtype(self, run):
    GoodSession.__init__(self, run)
    self.effective = {"dtype": torch.half}


def round_weights(self, model, options):
    session = GoodBackend.compile(self, model, replace(options, data_format=HALF))
    session.is_reference = True
    return session


@dataclass(frozen=True)
class Unhelped:
    lanes: int = engine_option(2, help="")


@dataclass(frozen=True)
class Exploding:
    lanes: int = engine_option(2, help="Lanes", choices=(1, 2))

    def __post_init__(self):
        if self.lanes == 1:
            raise RuntimeError("one lane")


@dataclass(frozen=True)
class OffTheList:
    lanes: int = engine_option(3, help="Lanes", choices=(1, 2))


@dataclass(frozen=True)
class OddDevice:
    kind: str = engine_option("x", help="Kind", choices=("x",), role=OptionRole.DEVICE)


@dataclass(frozen=True)
class Saving:
    file: str | None = engine_option(None, help="File", role=OptionRole.IMAGE)


def devices(*made):
    return good(devices=lambda self: list(made))


ONE = Device("good", 0, "Good", "good_v1")

#: Each with the words that name it, and no other promise.
BROKEN = {
    # what it says of itself
    "wrong name": (good(name="other"), "name is 'other' and it is registered as 'good'"),
    "no method": (good(compile=None), r"has no compile\(\)"),
    "raises when asked": (
        good(capabilities=fail),
        "raised RuntimeError: not now when it was made or asked",
    ),
    "default off the list": (able(default_format=DataFormat.FP16), "default_format Fp16 is not"),
    "no availability": (good(availability=lambda self: True), "gives an Availability, not True"),
    "availability raises": (good(availability=fail), r"RuntimeError: not now in availability\(\)"),
    "unhelpful": (
        good(availability=lambda self: Availability(False, "no card")),
        "not usable has a reason and a remedy",
    ),
    "no devices": (devices(), "has devices"),
    "devices raise": (good(devices=fail), r"raised RuntimeError: not now in devices\(\)"),
    "odd device": (devices("good:0"), "gives Devices, not 'good:0'"),
    "other kind": (devices(replace(ONE, kind="bad")), "among its device_kinds: 'bad' is not"),
    "odd index": (devices(replace(ONE, index=-1)), "index of a device counts from 0: not -1"),
    "unnamed device": (devices(replace(ONE, name="")), "a device has its name"),
    "no planned device": (
        good(devices_for=lambda self, options, engine: ()),
        "finds no device here in planning a run",
    ),
    "odd memory": (devices(replace(ONE, memory_bytes=1.5)), "memory_bytes of a device .* not 1.5"),
    "same device": (devices(ONE, ONE), "another kind or index: good:0, good:0"),
    "odd versions": (good(versions=lambda self: {"good": 1}), "gives texts by name, not .*1"),
    "taken format": (
        able(data_formats=(DataFormat.FP32, EngineFormat("Fp16"))),
        "format 'Fp16' has a name that is taken",
    ),
    "same format": (
        able(data_formats=(DataFormat.FP32, HALF, replace(HALF, pcc=0.5))),
        "each of its data_formats has another name",
    ),
    "odd pcc": (
        able(data_formats=(DataFormat.FP32, replace(HALF, pcc=98))),
        "pcc of Half is a correlation",
    ),
    "odd fidelity": (able(default_fidelity=MathFidelity.LOFI), "default_fidelity LoFi is among"),
    "patience": (able(patience_s=9.0), "patience_s goes with own_process"),
    "odd level help": (able(opt_level_help={1: "fast"}), "opt_level_help is about levels"),
    "unhelped option": (able(options=Unhelped), "option lanes has a help"),
    "exploding option": (able(options=Exploding), "RuntimeError: one lane in making its options"),
    "default option": (able(options=OffTheList), "unknown -B lanes '3'.* in reading -B lanes=3"),
    "odd device option": (able(options=OddDevice), "choices of -B kind are kinds of its devices"),
    "images": (able(options=Saving), "role IMAGE and the method save_image go together"),
    # random numbers
    "no seeding": (
        good(seeded=lambda self, seed, devices: contextlib.nullcontext()),
        r"random numbers repeat within seeded\(\)",
    ),
    "seed is left": (good(seeded=seed_for_good), r"seeded\(\) restores the caller's random state"),
    "one seed": (good(seeded=seed_with_one), "another seed gives other random numbers"),
    "seeding raises": (good(seeded=fail), r"raised RuntimeError: not now in seeded\(\)"),
    # the caller's things
    "modules changed": (
        good(compile=half_in_place),
        r"modules stay as they are: after compile\(\), device: first.weight has other values",
    ),
    "storage changed": (
        good(compile=write_into_the_copy),
        "modules stay as they are: .* has other values",
    ),
    "forward changed": (
        good(compile=wrap_forward),
        r"modules stay .* device: forward\(\) was its class's",
    ),
    "mode changed": (
        good(compile=stay_in_eval_mode),
        "modules stay .* device: the training mode was True and is False",
    ),
    "inputs changed": (
        session(push=scale_inputs),
        "inputs stay as they are: after a push, tensor 0 has other values",
    ),
    "inputs replaced": (
        session(push=replace_inputs),
        "inputs stay as they are: after a push, other values are in it",
    ),
    "settings changed": (
        good(compile=lower_the_precision),
        "torch's settings as they were before .*: float32 matmul precision was highest and is med",
    ),
    # what a session says of itself
    "no depth": (session(depth=0), "depth is a whole number from 1 on, not 0"),
    "no effective": (
        session(__init__=without_effective),
        "a session has effective: how it really runs",
    ),
    "odd effective": (session(__init__=effective_dtype), "effective is a mapping of names"),
    "odd notes": (session(notes="slow"), "notes is a sequence of texts, not 'slow'"),
    "odd claim": (session(is_reference=1), "is_reference is True or False, not 1"),
    "false claim": (good(compile=round_weights), "is_reference is True only for the reference's"),
    "peak raises": (
        session(device_peak_bytes=fail),
        r"raised RuntimeError: not now in device_peak_bytes\(\)",
    ),
    "odd peak": (
        session(device_peak_bytes=lambda self: 1.5),
        r"device_peak_bytes\(\) gives a number of bytes or None, not 1.5",
    ),
    # outputs
    "numpy": (giving(lambda outputs: [one.numpy() for one in outputs]), "output 0 is a numpy.nda"),
    "bare tensor": (giving(lambda outputs: outputs[0]), "it gave one tensor alone"),
    "dict": (giving(lambda outputs: dict(enumerate(outputs))), "it gave a dict"),
    "None": (giving(lambda outputs: None), "it gave None"),
    "no outputs": (giving(lambda outputs: []), "it gave no outputs"),
    "one output": (giving(lambda outputs: outputs[:1]), "1 outputs, and the reference has 2"),
    "elsewhere": (
        giving(lambda outputs: [one.to("meta") for one in outputs]),
        "output 0 is on the device meta",
    ),
    "zeros": (
        giving(lambda outputs: [torch.zeros_like(one) for one in outputs]),
        "correlation of 0.99 or more: of an input, output 0: it is constant",
    ),
    "noise": (
        giving(lambda outputs: [one + torch.randn_like(one) for one in outputs]),
        "outputs are those of Fp32 with a correlation of 0.99 or more: of an input, it is 0",
    ),
    # the order of things
    "last in first out": (
        session(pop=pop_newest),
        "outputs come in the order of their inputs: output 0 of 5 is that of input 1",
    ),
    "stale outputs": (session(pop=pop_first_ever), "outputs are those of Fp32 .* of input 0 of 5"),
    "no limit": (session(push=accept_any_number), "a push beyond depth raises SessionError"),
    "pop of nothing": (
        session(pop=lambda self: self.run(self.inputs.popleft())),
        "a pop with nothing in flight raises SessionError, not IndexError",
    ),
    "push raises": (session(push=fail), r"raised RuntimeError: not now in push\(\)"),
    "pop raises": (session(pop=fail), r"raised RuntimeError: not now in pop\(\)"),
    # the end
    "close raises": (session(close=fail), r"raised RuntimeError: not now in close\(\)"),
    "second close": (
        session(close=close_once),
        r"raised RuntimeError: closed already in close\(\) for the second time",
    ),
    "busy": (session(close=close_empty_only), "RuntimeError: busy in closing it with an input"),
    "hidden errors": (session(__exit__=exit_quietly), "leaving a session's context hides no error"),
    "other session": (session(__enter__=lambda self: None), "entering a session gives the session"),
    "compiles once": (
        good(compile=compile_once),
        r"raised RuntimeError: compiled already in compile\(\)",
    ),
}


@pytest.mark.parametrize("promise", BROKEN)
def test_a_broken_promise_is_named(promise):
    backend, message = BROKEN[promise]
    told = found(backend, name="good")
    assert told.startswith("backend 'good'")
    assert re.search(message, told), told


KINDS = frozenset({"tensors", "named", "nested", "numbers", "unbatched"})


def test_inputs_of_every_declared_kind_are_tried():
    def compile_any(self, model, options):
        dtype = torch.bfloat16 if options.data_format == HALF else torch.float32
        device_stage = helpers.private_copy(model.stages.device).to(dtype)

        def run_device(*args, **named):
            args, named = helpers.map_tensors(lambda one: one.to(dtype), (args, named))
            return device_stage(*args, **named)

        return GoodSession(helpers.staged_run(model, run_device))

    declared = able(input_kinds=KINDS)
    told = found(declared)
    assert re.search("with inputs that are named breaks its contract: raised", told), told
    type(declared).compile = compile_any
    check_backend(declared)


def test_the_message_says_in_which_run_a_promise_was_broken():
    def compile_fp32_alone(self, model, options):
        if options.data_format == HALF:
            raise NotImplementedError("bfloat16")
        return GoodBackend.compile(self, model, options)

    told = found(good(compile=compile_fp32_alone))
    assert told.startswith(
        "backend 'good' with -df Half breaks its contract: raised NotImplemented"
    )


def test_a_backend_that_cannot_run_here_is_not_checked():
    missing = good(availability=lambda self: Availability(False, "no card", "plug one in"))
    with pytest.raises(BackendUnavailableError, match="checked here: no card; plug one in"):
        check_backend(missing)


# ----- abilities that not every backend has ----------------------------------------------------


def engine(wrap=None, **capabilities):
    """PyTorch with one format and level, and whatever else is asked; its sessions are wrapped."""
    few = {"data_formats": (DataFormat.FP32,), "opt_levels": range(1), "default_opt_level": 0}
    none = {"opt_level_help": {}, "compared_opt_levels": (), "traces": (Trace.NONE,)}
    none |= {"math_fidelities": ()}
    unable = {"training": False, "generation": False, "host_stages": False, "threads": False}

    class Engine(TorchBackend):
        def capabilities(self):
            return replace(super().capabilities(), **{**few, **none, **unable, **capabilities})

        def devices(self):
            return [helpers.cpu_device()]

        def compile(self, model, options):
            session = super().compile(model, options)
            return wrap(session) if wrap else session

        peak = None

    return Engine()


def popping(convert):
    def wrap(session):
        pop = session.pop
        session.pop = lambda: convert(pop())
        return session

    return wrap


def losing_half_of_a_loss(outputs):
    return [one / 2 if one.numel() == 1 else one for one in outputs]


def late_tokens(session):
    if not hasattr(type(session), "token_ns"):
        return session
    return SimpleNamespace(
        **{name: getattr(session, name) for name in ("depth", "effective", "notes")},
        **{name: getattr(session, name) for name in ("push", "pop", "close", "device_peak_bytes")},
        is_reference=False,
        token_ns=[3, 2, 1, 4],
    )


def tracing(files):
    def wrap(session):
        session.trace = lambda inputs, level, folder: files(folder)
        return session

    return wrap


def test_training_generation_and_traces_pass_where_they_are_kept():
    all_of_them = {"training": True, "generation": True, "traces": (Trace.NONE, Trace.LIGHT)}
    check_backend(engine(**all_of_them))


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (
            engine(popping(losing_half_of_a_loss), training=True),
            r"in training breaks .*: the output of a training step is its loss: 0\.\d+, where",
        ),
        (
            engine(late_tokens, generation=True),
            r"generating tokens breaks .*: token_ns has a time for each of 4 tokens, .*\[3, 2, 1",
        ),
        (
            engine(tracing(lambda folder: []), traces=(Trace.LIGHT,)),
            r"with --trace light breaks .*: trace\(\) gives files that it wrote into the folder",
        ),
        (
            engine(tracing(lambda folder: [folder / "none.txt"]), traces=(Trace.LIGHT,)),
            "gives files that it wrote",
        ),
        (engine(tracing(fail), traces=(Trace.LIGHT,)), r"RuntimeError: not now in trace\(\)"),
    ],
)
def test_broken_training_generation_and_traces_are_named(backend, message):
    told = found(backend)
    assert re.search(message, told), told


def test_a_backend_may_refuse_the_generation_loop_of_the_sample_model():
    def refuse(session):
        if hasattr(type(session), "token_ns"):
            session.close()
            raise UnsupportedOptionError("it generates with three modules")
        return session

    check_backend(engine(refuse, generation=True))


def test_a_backend_may_refuse_a_format_of_its_own_but_not_its_default(monkeypatch):
    def compile_or_refuse(self, model, options):
        if options.data_format == HALF:
            raise UnsupportedOptionError("Half needs another card")
        return GoodBackend.compile(self, model, options)

    refusing = good(compile=compile_or_refuse)
    check_backend(refusing)
    asked = replace(GoodBackend().capabilities(), default_format=HALF)
    monkeypatch.setattr(type(refusing), "capabilities", lambda self: asked)
    assert "Half needs another card" in found(refusing)


@pytest.mark.parametrize(
    ("peak", "message"),
    [
        (Peak(0, "mm", 1.0, 1.0), r"flops_per_s of peak\(\) is a number above 0, not 0"),
        (Peak(1.0, "", 1.0, 1.0), r"peak\(\) names the kernel"),
        (None, r"flops_per_s of peak\(\) .* not None"),
    ],
)
def test_a_broken_peak_is_named(peak, message):
    told = found(good(peak=lambda self, device, data_format, threads: peak))
    assert re.search(message, told), told


# ----- the core's own --------------------------------------------------------------------------


@pytest.mark.slow
def test_the_backend_torch_keeps_its_promises():
    check_backend("torch")


def test_the_backend_pybuda_keeps_its_promises(fake_pybuda, cards):
    check_backend("pybuda")
