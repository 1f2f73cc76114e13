"""A question on the terminal, as torch.hub asks."""


class ModelLoader:
    def load_model(self):
        input("Do you trust this repository? ")

    def load_inputs(self): ...
