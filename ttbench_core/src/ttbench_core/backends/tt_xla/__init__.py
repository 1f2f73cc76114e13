"""Tenstorrent's cards through tt-xla: PyTorch/XLA with the device type TT."""
