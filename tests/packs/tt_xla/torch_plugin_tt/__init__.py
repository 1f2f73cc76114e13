"""A stand-in for torch_plugin_tt, which PyTorch/XLA finds by its entry point."""


class TTPlugin:
    """The plugin for the device type TT."""
