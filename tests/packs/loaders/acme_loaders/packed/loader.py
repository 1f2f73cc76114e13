"""Outputs of a class of its own, which the loader unpacks."""

import torch

from ..base import ForgeModel


class Boxes:
    def __init__(self, tensor):
        self.tensor = tensor


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)

    def forward(self, values):
        return Boxes(self.linear(values))


class ModelLoader(ForgeModel):
    @classmethod
    def _get_model_info(cls, variant=None):
        return None

    def load_model(self, dtype_override=None, **kwargs):
        # as many loaders do
        self.model = Network()
        return self.model

    def load_inputs(self, dtype_override=None, batch_size=1):
        return torch.rand(batch_size, 3)

    def unpack_forward_output(self, output):
        return output.tensor
