"""Engines that compile an exported stage: right outputs, the precision and threads asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine_runs import compiled, draws, run, sample

from ttbench_core import StagedModel, Stages
from ttbench_core.backends.loading import load_backend
from ttbench_core.doctor.backends import NOT_HERE, probe_backend
from ttbench_core.doctor.probe import Probe
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.plugins.registry import BACKENDS, find
from ttbench_core.testing import check_backend

pytestmark = pytest.mark.torch


@pytest.mark.slow
def test_an_engine_keeps_the_promises_of_its_contract(engine):
    check_backend(engine)


def test_the_throughput_hint_keeps_the_promises_of_the_contract(openvino):
    check_backend(openvino, engine_options={"hint": "throughput"})


@pytest.mark.parametrize(("model", "config"), [("bert", "tiny"), ("resnet", "resnet18")])
def test_outputs_of_a_network_are_those_of_pytorch(engine, model, config):
    pytest.importorskip("ttbench_models_nlp" if model == "bert" else "ttbench_models_vision")
    result = run(engine, model, config, microbatch=1)
    assert result.backend == engine
    assert result.verification["passed"]
    assert result.verification["pcc"] > 0.999
    assert result.verification["modules"] == "unchanged"
    assert len(result.effective["graph_sha256"]) == 64
    assert result.effective["engine_compile_s"] > 0


@pytest.mark.parametrize("engine_name", ["openvino", "onnxruntime"])
def test_a_language_model_with_a_cache_runs(engine_name, request):
    pytest.importorskip("ttbench_models_nlp")
    options = {"generative": False, "layers": 1, "seq_len": 8, "microbatch": 1}
    result = run(request.getfixturevalue(engine_name), "llama", "smollm2-135m", **options)
    assert result.verification["pcc"] > 0.999


class UnknownOperatorError(Exception):
    """What an engine raises for an operator that it does not know."""


def test_what_an_engine_cannot_convert_is_one_line_with_its_summary(openvino, monkeypatch):
    import openvino as library

    def refuse(_):
        raise UnknownOperatorError(
            "not converted.\n-- a page of details\nSummary:\n-- No rule for aten::special"
        )

    monkeypatch.setattr(library, "convert_model", refuse)
    with pytest.raises(UnsupportedOptionError) as raised:
        compiled(openvino, sample())
    assert str(raised.value) == (
        "OpenVINO cannot convert the device stage (No rule for aten::special);"
        " backend 'torch' runs it as it is"
    )


@pytest.mark.parametrize(
    ("name", "owner", "function"),
    [
        ("onnxruntime", "", "InferenceSession"),
        ("openvino", "Core", "compile_model"),
    ],
)
def test_what_an_engine_cannot_load_is_refused_in_one_line(
    name, owner, function, request, monkeypatch
):
    library = pytest.importorskip(request.getfixturevalue(name))

    def refuse(*_, **__):
        raise UnknownOperatorError("no kernel\nfor special(7)")

    monkeypatch.setattr(getattr(library, owner) if owner else library, function, refuse)
    with pytest.raises(UnsupportedOptionError) as raised:
        compiled(name, sample())
    assert "cannot convert the device stage (" in str(raised.value)
    assert "no kernel for special(7)" in str(raised.value)


def test_a_full_disk_is_no_refusal_of_the_model(onnxruntime, monkeypatch):
    from torch.onnx import ONNXProgram

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ONNXProgram, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        compiled(onnxruntime, sample())


def test_memory_and_disk_that_run_out_while_converting_are_no_refusal_of_the_model():
    pytest.importorskip("torch", minversion="2.6")
    from ttbench_core.backends.shared.converting import converting

    for error in (OSError(28, "No space left on device"), MemoryError()):
        with pytest.raises(type(error)), converting("an engine"):
            raise error


def test_engines_of_one_format_run_the_same_graph(openvino, onnxruntime):
    graphs = set()
    for name in (openvino, onnxruntime):
        with compiled(name, sample()) as session:
            graphs.add(session.effective["graph_sha256"])
    assert len(graphs) == 1


def test_fp32_is_computed_in_float32_also_where_an_engine_would_choose_bfloat16(engine):
    with compiled(engine, sample()) as session:
        assert session.effective["dtype"] == "float32"


def test_bfloat16_is_what_openvino_computes_in_or_refused(openvino):
    import openvino as library

    can = "BF16" in library.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if not can:
        with pytest.raises(UnsupportedOptionError, match="instead of bfloat16 on this processor"):
            compiled(openvino, sample(), dataformat="Fp16_b")
        return
    with compiled(openvino, sample(), dataformat="Fp16_b") as session:
        assert session.effective["dtype"] == "bfloat16"


def test_another_precision_than_the_one_asked_for_is_refused(openvino, monkeypatch):
    from ttbench_core.backends.openvino import compiling

    monkeypatch.setattr(compiling, "_dtype", lambda _: "float16")
    with pytest.raises(UnsupportedOptionError, match="computes in float16 instead of float32"):
        compiled(openvino, sample())


def test_bfloat16_is_what_aot_inductor_computes_in(aot_inductor):
    with compiled(aot_inductor, sample(), dataformat="Fp16_b") as session:
        assert session.effective["dtype"] == "bfloat16"


def without_parameters():
    import torch

    class Add(torch.nn.Module):
        def forward(self, one):
            return one + one

    return StagedModel(Stages(device=Add()), [torch.rand(2, 4)])


def test_a_model_without_parameters_computes_in_the_type_of_its_inputs(aot_inductor):
    with compiled(aot_inductor, without_parameters(), dataformat="Fp16_b") as session:
        assert session.effective["dtype"] == "bfloat16"


def test_what_a_compiled_package_gives_in_another_type_is_recorded(aot_inductor, monkeypatch):
    import torch

    real = torch._inductor.aoti_load_package

    def load(package):
        loaded = real(package)
        return lambda *tensors: [one.to(torch.float16) for one in loaded(*tensors)]

    monkeypatch.setattr(torch._inductor, "aoti_load_package", load)
    with compiled(aot_inductor, sample()) as session:
        assert session.effective["dtype"] == "float16"


def test_what_a_session_of_onnxruntime_gives_in_another_type_is_recorded(onnxruntime, monkeypatch):
    import onnxruntime as library

    real = library.InferenceSession.get_outputs

    def outputs(session):
        return [SimpleNamespace(name=one.name, type="tensor(float16)") for one in real(session)]

    monkeypatch.setattr(library.InferenceSession, "get_outputs", outputs)
    with compiled(onnxruntime, sample()) as session:
        assert session.effective["dtype"] == "float16"


def test_onnxruntime_refuses_bfloat16_in_one_line(onnxruntime, ttbench, fake_engine):
    done = ttbench("-m", "steady", "--backend", "onnxruntime", "-df", "Fp16_b")
    assert done.code == 2
    assert "backend 'onnxruntime' has no data format Fp16_b (it has Fp32)" in done.complaint


def test_the_threads_asked_for_are_those_that_run(engine):
    import torch

    before = torch.get_num_threads()
    with compiled(engine, sample(), threads=1) as session:
        assert session.effective["threads"] == 1
    assert torch.get_num_threads() == before


def test_one_input_runs_at_a_time_by_default(engine):
    with compiled(engine, sample()) as session:
        assert session.depth == 1


def test_the_throughput_hint_runs_several_inputs_and_keeps_their_order(openvino):
    import torch

    options = {"threads": 2, "engine_options": {"hint": "throughput", "streams": 2}}
    inputs, model = draws(7), sample()
    with compiled(openvino, model) as session:
        expected = []
        for one in inputs:
            session.push(one)
            expected.append(session.pop())
    with compiled(openvino, model, **options) as session:
        assert session.depth > 1
        assert session.effective["streams"] == 2
        outputs = []
        for number, one in enumerate(inputs):
            if number >= session.depth:
                outputs.append(session.pop())
            session.push(one)
        while len(outputs) < len(inputs):
            outputs.append(session.pop())
    for output, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(output, wanted)


def test_a_negative_number_of_streams_is_refused(openvino, ttbench, fake_engine):
    done = ttbench("-m", "steady", "--backend", "openvino", "-B", "streams=-1")
    assert (done.code, "streams=-1 must be 0 or more" in done.complaint) == (2, True)


#: Compiles and runs a sample model, as `ttbench` does.
_RUN = """
import sys
from ttbench_core import RunOptions
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.models.reference.sample_models import sample_model
backend = load_backend(sys.argv[1]).backend
assert backend.availability().usable
model = sample_model()
with backend.compile(model, plan(RunOptions("m"), backend)) as session:
    session.push(model.inputs)
    session.pop()
"""


def test_a_run_prints_nothing_and_leaves_no_files_in_the_home_folder(engine, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home)}
    for name in ("CI", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, engine],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


def test_aot_inductor_compiles_into_a_folder_of_its_own_that_is_gone_afterwards(
    aot_inductor, monkeypatch
):
    import torch

    folders, real = [], torch._inductor.aoti_compile_and_package

    def compile_package(*args, **kwargs):
        package = real(*args, **kwargs)
        folders.append(Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]))
        assert any(one.is_file() for one in folders[0].rglob("*"))
        return package

    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile_package)
    model = sample()
    with compiled(aot_inductor, model) as session:
        (folder,) = folders
        assert folder.name.startswith("ttbench-compile-")
        assert not folder.exists()
        assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
        assert session.effective["compile_cache"] == "own"
        session.push(model.inputs)
        assert session.pop()


def test_aot_inductor_compiles_into_the_folder_that_the_user_has_named(
    aot_inductor, monkeypatch, tmp_path
):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with compiled(aot_inductor, sample()) as session:
        assert session.effective["compile_cache"] == "given"
    assert any(one.is_file() for one in tmp_path.rglob("*"))


def test_what_torchao_logs_when_transformers_imports_it_is_hidden(engine):
    code = (
        "import logging, sys\n"
        "from ttbench_core.backends.loading import load_backend\n"
        "assert load_backend(sys.argv[1]).backend.availability().usable\n"
        "logging.getLogger('torchao').warning('Failed to load lib.so')\n"
        "logging.getLogger('torch.utils._pytree').warning("
        "'Calling register_constant() on Enum subclasses is deprecated')\n"
        "logging.getLogger('torchao').warning('another warning')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, engine], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1].endswith("another warning")
    assert "Failed to load" not in done.stderr
    assert "register_constant" not in done.stderr


def test_a_torch_that_exports_no_such_graph_is_reported_with_the_remedy(engine, monkeypatch):
    from ttbench_core.backends.shared import exported_backend

    monkeypatch.setattr(exported_backend.importlib_metadata, "version", lambda _: "2.5.1+cpu")
    availability = load_backend(engine).backend.availability()
    assert availability.reason == "torch 2.5.1+cpu exports no graph that engines take; 2.6 does"
    assert availability.remedy == "pip install 'torch>=2.6'"


def test_aot_inductor_without_a_compiler_is_reported_with_the_remedy(aot_inductor, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    availability = load_backend(aot_inductor).backend.availability()
    assert availability.reason == "the C++ compiler no-such-compiler is not on the path"
    assert "CXX" in availability.remedy


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_broken_engine_is_a_row_of_doctor_and_one_line_of_a_run(
    name, ttbench, fake_pack, fake_engine, monkeypatch
):
    pytest.importorskip("torch")
    for module in ("onnx", "onnxscript", name):
        monkeypatch.delitem(sys.modules, module, raising=False)
    # of onnxruntime the libraries before it are imported first
    broken = {name: "raise OSError('libengine.so: no such file')"}
    if name == "onnxruntime":
        broken |= {"onnx": "", "onnxscript": ""}
    fake_pack("broken-engine", "", **broken)
    availability = load_backend(name).backend.availability()
    assert not availability.usable
    assert availability.remedy == f"pip install 'ttbench-core[{name}]'"
    row = probe_backend(find(BACKENDS, name, "backend"), Probe())
    assert (row.state, "libengine.so: no such file" in row.reason) == (NOT_HERE, True)
    done = ttbench("-m", "steady", "--backend", name)
    assert done.code == 2
    assert f"{name} cannot be imported" in done.complaint
    assert "libengine.so: no such file" in done.complaint
