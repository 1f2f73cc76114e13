"""What tests of engines share: each test skips where its engine is not installed."""

from __future__ import annotations

import shutil

import pytest

#: The module of each engine that must be importable; aot_inductor is a part of torch.
MODULES = {
    "aot_inductor": "torch",
    "executorch": "executorch.runtime",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
}


def require(engine: str) -> str:
    """Skip where an engine is not installed; gives its name."""
    from ttbench_core.backends.loading import load_backend

    pytest.importorskip("torch", minversion="2.6")
    backend = load_backend(engine).backend
    backend.before_import()  # as ttbench does: telemetry is switched off before an import
    pytest.importorskip(MODULES[engine])
    if engine == "aot_inductor" and shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler")
    return engine


@pytest.fixture(params=sorted(MODULES))
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return require(request.param)


@pytest.fixture
def executorch() -> str:
    return require("executorch")


@pytest.fixture
def openvino() -> str:
    return require("openvino")


@pytest.fixture
def onnxruntime() -> str:
    return require("onnxruntime")


@pytest.fixture
def aot_inductor() -> str:
    return require("aot_inductor")
