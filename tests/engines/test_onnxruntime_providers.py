"""Execution providers of ONNX Runtime: which runs, and what is refused. No GPU is needed.

What only a GPU has is made up: the list of providers of a wheel, CUDA devices, and the assignment
of operators. Sessions are real ones, on the processor.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from engine_runs import compiled, sample

from ttbench_core import RunOptions
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Device
from ttbench_core.errors import OptionError, UnsupportedOptionError

pytestmark = pytest.mark.torch

GPU = Device("cuda", 1, "a GPU", "sm_90", 1 << 30)
CPU, CUDA, TENSORRT = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt"))


@pytest.fixture
def gpu(onnxruntime, monkeypatch):
    """A wheel with all providers, on a machine with a GPU; gives what sessions were made with."""
    import onnxruntime as library

    from ttbench_core.backends.onnxruntime import backend

    made, real = [], library.InferenceSession

    def session(file, settings, *, providers, enable_fallback):
        made.append((providers, enable_fallback))
        found = real(file, settings, providers=[CPU])
        used = [one if isinstance(one, str) else one[0] for one in providers]
        monkeypatch.setattr(found, "get_providers", lambda: used)
        parts = [SimpleNamespace(ep_name=used[0], get_nodes=lambda: ["a", "b"])]
        monkeypatch.setattr(found, "get_provider_graph_assignment_info", lambda: parts)
        made.append(found)
        return found

    monkeypatch.setattr(library, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(library, "InferenceSession", session)
    monkeypatch.setattr(backend, "cuda_devices", lambda: iter([GPU]))
    return made


def planned(**options):
    backend = load_backend("onnxruntime").backend
    return plan(RunOptions("m", **options), backend)


def test_the_processor_is_the_default_and_computes_everything(onnxruntime):
    assert [one.kind for one in planned().devices] == ["cpu"]
    with compiled(onnxruntime, sample()) as session:
        assert session.effective["providers"] == [CPU]
        counts = session.effective["provider_operators"]
        assert (set(counts), counts[CPU] > 0) == ({CPU}, True)
        assert session.notes == ()


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"device": "cuda"}, CUDA),
        ({"engine_options": {"provider": "cuda"}}, CUDA),
        ({"engine_options": {"provider": "tensorrt"}}, TENSORRT),
        ({"device": "cuda", "engine_options": {"provider": "tensorrt"}}, TENSORRT),
    ],
)
def test_a_provider_that_the_wheel_lacks_is_one_line_with_the_remedy(
    onnxruntime, monkeypatch, asked, name
):
    import onnxruntime as library

    monkeypatch.setattr(library, "get_available_providers", lambda: [CPU])
    with pytest.raises(UnsupportedOptionError) as raised:
        planned(**asked)
    assert str(raised.value) == (
        f"onnxruntime {library.__version__} here has no {name} (it has {CPU}): pip uninstall"
        " onnxruntime, then pip install 'ttbench-core[onnxruntime-gpu]'; the two cannot be beside"
        " each other"
    )


@pytest.mark.parametrize(
    ("device", "provider"), [("cpu", "cuda"), ("cpu:0", "tensorrt"), ("cuda:0", "cpu")]
)
def test_a_provider_of_another_device_is_refused(onnxruntime, device, provider):
    with pytest.raises(OptionError, match=f"-B provider={provider} runs on .*, not on -d {device}"):
        planned(device=device, engine_options={"provider": provider})


def test_an_unknown_provider_is_refused(onnxruntime, ttbench, fake_engine):
    done = ttbench("-m", "steady", "--backend", "onnxruntime", "-B", "provider=dml")
    assert done.code == 2
    assert "cpu, cuda, tensorrt" in done.complaint


def test_a_gpu_is_used_by_index_in_float32_and_without_a_fallback(gpu):
    with compiled("onnxruntime", sample(), device="cuda:1", threads=1) as session:
        ((providers, fallback), made) = gpu
        assert providers == [(CUDA, {"device_id": "1", "use_tf32": "0"}), CPU]
        assert (fallback, made._enable_fallback) == (0, False)
        assert session.effective["providers"] == [CUDA, CPU]
        assert session.effective["provider_operators"] == {CUDA: 2}
        assert (session.effective["tf32"], session.effective["threads"]) == (False, 1)
        assert session.notes == ()


@pytest.mark.parametrize(("value", "tf32"), [(None, True), ("0", False)])
def test_tensorrt_may_round_to_tf32_unless_that_is_forbidden(gpu, monkeypatch, value, tf32):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    if value is not None:
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", value)
    with compiled("onnxruntime", sample(), engine_options={"provider": "tensorrt"}) as session:
        assert session.effective["providers"] == [TENSORRT, CUDA, CPU]
        assert session.effective["tf32"] is tf32
        assert any("TF32" in note for note in session.notes) is tf32


def test_a_session_that_fell_back_to_the_processor_is_refused(gpu, monkeypatch):
    import onnxruntime as library

    made = library.InferenceSession

    def fallen(*args, **kwargs):
        session = made(*args, **kwargs)
        monkeypatch.setattr(session, "get_providers", lambda: [CPU])
        return session

    monkeypatch.setattr(library, "InferenceSession", fallen)
    with pytest.raises(UnsupportedOptionError, match=f"fell back from {CUDA} to"):
        compiled("onnxruntime", sample(), device="cuda")


def assigned(monkeypatch, *parts):
    import onnxruntime as library

    made = library.InferenceSession

    def session(*args, **kwargs):
        found = made(*args, **kwargs)
        given = [SimpleNamespace(ep_name=name, get_nodes=lambda: ["one"]) for name in parts]
        monkeypatch.setattr(found, "get_provider_graph_assignment_info", lambda: given)
        return found

    monkeypatch.setattr(library, "InferenceSession", session)


def test_a_provider_that_is_given_no_operator_is_refused(gpu, monkeypatch):
    assigned(monkeypatch, CPU, CPU)
    with pytest.raises(UnsupportedOptionError, match=f"fell back from {CUDA} to {CPU}"):
        compiled("onnxruntime", sample(), device="cuda")


def test_operators_on_another_provider_are_counted_and_noted(gpu, monkeypatch):
    assigned(monkeypatch, CUDA, CPU, CUDA)
    with compiled("onnxruntime", sample(), device="cuda") as session:
        assert session.effective["provider_operators"] == {CPU: 1, CUDA: 2}
        assert session.notes == (f"not all operators run on {CUDA}: 1 on {CPU}",)


def test_a_provider_that_cannot_start_is_one_line(gpu, monkeypatch):
    import onnxruntime as library

    def broken(*_, **__):
        raise RuntimeError("libcudnn.so.9:\ncannot open shared object file")

    monkeypatch.setattr(library, "InferenceSession", broken)
    with pytest.raises(UnsupportedOptionError) as raised:
        compiled("onnxruntime", sample(), device="cuda")
    assert f"{CUDA} cannot start here (RuntimeError: libcudnn.so.9: cannot" in str(raised.value)


def test_several_gpus_at_once_are_refused(gpu, monkeypatch):
    from ttbench_core.backends.onnxruntime import backend

    monkeypatch.setattr(backend, "cuda_devices", lambda: iter([GPU, GPU]))
    with pytest.raises(UnsupportedOptionError, match="runs on one device, and --chips asks for 2"):
        planned(device="cuda", chips=2)


def test_a_wheel_for_cuda_without_a_gpu_has_only_the_processor(gpu, monkeypatch):
    from ttbench_core.backends.onnxruntime import backend

    monkeypatch.setattr(backend, "cuda_devices", lambda: iter([]))
    with pytest.raises(UnsupportedOptionError, match="no cuda device is usable here"):
        planned(device="cuda")


def test_the_version_of_the_wheel_that_is_here_is_recorded(onnxruntime):
    import onnxruntime as library

    versions = load_backend(onnxruntime).backend.versions()
    wheels = [name for name in versions if name.startswith("onnxruntime")]
    assert len(wheels) == 1
    assert versions[wheels[0]] == library.__version__
