"""The backend of PyTorch/XLA without PyTorch/XLA: what it declares and refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import check_request
from ttbench_core.backends.selection import candidates_for
from ttbench_core.backends.xla.backend import XlaBackend
from ttbench_core.errors import RequestError, UnsupportedOptionError
from ttbench_core.request.options import RunOptions


def asked(**options):
    return RunOptions("any", backend="xla", **options)


def test_it_is_installed_and_runs_only_where_it_is_named():
    found = load_backend("xla")
    assert found.capabilities.rank == 0
    for device in (None, "cpu", "cuda"):
        candidates, _ = candidates_for(RunOptions("any", device=device))
        assert "xla" not in [one.plugin.name for one in candidates]


def test_each_run_has_a_process_of_its_own():
    assert XlaBackend().capabilities().own_process


def test_kinds_of_devices_that_were_not_tried_are_declared():
    capabilities = XlaBackend().capabilities()
    assert set(capabilities.device_kinds) - set(capabilities.untested_kinds) == {"cpu"}


def test_info_marks_kinds_of_devices_that_were_not_tried(ttbench):
    done = ttbench("info", "--backend", "xla")
    assert done.code == 0
    assert "tpu, cuda, neuron: not tried by its authors" in done.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataformat": "Bfp8_b"}, "has no data format Bfp8_b"),
        ({"backend_opt_level": 2}, "has no optimization level 2"),
        ({"engine_options": {"streams": "2"}}, "streams"),
        ({"trace": "light"}, "has no trace light"),
    ],
)
def test_what_it_cannot_do_is_refused(options, message):
    with pytest.raises(RequestError, match=message):
        check_request(asked(**options), XlaBackend())


def test_a_run_that_hangs_has_a_limit_which_can_be_set():
    assert XlaBackend().capabilities().patience_s == 1800
    check_request(asked(timeout=5.0), XlaBackend())


def test_a_cache_that_does_not_exist_is_refused():
    with pytest.raises(RequestError, match="static"):
        check_request(asked(engine_options={"cache": "paged"}), XlaBackend())


def test_a_type_of_device_that_it_does_not_know_is_refused(monkeypatch):
    monkeypatch.setenv("PJRT_DEVICE", "TT")
    with pytest.raises(UnsupportedOptionError, match="PJRT_DEVICE is 'TT'"):
        XlaBackend().devices_for(asked(), None)


def test_where_torch_xla_is_missing_the_remedy_is_an_interpreter_of_its_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_xla", None)
    found = XlaBackend().availability()
    assert not found.usable
    assert found.reason.startswith("torch_xla cannot be imported")
    assert "ttbench env create xla --backend xla" in found.remedy


def test_loading_it_imports_no_torch():
    code = (
        "import sys; from ttbench_core.backends.xla.backend import XlaBackend;"
        "XlaBackend().capabilities(); assert not {'torch', 'torch_xla'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
