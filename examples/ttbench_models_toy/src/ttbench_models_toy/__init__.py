"""A model pack in one module: a multilayer perceptron in two sizes."""

from typing import Optional

from ttbench_core import benchmark_model

WIDTHS = {"small": 64, "wide": 512}


@benchmark_model(configs=["small", "wide"])
def mlp(training: bool, config: str, microbatch: int = 16, force_num_layers: Optional[int] = None):
    import torch

    width = WIDTHS[config]
    layers = []
    for _ in range(force_num_layers or 3):
        layers += [torch.nn.Linear(width, width), torch.nn.ReLU()]

    normalise = torch.nn.LayerNorm(width)
    network = torch.nn.Sequential(*layers)
    classify = torch.nn.Softmax(dim=-1)
    return [normalise, network, classify], [torch.rand(microbatch, width)]
