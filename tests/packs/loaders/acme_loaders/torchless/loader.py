"""What it imports is built for one version of torch, and not installed."""

from torchvision import models


class ModelLoader:
    def load_model(self):
        return models.resnet18()

    def load_inputs(self): ...
