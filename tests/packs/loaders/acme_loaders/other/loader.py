"""Two loaders, of other names."""

import torch


class EncoderLoader:
    def load_model(self):
        return torch.nn.Linear(2, 3)

    def load_inputs(self):
        return torch.rand(1, 2)


class DecoderLoader(EncoderLoader):
    def load_model(self):
        return torch.nn.Linear(2, 5)
