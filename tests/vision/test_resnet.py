"""resnet: the networks, their input, their training."""

from __future__ import annotations

import pytest

import ttbench_core
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.testing import check_builder

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_models_vision.resnet import resnet  # noqa: E402

# transformers 5.23.0 on torch 2.13.0, equal to the published 11.69 M and 25.56 M
PARAMETERS = {"resnet18": 11_689_512, "resnet50": 25_557_032}


@pytest.mark.parametrize("config", list(PARAMETERS))
def test_every_configuration_has_the_published_size_and_runs(config):
    model = check_builder(resnet, config=config, microbatch=1)[config]
    assert sum(p.numel() for p in model.stages.device.parameters()) == PARAMETERS[config]
    assert [tuple(tensor.shape) for tensor in model.inputs] == [(1, 3, 224, 224)]


def test_training_runs_in_bfloat16():
    result = ttbench_core.run(
        "resnet",
        config="resnet18",
        training=True,
        dataformat="Fp16_b",
        microbatch=1,
        image_size=64,
        passes=1,
        progress=False,
    )
    assert result.ok
    assert result.effective["dtype"] == "bfloat16"


def test_it_has_no_adjustable_layers():
    with pytest.raises(UnsupportedOptionError, match="does not support --layers"):
        ttbench_core.run("resnet", layers=2)


def test_the_pack_imports_no_torch_until_it_builds(python):
    done = python("-c", "import ttbench_models_vision.resnet, sys; print('torch' in sys.modules)")
    assert done.stdout == "False\n"
