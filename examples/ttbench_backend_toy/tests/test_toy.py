import pytest

import ttbench_core
from ttbench_core import benchmark_model
from ttbench_core.testing import check_backend


@benchmark_model
def network(training):
    import torch

    return [torch.nn.Linear(64, 16)], [torch.rand(8, 64)]


def test_the_backend_keeps_its_promises():
    check_backend("toy")


def test_it_keeps_them_with_one_scale_for_a_tensor():
    check_backend("toy", engine_options={"scale": "tensor"})


@pytest.mark.parametrize("dataformat", ["Int8", "Int4"])
def test_it_is_chosen_without_being_named_and_its_outputs_are_right(dataformat):
    result = ttbench_core.run(network, dataformat=dataformat, passes=1, progress=False)
    assert result.backend == "toy"  # unless a backend of a higher rank is installed
    assert result.args["device"] == "toy"
    assert result.args["dataformat"] == dataformat
    assert result.outputs_are_right


def test_its_option_is_recorded():
    options = {"backend": "toy", "passes": 1, "progress": False}
    result = ttbench_core.run(network, engine_options={"scale": "tensor"}, **options)
    assert result.args["engine_options"] == {"scale": "tensor"}
