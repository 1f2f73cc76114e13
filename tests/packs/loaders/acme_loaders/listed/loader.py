"""Inputs in a list, no variants, and neither a type nor a batch."""

import torch


class ModelLoader:
    def load_model(self):
        return torch.nn.Bilinear(3, 4, 2)

    def load_inputs(self):
        return [torch.rand(2, 3), torch.rand(2, 4)]
