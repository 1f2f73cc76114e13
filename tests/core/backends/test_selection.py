"""Choosing backends and devices: an option that a backend does not support is refused."""

from __future__ import annotations

import pytest

from ttbench_core import DataFormat
from ttbench_core.backends.engine_options import with_spelled_options
from ttbench_core.backends.openvino.backend import OpenvinoBackend
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import (
    BackendUnavailableError,
    RequestError,
    UnknownNameError,
    UnsupportedOptionError,
)
from ttbench_core.plugins.registry import BACKENDS, find
from ttbench_core.request.keywords import options_from


@pytest.fixture
def fake(fake_engine):
    return choose_backend("fake")


def planned(backend, **options):
    return plan(options_from("m", with_spelled_options(options)), backend)


def test_the_backends_defaults_fill_what_was_not_asked(fake):
    compiled = planned(fake)
    assert compiled.data_format is DataFormat.BFP8_B
    assert compiled.opt_level == 4
    assert [device.spec for device in compiled.devices] == ["fake:0"]


def test_what_was_asked_wins_over_defaults(fake):
    compiled = planned(fake, dataformat="Fp32", backend_opt_level=0)
    assert compiled.data_format is DataFormat.FP32
    assert compiled.opt_level == 0


def test_zero_chips_are_all_of_them(fake):
    assert [device.index for device in planned(fake, chips=0).devices] == [0, 1]
    assert [device.index for device in planned(fake, device="fake:1", chips=0).devices] == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataformat": "Fp16"}, r"'fake' has no data format Fp16 \(it has Fp32, Bfp8_b\)"),
        ({"math_fidelity": "LoFi"}, "has no math fidelity LoFi; use --backend torch"),
        ({"trace": "verbose"}, "has no trace verbose; use --backend torch"),
        ({"perf_analysis": True}, "has no --perf_analysis; use --backend pybuda"),
        ({"single_thread": True}, "has no --single-thread; use --backend pybuda"),
        ({"timeout": 3}, "has no --timeout; use --backend pybuda"),
        ({"chips": 3}, "--chips 3 asks for more than there is: 2 devices of kind 'fake'"),
        ({"device": "fake:1", "chips": 2}, "1 device of kind 'fake' at index 1"),
        ({"device": "fake:7"}, "device 'fake:7' is not there: .* finds fake:0, fake:1"),
        ({"device": "gpu"}, "unknown device 'gpu': backend 'fake' has fake"),
        ({"device": "cuda"}, "unknown device 'cuda': .*; use --backend torch"),
    ],
)
def test_what_a_backend_does_not_support_is_refused(fake, options, message):
    with pytest.raises(UnsupportedOptionError, match=message):
        planned(fake, **options)


def test_a_refusal_names_another_backend_that_can(fake_engine):
    with pytest.raises(UnsupportedOptionError, match=r"highest is 0\); use --backend torch"):
        planned(OpenvinoBackend(), backend_opt_level=4)


def test_the_error_for_a_backend_that_cannot_run_has_reason_and_remedy(fake_engine):
    with pytest.raises(BackendUnavailableError, match="there is no card; plug one in"):
        choose_backend("absent")


BROKEN_BACKENDS = {
    "raises_when_made": "def __init__(self): raise RuntimeError('no driver')",
    "raises_when_asked": "def availability(self): raise RuntimeError('no driver')",
    "raises_when_listed": "def devices(self): raise RuntimeError('no driver')",
    "has_no_device": "def devices(self): return []",
}


@pytest.mark.parametrize("name", list(BROKEN_BACKENDS))
def test_a_broken_backend_is_an_error_and_other_backends_still_work(fake_engine, fake_pack, name):
    fake_pack(
        "broken-engine",
        f"[ttbench.backends]\n{name} = broken_engine:Backend\n",
        broken_engine=(
            "from ttbench_fake_engine import FakeBackend\n"
            f"class Backend(FakeBackend):\n    name = {name!r}\n    {BROKEN_BACKENDS[name]}\n"
        ),
    )
    with pytest.raises(RequestError, match=f"{name}.*(no driver|finds no device here)"):
        planned(choose_backend(name))
    with pytest.raises(UnsupportedOptionError, match="its highest is 0"):
        planned(OpenvinoBackend(), backend_opt_level=4)
    assert choose_backend("fake").name == "fake"


def test_the_cores_own_backend_keeps_its_name_beside_another_of_that_name(fake_pack):
    fake_pack("rival", "[ttbench.backends]\ntorch = rival_mod:x\n", rival_mod="x = 1")
    assert find(BACKENDS, "torch", "backend").pack == "ttbench-core"
    assert find(BACKENDS, "rival:torch", "backend").pack == "rival"


def test_a_torch_whose_libraries_are_missing_is_unavailable(monkeypatch):
    import builtins

    real = builtins.__import__

    def broken(name, *rest, **more):
        if name == "torch":
            raise OSError("libcudart.so.13: cannot open shared object file")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(BackendUnavailableError, match="libcudart"):
        choose_backend("torch")


def test_an_unknown_backend_lists_those_there_are():
    with pytest.raises(UnknownNameError, match="unknown backend 'torsch'.*did you mean 'torch'"):
        choose_backend("torsch")


def test_without_torch_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(BackendUnavailableError, match=r"pip install 'ttbench-core\[torch\]'"):
        choose_backend(None)
