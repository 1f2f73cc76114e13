"""The backend `tt_compile` with its real libraries, in an interpreter of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core import BenchmarkError

OTHER = os.environ.get("TTBENCH_TT_COMPILE_PYTHON")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(OTHER is None, reason="nox -s tt_compile makes the interpreter"),
]
MODELS = """
import torch
from ttbench_core import StagedModel, Stages

class Spectrum(torch.nn.Module):
    def forward(self, signal):
        return torch.fft.rfft(signal).abs()

def layers(training):
    module = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    return StagedModel(Stages(module), [torch.rand(8, 64)])

def spectrum(training):
    return StagedModel(Stages(Spectrum()), [torch.rand(8, 64)])
"""


@pytest.fixture
def models(fake_pack):
    entries = "layers = check_models:layers\nspectrum = check_models:spectrum"
    fake_pack("check-models", f"[ttbench.models]\n{entries}\n", check_models=MODELS)


@pytest.fixture(autouse=True)
def nothing_stays():
    def left():
        folders = Path(tempfile.gettempdir())
        return {*folders.glob("ttbench-tt-compile-*"), *folders.glob("libtt-*")}

    before = left()
    yield
    assert left() <= before


def check(model, **options):
    return ttbench_core.run(model, python=OTHER, backend="tt_compile", progress=False, **options)


def test_bert_compiles_for_the_described_card():
    result = check("bert", config="tiny")
    assert result.status == "compiled"
    assert result.arch == "blackhole"
    assert result.effective["device_kind"] == "Blackhole"
    assert result.effective["engine_compile_s"] > 0
    assert "kernels" not in result.effective
    assert result.samples_per_sec is None


def test_the_kernels_are_built_and_counted_where_that_is_asked(models):
    result = check("layers", engine_options={"kernels": True})
    assert result.effective["kernels"] > 0


def test_a_model_that_does_not_compile_is_a_failed_record_with_the_reason(models):
    with pytest.raises(
        BenchmarkError, match="cannot compile the model for a Blackhole P150"
    ) as one:
        check("spectrum")
    assert one.value.result.failure["phase"] == "compile"
    assert "complex" in one.value.result.error
