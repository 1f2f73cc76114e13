"""Peak performance: the fastest kernel counts, and each set of conditions is measured once."""

from __future__ import annotations

import pytest

from ttbench_core import DataFormat
from ttbench_core.backends.protocol import CalibratingBackend, Device, Peak
from ttbench_core.backends.torch.backend import TorchBackend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.backends.shared import roofline  # noqa: E402
from ttbench_core.backends.shared.roofline import measure_peak  # noqa: E402

BACKEND = TorchBackend()
CPU = Device("cpu", 0, "a CPU", "x86_64")
HOST = torch.device("cpu")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(roofline, "_measured", {})
    monkeypatch.setattr(roofline, "_MATMUL_BUDGET_S", 0.02)
    monkeypatch.setattr(roofline, "_COPY_BUDGET_S", 0.01)
    monkeypatch.setattr(roofline, "_MIN_COPY_BYTES", 1 << 20)
    monkeypatch.setattr(roofline, "_MAX_COPY_BYTES", 1 << 20)


@pytest.fixture
def measured(monkeypatch):
    """Replace the measurement; gives the number of threads of each call."""
    threads = []

    def measure(device, dtype):
        threads.append(torch.get_num_threads())
        return Peak(float(len(threads)), str(dtype), 1.0, 0.1)

    monkeypatch.setattr(roofline, "_measure", measure)
    return threads


def kernels(monkeypatch, **made):
    monkeypatch.setattr(roofline, "_kernels", lambda device: made)


@pytest.mark.parametrize(
    ("data_format", "dtype"),
    [("Fp32", "float32"), ("Fp16_b", "bfloat16"), ("Bfp8_b", "float32"), ("Bfp4", "float32")],
)
def test_the_peak_is_that_of_the_dtype_that_a_format_is_computed_in(data_format, dtype):
    peak = BACKEND.peak(CPU, DataFormat(data_format), None)
    assert f" {dtype} " in peak.kernel
    assert peak.flops_per_s > 0
    assert peak.bytes_per_s > 0
    assert peak.seconds > 0


def test_the_torch_backend_calibrates():
    assert isinstance(BACKEND, CalibratingBackend)


def test_it_is_measured_once_per_process(measured):
    assert measure_peak(HOST, torch.float32) is measure_peak(HOST, torch.float32)
    assert len(measured) == 1


def test_other_conditions_are_measured_again(measured):
    measure_peak(HOST, torch.float32)
    measure_peak(HOST, torch.bfloat16)
    measure_peak(HOST, torch.float32, torch.get_num_threads() + 1)
    torch.set_float32_matmul_precision("medium")
    try:
        measure_peak(HOST, torch.float32)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert len(measured) == 4


def test_it_runs_with_the_threads_asked_for_and_restores_the_number(measured):
    before = torch.get_num_threads()
    measure_peak(HOST, torch.float32, before + 1)
    assert measured == [before + 1]
    assert torch.get_num_threads() == before


def test_without_a_number_it_runs_with_the_threads_of_the_caller(measured):
    measure_peak(HOST, torch.float32)
    assert measured == [torch.get_num_threads()]


def test_the_faster_kernel_counts(monkeypatch):
    kernels(monkeypatch, slow=lambda a, b: "slow", fast=lambda a, b: "fast")
    seconds = {"slow": 2.0, "fast": 1.0}
    monkeypatch.setattr(roofline, "_fastest_s", lambda kernel, *_: seconds.get(kernel, 1.0))
    peak = measure_peak(HOST, torch.float32)
    assert peak.kernel == "fast float32 256x256x256"
    assert peak.flops_per_s == 2 * 256**3


def test_operands_grow_until_the_next_ones_would_take_too_long(monkeypatch):
    kernels(monkeypatch, mm=roofline._plain_matmul)
    monkeypatch.setattr(roofline, "_MATMUL_BUDGET_S", 10)
    tried = []

    def fastest(operation, *_):
        tried.append(operation)
        return 1e-9 if len(tried) < 3 else 1.0

    monkeypatch.setattr(roofline, "_fastest_s", fastest)
    measure_peak(HOST, torch.float32)
    assert len(tried) == 4  # one for the libraries, 256 and 512 rows, and the copy


def test_a_kernel_that_refuses_a_dtype_is_left_out(monkeypatch):
    def refuses(a, b):
        raise RuntimeError("not on this processor")

    kernels(monkeypatch, refuses=refuses, **{"torch.mm": roofline._plain_matmul})
    assert measure_peak(HOST, torch.float32).kernel.startswith("torch.mm float32")


def test_what_the_plain_matmul_raises_passes_through(monkeypatch):
    kernels(monkeypatch, mm=roofline._plain_matmul)
    with pytest.raises(RuntimeError, match="not implemented"):
        measure_peak(HOST, torch.bool)


def test_the_prepacked_product_is_a_product():
    made = roofline._kernels(HOST).get("mkldnn._linear_pointwise")
    if made is None:
        pytest.skip("this PyTorch has no oneDNN")
    a, b = torch.rand(8, 8), torch.rand(8, 8)
    torch.testing.assert_close(made(a, b)(), a @ b.T)


def test_measuring_leaves_the_random_state_unchanged():
    before = torch.random.get_rng_state()
    measure_peak(HOST, torch.float32)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("caches", "copied"),
    [(["48K", "2048K"], 64), (["48K", "98304K"], 96), (["491520K"], 256), ([], 256)],
)
def test_what_is_copied_does_not_fit_into_the_largest_cache(monkeypatch, tmp_path, caches, copied):
    monkeypatch.setattr(roofline, "_MIN_COPY_BYTES", 64 << 20)
    monkeypatch.setattr(roofline, "_MAX_COPY_BYTES", 256 << 20)
    monkeypatch.setattr(roofline, "_CPU_CACHES", tmp_path)
    for place, size in enumerate(caches):
        (tmp_path / f"index{place}").mkdir()
        (tmp_path / f"index{place}" / "size").write_text(f"{size}\n")
    assert roofline._copy_bytes() == copied << 20
